package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"wildcard/internal/fault"
)

// procfs is a folder where proc(5) is mounted.
type procfs string

const proc procfs = "/proc"

func (pfs procfs) path(pid int, name string) string {
	return filepath.Join(string(pfs), strconv.Itoa(pid), name)
}

// usable returns an error unless the folder shows us under the number that we have: it may be missing, or show the
// processes of another pid namespace, where our numbers are other processes' (unshare --pid without --mount-proc).
func (pfs procfs) usable() error {
	me, err := os.Readlink(filepath.Join(string(pfs), "self"))
	if err == nil && me != strconv.Itoa(os.Getpid()) {
		err = errors.New("it is that of another pid namespace")
	}
	if err != nil {
		return fault.Errorf(fault.CodeState, fault.Misconfigured, "journal: look at %s, which must be mounted: %w", pfs, err)
	}
	return nil
}

// here returns the pid namespace we are in and the boot we are after; "" for what this system does not tell. An error is
// one of reading, not of what there is to read: what writes it down must not take it for "not told".
func (pfs procfs) here() (namespace, boot string, err error) {
	namespace, err = os.Readlink(filepath.Join(string(pfs), "self/ns/pid"))
	id, idErr := os.ReadFile(filepath.Join(string(pfs), "sys/kernel/random/boot_id"))
	if err == nil || hidden(err) {
		err = idErr
	}
	if hidden(err) {
		err = nil
	}
	return namespace, strings.TrimSpace(string(id)), err
}

// hidden reports whether an error of reading says no more than that the system does not show something.
func hidden(err error) bool { return missing(err) || errors.Is(err, fs.ErrPermission) }

// stat is what we need of /proc/PID/stat.
type stat struct {
	state  byte // 'Z' for one that has ended and was not waited for yet
	parent int  // 0 if it has none in our pid namespace
	start  uint64
}

func (pfs procfs) stat(pid int) (stat, error) {
	text, err := os.ReadFile(pfs.path(pid, "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat reads fields 3, 4 and 22. The second one, the program's name, may hold anything, so counting starts after the
// last parenthesis.
func parseStat(text []byte) (stat, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errors.New("its status cannot be read")
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, errors.New("its parent cannot be read")
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, errors.New("its start time cannot be read")
	}
	return stat{state: fields[0][0], parent: parent, start: start}, nil
}

// ancestors returns the parent, its parent, and so on, as far as they can be seen; the last one may be hidden itself.
func (pfs procfs) ancestors(pid int) ([]int, error) {
	status, err := pfs.stat(pid)
	if err != nil {
		return nil, fault.Errorf(fault.CodeState, fault.Failed, "journal: look up the parent of process %d: %w", pid, err)
	}
	var ancestors []int
	const deepest = 1000 // a chain cannot be longer than this unless it changes while we look
	for err == nil && status.parent != 0 && len(ancestors) < deepest {
		ancestors = append(ancestors, status.parent)
		status, err = pfs.stat(status.parent)
	}
	return ancestors, nil
}

// environHas looks at the environment that a process was started with.
func (pfs procfs) environHas(pid int, name string) (bool, error) {
	environ, err := os.ReadFile(pfs.path(pid, "environ"))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(kv []byte) bool {
		return bytes.HasPrefix(kv, []byte(name+"="))
	}), nil
}

// isShell reports whether a process is a shell, or a program that only starts another one as another user. A shell that
// runs a script bears the script's name, but its program and its first argument are still the shell's.
func (pfs procfs) isShell(pid int) bool {
	comm, _ := os.ReadFile(pfs.path(pid, "comm"))
	exe, _ := os.Readlink(pfs.path(pid, "exe")) // other users' cannot be read
	cmdline, _ := os.ReadFile(pfs.path(pid, "cmdline"))
	arg0, _, _ := strings.Cut(string(cmdline), "\x00")
	for _, name := range []string{strings.TrimSuffix(string(comm), "\n"), strings.TrimSuffix(exe, " (deleted)"), arg0} {
		switch strings.TrimPrefix(filepath.Base(name), "-") { // "-bash" is a login shell
		case "sh", "dash", "bash", "rbash", "ash", "busybox", "toybox", "ksh", "ksh93", "mksh", "lksh", "zsh", "fish",
			"yash", "posh", "csh", "tcsh",
			"env", "sudo", "doas", "su", "runuser", "timeout":
			return true
		}
	}
	return false
}

// process returns the process that has the number now; with an error, what is known of it all the same.
func (pfs procfs) process(pid int) (Process, error) {
	status, err := pfs.stat(pid)
	namespace, boot, hereErr := pfs.here()
	p := Process{PID: pid, StartTime: status.start, PIDNamespace: namespace, BootID: boot}
	if hereErr != nil {
		err = hereErr
	}
	if err != nil {
		return p, fault.Errorf(fault.CodeState, fault.Failed, "journal: look up process %d: %w", pid, err)
	}
	return p, nil
}
