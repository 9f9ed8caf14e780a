// Package confine starts programs that are to hold no keys: DNS plugins, which are others' code and talk to others' machines.
//
// Such a program has no_new_privs and, where the kernel has Landlock, sees only what programs need to run at all (the programs and
// libraries of the system, root certificates, the configuration of its resolver, /proc), the files beside its own, and what the
// operator named to it. It writes to what was named alone, and to a folder of its own that is removed after it. It signals no process
// outside. Started by a root that may, it also is another user, with the right to read what it sees.
//
// # Decisions
//
// The user is a number of its own ([User]) and not nobody: what else runs as nobody could read the memory of a plugin, and be read. It
// is in the range that systemd leaves free for others (UIDS-GIDS, "Unused"), so it is no user of any machine.
//
// What is seen is a list of what is allowed, and not one of what is hidden: keys are also in /etc/haproxy, in /root/.ssh and in what
// other programs have. In the box of wildcard-renew.service, where no user can be changed, it is all that stands between.
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
