//go:build linux

package confine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/confine"
	"wildcard/internal/testkit/executable"
)

// TestMain is also the program that is confined: it tries what its arguments name, and says what came of it.
func TestMain(m *testing.M) {
	if os.Getenv("CONFINED") == "" {
		os.Exit(m.Run())
	}
	for _, arg := range os.Args[1:] {
		what, path, _ := strings.Cut(arg, "=")
		fmt.Println(what, try(what, path))
	}
}

func try(what, path string) error {
	socket := func(_ int, err error) error { return err }
	pair := func(_ [2]int, err error) error { return err }
	switch what {
	case "inet":
		return socket(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
	case "unix":
		return socket(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0))
	case "unix-datagrams":
		return socket(unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))
	case "pair":
		return pair(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0))
	case "pair-datagrams":
		return pair(unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0))
	case "pair-raw":
		return pair(unix.Socketpair(unix.AF_UNIX, unix.SOCK_RAW, 0))
	case "pair-packets":
		return pair(unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0))
	case "ring":
		_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 0, 0, 0)
		return errno
	case "read":
		_, err := os.ReadFile(path)
		return err
	case "append":
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			err = file.Close()
		}
		return err
	case "make":
		return os.WriteFile(path, nil, 0o600)
	}
	return change(what, path)
}

func change(what, path string) error {
	switch what {
	case "chmod":
		return unix.Fchmodat(unix.AT_FDCWD, path, 0o666, 0)
	case "chmod-2":
		return unix.Fchmodat(unix.AT_FDCWD, path, 0o666, unix.AT_SYMLINK_NOFOLLOW)
	case "chmod-held":
		fd, err := unix.Open(path, unix.O_PATH, 0)
		if err != nil {
			return err
		}
		return syscall.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o666)
	case "chown":
		return os.Chown(path, os.Geteuid(), -1)
	case "lchown":
		return os.Lchown(path, os.Geteuid(), -1)
	case "setxattr":
		return unix.Setxattr(path, "user.wildcard", []byte("x"), 0)
	case "removexattr":
		return unix.Removexattr(path, "user.wildcard")
	case "truncate":
		return os.Truncate(path, 0)
	case "handle": // by the right to read what it sees, it could open files by their numbers (open_by_handle_at(2))
		handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
		if err != nil {
			return err
		}
		of, err := unix.Open("/usr", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		_, err = unix.OpenByHandleAt(of, handle, unix.O_RDONLY)
		return err
	}
	return fmt.Errorf("what is %s?", what)
}

// confined is what a program says that is started with folders and files that it may write to.
func confined(t *testing.T, program string, write []string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.Env, c.SysProcAttr = []string{"CONFINED=1", "PATH=/usr/bin:/bin"}, &syscall.SysProcAttr{}
	if err := confine.Start(c, "", confine.Named{Write: write}); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	return said.String()
}

// ourselves is this program, as one that everyone may run.
func ourselves(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err) // another user passes it where there is no Landlock
	}
	return dir
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), executable.WriteFile(path, []byte(text), mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestStart_Sockets: no socket leads to a daemon of this machine, such as systemd, a bus, an agent or a container's; a network is there.
func TestStart_Sockets(t *testing.T) {
	t.Parallel()
	said := confined(t, ourselves(t), nil, "inet", "unix", "unix-datagrams", "pair", "pair-datagrams", "pair-raw", "pair-packets", "ring")
	want := "inet <nil>\nunix permission denied\nunix-datagrams permission denied\npair <nil>\npair-datagrams permission denied\npair-raw permission denied\npair-packets <nil>\nring function not implemented\n"
	if said != want {
		t.Errorf("%s", said)
	}
}

// TestStart_Modes: a file that is not seen keeps its mode, its owner and what is in it, also if it belongs to the user as whom the
// program runs.
func TestStart_Modes(t *testing.T) {
	t.Parallel()
	key := write(t, filepath.Join(private(t), "privkey.pem"), "key", 0o600)
	var args []string
	for _, what := range []string{"chmod", "chmod-2", "chmod-held", "chown", "lchown", "setxattr", "removexattr", "truncate", "append", "read", "handle"} {
		args = append(args, what+"="+key)
	}
	said := confined(t, ourselves(t), nil, args...)
	of := filepath.Join(filepath.Dir(key), "of-another")
	if os.Geteuid() == 0 { // the box has CAP_CHOWN
		write(t, of, "", 0o600)
		if err := os.Lchown(of, confine.User, confine.User); err != nil {
			t.Fatal(err)
		}
		if text := confined(t, ourselves(t), []string{of}, "append="+of); text != "append <nil>\n" {
			t.Errorf("%s", text)
		}
	}
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 3 || strings.Contains(said, "<nil>") && confine.Can().View {
		t.Errorf("%v, %v: %s", info, err, said)
	}
}

// TestStart_OnlyRead: what is a program or the system's is read and not written, though a variable names it.
func TestStart_OnlyRead(t *testing.T) {
	t.Parallel()
	dir := private(t)
	program := write(t, filepath.Join(dir, "program"), "#!/bin/sh\n", 0o755)
	data := write(t, filepath.Join(dir, "data"), "", 0o600)
	if err := os.Lchown(data, owner(), -1); err != nil {
		t.Fatal(err)
	}
	added := "/usr/share/wildcard-of-a-test"
	said := confined(t, ourselves(t), []string{program, data, "/usr/share"}, "read="+program, "append="+program, "make="+added, "append="+data)
	if err := os.Remove(added); err == nil && (confine.Can().View || confine.Can().User) {
		t.Error("the system's folder was written to")
	}
	lines := strings.Split(said, "\n")
	if lines[0] != "read <nil>" || confine.Can().View && !strings.Contains(lines[1], "permission denied") || lines[3] != "append <nil>" {
		t.Errorf("%s", said)
	}
}

// owner is the user as whom programs run here.
func owner() int {
	if confine.Can().User {
		return confine.User
	}
	return os.Geteuid()
}

// TestStart_Replaced: what was named, and is a link by the time of the start, leads nowhere.
func TestStart_Replaced(t *testing.T) {
	t.Parallel()
	dir := private(t)
	key := write(t, filepath.Join(dir, "keys", "privkey.pem"), "key", 0o600)
	link, folder := filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	if err := errors.Join(os.Symlink(key, link), os.Symlink(filepath.Dir(key), folder)); err != nil {
		t.Fatal(err)
	}
	said := confined(t, ourselves(t), []string{link, folder}, "read="+key, "read="+link, "read="+folder+"/privkey.pem")
	if confine.Can().View && strings.Count(said, "permission denied") != 3 {
		t.Errorf("%s", said)
	}
}

// TestStart_Beside: a script has the files beside it that everyone may read, and not the credentials that are there too.
func TestStart_Beside(t *testing.T) {
	t.Parallel()
	dir := private(t)
	write(t, filepath.Join(dir, "functions.sh"), "echo functions\n", 0o644)
	write(t, filepath.Join(dir, "conoha.env"), "canary", 0o600)
	write(t, filepath.Join(dir, "privkey.pem"), "canary", 0o640)
	write(t, filepath.Join(dir, ".netrc"), "canary", 0o644)
	write(t, filepath.Join(dir, "archive", "a"), "canary", 0o644)
	executable.Write(t, filepath.Join(dir, "script"), `#!/bin/sh
cd "${0%/*}"; . ./functions.sh; cat conoha.env privkey.pem .netrc archive/a
echo error >/dev/stderr
echo output >/dev/stdout
`)
	said := confined(t, filepath.Join(dir, "script"), nil)
	for _, want := range []string{"functions\n", "error\n", "output\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if confine.Can().View && strings.Contains(said, "canary") {
		t.Errorf("%s", said)
	}
}

// TestStart_VirtualEnvironment: a script has the program of its first line, and the modules of the environment of Python that it is in;
// a folder that has a bin, as home directories do, is no such environment.
func TestStart_VirtualEnvironment(t *testing.T) {
	t.Parallel()
	for _, is := range []bool{true, false} {
		dir := private(t)
		module := write(t, filepath.Join(dir, "venv", "lib", "module.py"), "import this", 0o644)
		if is {
			write(t, filepath.Join(dir, "venv", "pyvenv.cfg"), "home = /usr/bin\n", 0o644)
		}
		python := filepath.Join(dir, "venv", "bin", "python")
		write(t, filepath.Join(dir, "venv", "bin", "other"), "", 0o600)
		executable.Write(t, python, "#!/bin/sh\necho python; cat "+module+" || :\n")
		script := filepath.Join(dir, "script")
		executable.Write(t, script, "#!"+python+"\n")
		said := confined(t, script, nil)
		if !strings.Contains(said, "python\n") || confine.Can().View && strings.Contains(said, "import this") != is {
			t.Errorf("%t: %s", is, said)
		}
	}
}

// TestStart_StaysHidden: that a program is started as another user does not uncover our memory, nor hide it.
func TestStart_StaysHidden(t *testing.T) { //nolint:paralleltest // it is of the whole process
	for _, hidden := range []int{0, 1} {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, uintptr(hidden), 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		confined(t, ourselves(t), nil)
		if now, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); now != hidden || err != nil {
			t.Errorf("%d is %d (%v)", hidden, now, err)
		}
	}
}

// TestStart_Boxed: a root who may not be another user, as in the box of wildcard-renew.service, hides as much; what it starts has
// no capabilities but for the files of others, of which it sees those that are named.
func TestStart_Boxed(t *testing.T) {
	t.Parallel()
	said := confined(t, "/bin/grep", nil, "-E", "^(CapEff|CapPrm|NoNewPrivs|Seccomp):", "/proc/self/status")
	if !confine.Can().User {
		few := fmt.Sprintf("%016x", effective(t)&(1<<unix.CAP_DAC_OVERRIDE|1<<unix.CAP_DAC_READ_SEARCH))
		if said != "CapPrm:\t"+few+"\nCapEff:\t"+few+"\nNoNewPrivs:\t1\nSeccomp:\t2\n" {
			t.Errorf("%s", said)
		}
		return
	}
	c := exec.CommandContext(t.Context(), "setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", ourselves(t), "-test.run=^TestStart_", "-test.v")
	if text, err := c.CombinedOutput(); err != nil || !strings.Contains(string(text), "--- PASS: TestStart_Modes") {
		t.Errorf("%v: %s", err, text)
	}
}

// effective are our own capabilities.
func effective(t *testing.T) uint32 {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	return data[0].Effective
}
