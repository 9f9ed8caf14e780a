package confine

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/subprocess"
)

const (
	readable = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// oldest are the accesses that the first version knew.
	oldest   = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	ofFiles  = readable&^unix.LANDLOCK_ACCESS_FS_READ_DIR | writable
	writable = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	creating = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
)

// noSetuidFixup is SECBIT_NO_SETUID_FIXUP of linux/securebits.h.
const noSetuidFixup = 1 << 2

// versions are what kernels may know, the newest first (landlock(7), "Landlock versions").
func versions() []unix.LandlockRulesetAttr {
	const (
		referring  = oldest | unix.LANDLOCK_ACCESS_FS_REFER
		truncating = referring | unix.LANDLOCK_ACCESS_FS_TRUNCATE
		scopes     = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	)
	return []unix.LandlockRulesetAttr{
		{Handled_access_fs: truncating | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX, Scoped: scopes},
		{Handled_access_fs: truncating, Scoped: scopes},
		{Handled_access_fs: truncating},
		{Handled_access_fs: referring},
		{Handled_access_fs: oldest},
	}
}

// ruleset makes one, and returns the accesses that it is about.
func ruleset() (fd int, handled uint64, err error) {
	for _, attr := range versions() {
		r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
		switch {
		case errno == 0:
			return int(r), attr.Handled_access_fs, nil
		case errno != unix.EINVAL && errno != unix.E2BIG:
			return -1, 0, errno
		}
		err = errno
	}
	return -1, 0, err
}

// system is what programs need to run at all. /etc has too much that is secret to be there as a whole.
func system() []string {
	etc := strings.Fields(`alternatives bash.bashrc bindresvport.blacklist ca-certificates ca-certificates.conf crypto-policies
		gai.conf group host.conf hostname hosts java krb5.conf krb5.conf.d ld.so.cache ld.so.conf ld.so.conf.d
		localtime locale.alias locale.conf mime.types networks nsswitch.conf os-release passwd perl
		pki/ca-trust pki/java pki/tls/cert.pem pki/tls/certs pki/tls/openssl.cnf profile protocols
		python resolv.conf rpc services ssl/ca-bundle.pem ssl/cert.pem ssl/certs ssl/openssl.cnf terminfo
		timezone`)
	all := strings.Fields(`/bin /lib /lib32 /lib64 /libx32 /sbin /usr/bin /usr/lib /usr/lib32 /usr/lib64 /usr/libexec /usr/libx32
		/usr/sbin /usr/share /usr/local/bin /usr/local/lib /usr/local/lib64 /usr/local/libexec /usr/local/sbin
		/usr/local/share /gnu/store /nix/store /proc /sys/devices/system/cpu /sys/fs/cgroup
		/sys/kernel/mm/transparent_hugepage /run/systemd/resolve /run/resolvconf
		/run/NetworkManager/resolv.conf /var/lib/ca-certificates /dev/null /dev/zero /dev/full /dev/random
		/dev/urandom`)
	for _, name := range etc {
		all = append(all, "/etc/"+name)
	}
	return all
}

// Start starts a command for which nothing was set that this sets: HOME and TMPDIR are dir, which it gets for its own, "" for none.
func Start(c *exec.Cmd, dir string, named Named) error {
	return onThread(func() error { return start(c, dir, named) })
}

// onThread calls a function on a thread that ends after it, since its rights do not come back; the runtime makes no other from it.
func onThread(f func() error) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			ended <- f()
			return
		}
		err := onThread(f) // the first thread stands for the process in /proc, and does not end
		runtime.UnlockOSThread()
		ended <- err
	}()
	return <-ended
}

func start(c *exec.Cmd, dir string, named Named) error {
	able := Can()
	if able.User {
		if err := another(c, dir, able.View); err != nil {
			return err
		}
	}
	if dir != "" {
		c.Env = append(c.Env, "HOME="+dir, "TMPDIR="+dir)
		named.Write = append(slices.Clip(named.Write), dir)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if able.View {
		if err := restrict(append(beside(c.Path), named.Read...), named.Write); err != nil {
			return fmt.Errorf("landlock: %w", err)
		}
	}
	defer stayHidden()()
	if able.User {
		// Its pipes, made at the start, are its own: by /dev/stderr they are opened once more.
		if err := cmp.Or(unix.Setfsgid(User), unix.Setfsuid(User)); err != nil {
			return err
		}
	} else if err := renounce(); err != nil {
		return err
	}
	if err := restrictCalls(); err != nil {
		return err
	}
	return c.Start()
}

// stayHidden returns what has our memory be as hidden as it is: where another user is set, even in a child that has our memory until it
// is another program, the kernel makes it what fs.suid_dumpable says (prctl(2), PR_SET_DUMPABLE).
func stayHidden() func() {
	was, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || was > 1 {
		was = 0
	}
	return func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, uintptr(was), 0, 0, 0) }
}

// another has a command be another user, with the right to read what it sees.
func another(c *exec.Cmd, dir string, view bool) error {
	if err := runnable(c.Path); err != nil {
		return err
	}
	c.SysProcAttr.Credential = &syscall.Credential{Uid: User, Gid: User}
	if view {
		c.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_DAC_READ_SEARCH}
		// That it counts for the folders of the program too, which are passed before it runs (capabilities(7)); else they have to be open.
		_ = unix.Prctl(unix.PR_SET_SECUREBITS, noSetuidFixup, 0, 0, 0)
	}
	if dir == "" {
		return nil
	}
	return os.Lchown(dir, User, User)
}

// NotForOthersError says that a program can be run by its owner alone.
type NotForOthersError struct{ Path string }

func (e *NotForOthersError) Error() string {
	return fmt.Sprintf("it runs as user %d, who may not: chmod a+rx %s", User, e.Path)
}

func runnable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o005 != 0o005 {
		err = &NotForOthersError{path}
	}
	return err
}

// beside are the program and the files of its folder that everyone may read, which may be what it runs; without those that are hidden,
// and without folders. With them is what the programs of their first lines have: of Python's virtual environments, all.
func beside(program string) []string {
	files := append([]string{program}, interpreters(program)...)
	entries, err := os.ReadDir(filepath.Dir(program))
	if err != nil {
		return files
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(filepath.Dir(program), e.Name()))
		}
	}
	return files
}

// interpreters are the programs that run a script, with the environment of Python that they are in (PEP 405).
func interpreters(program string) []string {
	var found []string
	for _, path := range subprocess.Interpreters(program) {
		found = append(found, path)
		if prefix := filepath.Dir(filepath.Dir(path)); filepath.Base(filepath.Dir(path)) == "bin" {
			if info, err := os.Stat(filepath.Join(prefix, "pyvenv.cfg")); err == nil && info.Mode().IsRegular() {
				found = append(found, prefix)
			}
		}
	}
	return found
}

// restrict takes from this thread, and from what it starts, all files but these. What is a program or the system's can only be read, by
// whatever name it is given.
func restrict(read, write []string) error {
	fd, handled, err := ruleset()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, path := range append(system(), read...) {
		if err := allow(fd, path, 0, handled&readable); err != nil {
			return err
		}
	}
	for _, path := range write {
		access := handled &^ creating
		if ofSystem(path) {
			access = handled & readable
		}
		// Another process of a plugin could put a link in the place of what is its own.
		if err := allow(fd, path, unix.O_NOFOLLOW, access); err != nil {
			return err
		}
	}
	if err := allow(fd, "/dev/null", 0, handled&^creating); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(fd), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// ofSystem reports whether a path without links leads to what programs need to run at all.
func ofSystem(path string) bool {
	return slices.ContainsFunc(system(), func(of string) bool { return path == of || strings.HasPrefix(path, of+"/") })
}

// allow adds a rule, if there is such a path.
func allow(rules int, path string, flags int, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil //nolint:nilerr // what is not there or cannot be reached needs no rule
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	switch kind := info.Mode & unix.S_IFMT; {
	case kind == unix.S_IFLNK:
		return nil
	case kind != unix.S_IFDIR && info.Mode&0o111 != 0:
		access &= ofFiles & readable
	case kind != unix.S_IFDIR:
		access &= ofFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("%s: %w", path, errno)
	}
	return nil
}

// Can is what this process can do.
func Can() Powers {
	fd, _, err := ruleset()
	if err == nil {
		unix.Close(fd)
	}
	view := err == nil
	return Powers{User: os.Geteuid() == 0 && capable(view) && mapped("uid_map") && mapped("gid_map"), View: view}
}

// capable reports whether we may be another user, end what runs as one, remove what it leaves, and have it read what it sees.
func capable(view bool) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	wanted := uint32(1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_KILL |
		1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER)
	if view {
		wanted |= 1 << unix.CAP_DAC_READ_SEARCH
	}
	groups, err := os.ReadFile("/proc/self/setgroups")
	return data[0].Effective&wanted == wanted &&
		(errors.Is(err, os.ErrNotExist) || strings.TrimSpace(string(groups)) == "allow")
}

// mapped reports whether there is such a user in our user namespace (user_namespaces(7)).
func mapped(name string) bool {
	text, err := os.ReadFile("/proc/self/" + name)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, err := strconv.ParseUint(f[0], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err == nil && err2 == nil && first <= User && User-first < count {
			return true
		}
	}
	return false
}
