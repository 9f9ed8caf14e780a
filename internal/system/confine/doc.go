// Package confine starts programs that are to hold no keys: DNS plugins, which are others' code and talk to others' machines.
//
// Such a program has no_new_privs and, where the kernel has Landlock, sees only what programs need to run at all (the programs and
// libraries of the system, root certificates, the configuration of its resolver, /proc), the files beside its own, and what the
// operator named to it. It writes to what was named alone, and to a folder of its own that is removed after it. It signals no process
// outside (Linux 6.12). Started by a root that may, it also is another user, with the right to read what it sees. Where no user can be
// changed, it has no capabilities but to use what belongs to that user.
//
// # Decisions
//
// The user is a number of its own ([User]), not 65534, as whom much else runs that could read the memory of a plugin, and be read. It is
// in the range that systemd leaves free for others (UIDS-GIDS, "Unused"), so it is no user of any machine.
//
// What is seen is a list of what is allowed, and not one of what is hidden: keys are also in /etc/haproxy, in /root/.ssh and in what
// other programs have. In the box of wildcard-renew.service, where no user can be changed, it is all that stands between.
//
// Landlock is asked about files, and not about what they are (modes, owners), nor, before RESOLVE_UNIX, about the sockets of daemons: by
// those of systemd, of a bus or of an agent, a plugin that is the user that we are would have all done for it. A filter of system calls
// (seccomp(2)) refuses both; modes of what it has opened are its own. A plugin with a use for such a socket is one for exec:.
//
// The files beside a program are seen if everyone may read them: a folder of programs may have credentials in it, which have mode 0600. The
// system's own folders (/usr/bin, /usr/lib, /usr/share, those of /usr/local) are seen whole.
//
// HOME and TMPDIR are the folder of its own. What a program would find in a home directory (.aws, .netrc) has to be named.
//
// Landlock rules are of a thread, and fork(2) hands on those of the thread that calls it: a thread is made for the start, and ended.
// The module github.com/landlock-lsm/go-landlock restricts all threads of a process at once, which is not what is wanted here, so its
// three system calls are made as they are.
package confine

import (
	"io/fs"

	"wildcard/internal/system/safepath"
)

// User is the user and the group as whom such programs run, if root starts them.
const User = 60953

// Named are the files and folders that a program may use, without links.
type Named struct {
	Read  []string // alone
	Write []string // and read, if they are no programs and not the system's
}

// Powers are what can be done here.
type Powers struct {
	User bool // to be another user
	View bool // to hide files (Landlock)
}

// Owns reports whether a file or folder is of the user as whom such programs run.
func Owns(info fs.FileInfo) bool {
	uid, _ := safepath.Ours(info)
	return uid == User
}
