package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/executable"
)

// The ways in which certbot's hooks are run, by real processes: "certbot" gives the variables to its child alone.
func TestClient(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wrapper := filepath.Join(dir, "wrapper.sh")
	executable.Write(t, wrapper, "#!/bin/sh\n"+exe+"\nexit $?\n")
	for name, hook := range map[string]string{
		"as certbot does it":              exe,
		"no shell between":                "exec " + exe,
		"a shell between":                 exe + "; exit $?",
		"a script between":                wrapper,
		"a shell and a script between":    wrapper + "; exit $?",
		"two shells and a script between": "sh -c '" + wrapper + "; exit $?'; exit $?",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certbot := program(t, "certbot", "JOURNAL_TEST_HOOK="+hook)
			out, err := certbot.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got Process
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			if got.PID != certbot.Process.Pid || got.StartTime == 0 {
				t.Errorf("got %+v, want %d", got, certbot.Process.Pid)
			}
		})
	}
}

// A parent that has exported the variables, as a person does to try a hook by hand, looks like the shell between: the client
// is what started it.
func TestClient_Exported(t *testing.T) {
	t.Parallel()
	certbot := program(t, "certbot", "CERTBOT_VALIDATION=exported")
	certbot.Env = append(certbot.Env, "JOURNAL_TEST_HOOK="+certbot.Path+"; exit $?")
	out, err := certbot.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got Process
	if err := json.Unmarshal(out, &got); err != nil || got != self(t) {
		t.Errorf("got %+v, %v, want us", got, err)
	}
}

// certbot died before its hook looked. The process that takes in orphans is no certbot that has ended.
func TestClient_Orphan(t *testing.T) {
	t.Parallel()
	hook := program(t, "orphan")
	certbot := exec.CommandContext(t.Context(), "sh", "-c", "JOURNAL_TEST_PARENT=$$ "+hook.Path+" & exit 0")
	certbot.Env, certbot.Stderr = hook.Env, os.Stderr
	out, err := certbot.Output() // which waits for the orphan's end of the pipe
	if err != nil {
		t.Fatal(err)
	}
	var client, parent int
	var ended bool
	if _, err := fmt.Sscan(string(out), &client, &parent, &ended); err != nil || client != parent || ended || client == certbot.Process.Pid {
		t.Errorf("%q, %v", out, err)
	}
}

// fakeProcess is what a folder of /proc says.
type fakeProcess struct {
	parent  int
	environ string // "hidden" cannot be read
	comm    string
	exe     string
	cmdline string
}

// fakeProc makes a /proc with these processes, in which we are 100, the hook, and also who we are.
func fakeProc(t *testing.T, processes map[int]fakeProcess) procfs {
	t.Helper()
	at := procfs(t.TempDir())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(at.path(os.Getpid(), "ns"), 0o700))
	do(os.Symlink(strconv.Itoa(os.Getpid()), string(at)+"/self"))
	do(os.Symlink("pid:[1]", string(at)+"/self/ns/pid"))
	do(os.MkdirAll(string(at)+"/sys/kernel/random", 0o700))
	do(os.WriteFile(string(at)+"/sys/kernel/random/boot_id", []byte("boot\n"), 0o600))
	for pid, p := range processes {
		do(os.MkdirAll(at.path(pid, ""), 0o700))
		do(os.WriteFile(at.path(pid, "stat"), fmt.Appendf(nil, "%d (%s) S %d 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 %d 10 11\n", pid, p.comm, p.parent, pid+5000), 0o600))
		do(os.WriteFile(at.path(pid, "comm"), []byte(p.comm+"\n"), 0o600))
		do(os.WriteFile(at.path(pid, "cmdline"), []byte(strings.ReplaceAll(p.cmdline, " ", "\x00")+"\x00"), 0o600))
		if p.exe != "" {
			do(os.Symlink(p.exe, at.path(pid, "exe")))
		}
		if p.environ != "hidden" {
			do(os.WriteFile(at.path(pid, "environ"), []byte(strings.ReplaceAll(p.environ, " ", "\x00")+"\x00"), 0o600))
		}
	}
	return at
}

// What real processes cannot be made to be, by everybody who runs tests.
func TestClient_FromProc(t *testing.T) {
	t.Parallel()
	const validation = "A=B CERTBOT_VALIDATION=x"
	init := fakeProcess{comm: "init", cmdline: "/sbin/init"}
	for name, test := range map[string]struct {
		processes map[int]fakeProcess
		want      int
		unknown   bool
	}{
		"by environment, whatever the names": {processes: map[int]fakeProcess{
			100: {parent: 90, environ: validation},
			90:  {parent: 80, environ: validation, comm: "x) S 1 (y", cmdline: "x"},
			80:  {parent: 1, environ: "XCERTBOT_VALIDATION=1 CERTBOT_VALIDATIONS=2", comm: "sh", cmdline: "sh"},
			1:   init,
		}, want: 80},
		"environments of another user": {processes: map[int]fakeProcess{
			100: {parent: 90, environ: validation},
			90:  {parent: 80, environ: "hidden", comm: "sudo", cmdline: "sudo -u dns hook"},
			80:  {parent: 70, environ: "hidden", comm: "hook.sh", cmdline: "/bin/sh /usr/local/bin/hook.sh"},
			70:  {parent: 60, environ: "hidden", comm: "hook.bash", exe: "/usr/bin/bash (deleted)", cmdline: "renamed"},
			60:  {parent: 50, environ: "hidden", comm: "sh", cmdline: "x"},
			50:  {parent: 1, environ: "hidden", comm: "certbot", exe: "/usr/bin/python3.13", cmdline: "/usr/bin/python3 /usr/bin/certbot renew"},
			1:   init,
		}, want: 50},
		"exported for everybody": {processes: map[int]fakeProcess{
			100: {parent: 90, environ: validation},
			90:  {parent: 80, environ: validation, comm: "sh", cmdline: "sh -c hook"},
			80:  {parent: 70, environ: validation, comm: "certbot", cmdline: "/usr/bin/python3 /usr/bin/certbot"},
			70:  {environ: validation, comm: "bash", cmdline: "-bash"},
		}, want: 80},
		"nothing but shells": {processes: map[int]fakeProcess{
			100: {parent: 90, environ: validation},
			90:  {parent: 80, environ: "hidden", comm: "sh", cmdline: "sh"},
			80:  {environ: "hidden", comm: "bash", cmdline: "-bash"},
		}, want: 80},
		"an ancestor that is hidden itself": {processes: map[int]fakeProcess{
			100: {parent: 90, environ: validation},
		}, want: 90, unknown: true},
		"taken in by process 1": {processes: map[int]fakeProcess{
			100: {parent: 1, environ: validation},
			1:   init,
		}, want: 1},
		"a parent outside of the pid namespace": {processes: map[int]fakeProcess{
			100: {parent: 0, environ: validation},
		}, want: 0, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fakeProc(t, test.processes).client(100)
			want := Process{PID: test.want, StartTime: uint64(test.want) + 5000, PIDNamespace: "pid:[1]", BootID: "boot"}
			if test.unknown {
				want.StartTime = 0
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestClient_NoProc(t *testing.T) {
	t.Parallel()
	foreign := fakeProc(t, nil)
	without("self")(t, foreign)
	if err := os.Symlink("4711", string(foreign)+"/self"); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]procfs{
		"not mounted":                             procfs(t.TempDir()),
		"of another pid namespace":                foreign,
		"without us":                              fakeProc(t, nil),
		"with a status of other form":             brokenStat(t),
		"with an environment that cannot be read": broken(t, "90/environ"),
		"with a start that cannot be read":        broken(t, "sys/kernel/random/boot_id"),
	} {
		if got, err := at.client(100); fault.CodeOf(err) != fault.CodeState || got != (Process{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// broken is a /proc in which something that is there cannot be read: nothing may be concluded from that.
func broken(t *testing.T, name string) procfs {
	t.Helper()
	at := fakeProc(t, map[int]fakeProcess{100: {parent: 90, environ: "CERTBOT_VALIDATION=x"}, 90: {comm: "certbot"}})
	path := filepath.Join(string(at), name)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // reading it fails, for root as well
		t.Fatal(err)
	}
	return at
}

func brokenStat(t *testing.T) procfs {
	t.Helper()
	at := fakeProc(t, map[int]fakeProcess{100: {parent: 1}})
	if err := os.WriteFile(at.path(100, "stat"), []byte("100 (hook) S"), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}
