package hooks_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// certbot plays certbot: a process that runs one hook through a shell, gives the variables to that child alone, and waits.
func (w *world) certbot(kind string, c call) *exec.Cmd {
	w.t.Helper()
	hook := w.command(kind, c)
	var words []string
	var own []string
	for _, kv := range hook.Env {
		if strings.HasPrefix(kv, "CERTBOT_") {
			words = append(words, "'"+kv+"'")
		} else {
			own = append(own, kv)
		}
	}
	script := "env " + strings.Join(words, " ") + " sh -c '" + hook.Path + "; exit $?'; exit $?"
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = slices.Concat(own, []string{"PATH=/usr/local/bin:/usr/bin:/bin"})
	return cmd
}

// kill9 ends a process, and nothing but it.
func (w *world) kill9(pid int) {
	w.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
}

func isCreate(r conohatest.Request) bool { return r.Service == "dns" && r.Method == "POST" }

// Fault 109: the hook is killed around its create call. certbot, which lives, calls the cleanup hook.
func TestCrash_Fault109_HookKilled(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"before the record is there": false, "after the record is there": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{})
			fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: isCreate}, After: after, Hang: true})
			c := call{domain: "example.com", value: value(1)}
			cmd := w.command("auth", c)
			_, wait := w.background(cmd)
			w.eventually("the create call", func() bool { return fault.Hits() > 0 })
			w.kill9(cmd.Process.Pid)
			wait()
			w.conoha.ClearFaults()
			if got := len(w.txt()); (got == 1) != after {
				t.Errorf("%d records", got)
			}
			w.must("cleanup", c)
			w.clean()
		})
	}
}

// The hook and certbot are both killed: the next start of either hook, whatever it is called for, removes what was left and
// nothing else.
func TestCrash_AllKilled(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"auth", "cleanup"} {
		for name, after := range map[string]bool{"before": false, "after": true} {
			t.Run(next+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, conohatest.Options{})
				fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: isCreate}, After: after, Hang: true})
				certbot := w.certbot("auth", call{domain: "example.com", value: value(1)})
				certbot.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				_, wait := w.background(certbot)
				w.eventually("the create call", func() bool { return fault.Hits() > 0 })
				w.kill9(-certbot.Process.Pid) // the whole group: certbot, shell and hook
				wait()
				w.conoha.ClearFaults()
				if len(w.journal()) != 1 {
					t.Fatalf("journal %q", w.journal())
				}
				c := call{domain: "example.co.jp", value: value(2)}
				c.output = w.must(next, c)
				if slices.Contains(w.txt(), value(1)) {
					t.Errorf("left: %q", w.txt())
				}
				w.must("cleanup", c)
				w.clean()
			})
		}
	}
}

// certbot dies while its last hook waits. The hook, now an orphan, removes its own record and those of the earlier calls.
func TestCrash_CertbotKilledDuringTheWait(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"SIGKILL": syscall.SIGKILL, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Hour}})
			first, second := w.certbot("auth", call{domain: "example.com", value: value(1), remaining: 1}), w.certbot("auth", call{domain: "example.com", value: value(2)})
			both := exec.Command("sh", "-c", strings.TrimSuffix(first.Args[2], "; exit $?")+" && "+second.Args[2])
			both.Env = first.Env
			var stderr bytes.Buffer
			both.Stderr = &stderr
			_, wait := w.background(both)
			w.eventually("both records", func() bool { return len(w.txt()) == 2 })
			w.eventually("the wait", func() bool {
				return slices.ContainsFunc(w.conoha.Questions(), func(q conohatest.Question) bool { return q.Type == "TXT" })
			})
			if err := syscall.Kill(both.Process.Pid, signal); err != nil {
				t.Fatal(err)
			}
			w.eventually("the orphan cleans up", func() bool { return len(w.txt()) == 0 && len(w.journal()) == 0 })
			wait()
			w.clean()
		})
	}
}

// Fault 110: certbot gets SIGTERM during the create call of an auth hook. It then never calls the cleanup hook.
func TestCrash_Fault110_CertbotTerminatedDuringCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: isCreate}, After: true, Delay: 500 * time.Millisecond})
	certbot := w.certbot("auth", call{domain: "example.com", value: value(1), remaining: 1})
	_, wait := w.background(certbot)
	w.eventually("the create call", func() bool { return fault.Hits() > 0 })
	w.kill9(certbot.Process.Pid)
	w.eventually("the orphan cleans up", func() bool { return len(w.txt()) == 0 && len(w.journal()) == 0 })
	wait()
	w.clean()
}

// A signal during a look-up, which only knows that it was broken off, is a signal all the same.
func TestAuth_InterruptedAtLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Service: conohatest.ServiceIdentity}, Hang: true})
	cmd := w.command("auth", call{domain: "example.com", value: value(1)})
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_, wait := w.background(cmd)
	w.eventually("the login", func() bool { return fault.Hits() > 0 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait()
	if got := cmd.ProcessState.ExitCode(); got != 143 || !strings.Contains(stderr.String(), "interrupted by SIGTERM") {
		t.Errorf("exit %d: %s", got, stderr.Bytes())
	}
	w.clean()
}

// A signal to the hook itself, as from Ctrl-C or a service manager that ends the whole group.
func TestAuth_Interrupted(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Hour}})
			cmd := w.command("auth", call{domain: "example.com", value: value(1)})
			_, wait := w.background(cmd)
			w.eventually("the wait", func() bool {
				return slices.ContainsFunc(w.conoha.Questions(), func(q conohatest.Question) bool { return q.Type == "TXT" })
			})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			wait()
			if got := cmd.ProcessState.ExitCode(); got != code {
				t.Errorf("exit %d, want %d", got, code)
			}
			w.clean()
		})
	}
}

// Below nohup a hook goes on when the terminal is closed, as any command does.
func TestAuth_HangupIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Hour}})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.command("auth", call{program: "/bin/sh", args: []string{"-c", `trap "" HUP; exec "$0"`, exe}, domain: "example.com", value: value(1)})
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ended, wait := w.background(cmd)
	asked := func() int {
		return len(slices.DeleteFunc(w.conoha.Questions(), func(q conohatest.Question) bool { return q.Type != "TXT" }))
	}
	send := func(signal syscall.Signal) {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("the wait", func() bool { return asked() > 0 })
	send(syscall.SIGHUP)
	before := asked()
	w.eventually("another question", func() bool { return asked() >= before+2 || ended.Load() })
	send(syscall.SIGTERM)
	wait()
	if got := cmd.ProcessState.ExitCode(); got != 143 || !strings.Contains(stderr.String(), "interrupted by SIGTERM") {
		t.Errorf("exit %d: %s", got, stderr.Bytes())
	}
	w.clean()
}
