package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestDead(t *testing.T) {
	t.Parallel()
	me := self(t)
	with := func(change func(*Process)) Process {
		p := me
		change(&p)
		return p
	}
	for _, test := range []struct {
		name string
		p    Process
		age  time.Duration
		want bool
	}{
		{"we ourselves", me, 100 * time.Hour, false},
		{"our number, another start", with(func(p *Process) { p.StartTime++ }), 0, true},
		{"before the machine's last start", with(func(p *Process) { p.BootID = "x" }), 0, true},
		{"a number nobody has", with(func(p *Process) { p.PID = 1 << 30 }), 0, true},
		{"another namespace, young", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), time.Hour, false},
		{"another namespace and boot, young", with(func(p *Process) { p.PIDNamespace, p.BootID = "pid:[1]", "x" }), time.Hour, false},
		{"another namespace, old", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), mostUnknown + time.Second, true},
		{"a clock that went back", with(func(p *Process) { p.PIDNamespace = "pid:[1]" }), -time.Hour, false},
		{"process 1", with(func(p *Process) { p.PID = 1 }), time.Hour, false},
		{"nothing known", Process{}, time.Hour, false},
	} {
		if got := test.p.Dead(test.age); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

// A killed certbot whose parent has not waited for it yet is dead.
func TestDead_Zombie(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Find(cmd.Process.Pid)
	if err != nil || p.Dead(0) {
		t.Errorf("alive: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the zombie is dead", func() bool { return p.Dead(0) })
	_ = cmd.Wait()
	if !p.Dead(0) {
		t.Error("the dead came back")
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 10 11\n"
	for text, want := range map[string]stat{
		"42 (hook) S 7" + rest:              {'S', 7, 98765},
		"42 (a) R 1 (b) c) Z 7" + rest:      {'Z', 7, 98765},
		"42 (line\nbreak ) ) S 7" + rest:    {'S', 7, 98765},
		"42 (short) S 7 1":                  {},
		"":                                  {},
		"42 (x) S seven" + rest:             {},
		"42 (x) S 7 1 1 0 -1 4 1 2 3 4 5 6": {},
	} {
		got, err := parseStat([]byte(text))
		if got != want || (err == nil) != (want != stat{}) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Find(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	unwatched, err := Watch(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	ended, err := Watch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	polled := make(chan struct{})
	go pollProcess(t.Context(), p, polled)
	select {
	case <-ended:
		t.Error("it has not ended")
	case <-unwatched:
		t.Error("it has not ended, and nobody watches")
	default:
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]<-chan struct{}{"pidfd": ended, "polling": polled} {
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: nobody noticed", name)
		}
	}
	_ = cmd.Wait()
	gone, err := Watch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Error("it had ended before")
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	nobody, err := Watch(ctx, Process{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-nobody:
		t.Error("process 1 has ended")
	default:
	}
}

// The ways in which certbot's hooks are run. "certbot" is a shell script here that reports its own number; the variables are
// given to its child alone, as certbot does.
func TestClient(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wrapper := filepath.Join(dir, "wrapper.sh")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\n"+exe+"\nexit $?\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, hook := range map[string]string{
		"a shell that runs the hook in its place": "exec " + exe,
		"a shell between":                         exe + "; exit $?",
		"a script between":                        wrapper + "; exit $?",
		"two shells between":                      "sh -c '" + exe + "; exit $?'; exit $?",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certbot := `echo $$; CERTBOT_VALIDATION=x JOURNAL_TEST_PROGRAM=client sh -c "$1"; exit $?`
			out, err := exec.Command("sh", "-c", certbot, "certbot", hook).Output()
			if err != nil {
				t.Fatal(err)
			}
			var pid int
			var got Process
			if _, err := fmt.Sscan(string(out), &pid); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(out[len(fmt.Sprint(pid)):], &got); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			if got.PID != pid {
				t.Errorf("got %d, want %d", got.PID, pid)
			}
		})
	}
}

// Where every ancestor has the variable, as when a person exports it to try a hook, the nearest that is no shell is taken.
func TestClient_Exported(t *testing.T) {
	t.Parallel()
	shell, err := isShellOf("sh", "-c", "read line")
	if err != nil || !shell {
		t.Errorf("sh: %v, %v", shell, err)
	}
	other, err := isShellOf("sleep", "60")
	if err != nil || other {
		t.Errorf("sleep: %v, %v", other, err)
	}
	ancestors, err := ancestorsOf(os.Getpid())
	if err != nil || len(ancestors) == 0 || ancestors[0] != os.Getppid() {
		t.Errorf("%v, %v", ancestors, err)
	}
}

func isShellOf(name string, args ...string) (bool, error) {
	cmd := exec.Command(name, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	return isShell(cmd.Process.Pid), nil
}
