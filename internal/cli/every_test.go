package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/state"
	"wildcard/internal/testkit/acmetest"
)

// looped runs "renew --every 6h" in this process, by the world's clock: between is called in the time between two runs, with the
// number of those that ended and that time, and says whether there is to be a next one.
func (w *world) looped(between func(runs int, d time.Duration) bool, args ...string) said {
	w.t.Helper()
	stdout, out := gather(w.t)
	stderr, errs := gather(w.t)
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		w.t.Fatal(err)
	}
	defer stdin.Close()
	runs := 0
	sleep := func(ctx context.Context, d time.Duration) error {
		if d < time.Hour { // it is a CA that is waited for
			return w.time.Sleep(ctx, d)
		}
		runs++
		if !between(runs, d) {
			return fault.Interrupted{Signal: syscall.SIGTERM}
		}
		return w.time.Sleep(ctx, d)
	}
	p := &program{environ: w.environ, stdin: stdin, stdout: stdout, stderr: stderr, now: w.time.Now, sleep: sleep, root: w.dir}
	code := p.main(append([]string{"wildcard", "renew", "--every", "6h"}, args...))
	return said{w.t, code, out(), errs()}
}

// Between the runs goes by what was asked for, less a part at random; each run says one line, and the one in which the certificate is
// due renews it.
func TestRenewEvery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	var waits []time.Duration
	got := w.looped(func(runs int, d time.Duration) bool {
		waits = append(waits, d)
		if runs == 4 {
			w.at(due(w.lineage("example.com")))
		}
		return runs < 5
	}).exits(0)
	lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[5], "1 renewed, 0 not due, 0 failed. Next run: ") {
		t.Errorf("%q", lines)
	}
	for _, line := range lines[:4] {
		if !strings.HasPrefix(line, "Nothing is due: 1 certificate good for now. Next run: ") {
			t.Errorf("%q", line)
		}
	}
	for _, d := range waits {
		if d < 324*time.Minute || d > 6*time.Hour {
			t.Errorf("waited %v", d)
		}
	}
	if slices.Min(waits) == slices.Max(waits) {
		t.Errorf("no run is at random: %v", waits)
	}
	w.orders(2)
	w.nothingLeft()
}

func TestRenewEvery_NoJitterQuietJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	three := func(runs int, d time.Duration) bool {
		if d != 6*time.Hour {
			t.Errorf("waited %v", d)
		}
		return runs < 3
	}
	if got := w.looped(three, "--no-jitter", "--quiet").exits(0); got.stdout+got.stderr != "" {
		t.Errorf("quiet: %s%s", got.stdout, got.stderr)
	}
	decoder := json.NewDecoder(strings.NewReader(w.looped(three, "--no-jitter", "--json").exits(0).stdout))
	for range 3 {
		var answer renewAnswer
		if err := decoder.Decode(&answer); err != nil || answer.Kept != 1 || answer.Next == nil {
			t.Errorf("%+v %v", answer, err)
		}
	}
	if err := decoder.Decode(new(renewAnswer)); err != io.EOF {
		t.Errorf("there is more: %v", err)
	}
	w.environ = append(w.environ, "INVOCATION_ID=0123456789abcdef0123456789abcdef")
	if got := w.looped(three, "--no-jitter").exits(0); strings.Count(got.stdout, "Next run: ") != 3 {
		t.Errorf("in a unit: %s", got.stdout)
	}
}

// What fails in a run is said, and the next one tries again: a CA that is down, settings that were not right, no certificate yet.
func TestRenewEvery_RunFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.looped(func(runs int, _ time.Duration) bool {
		switch runs {
		case 1: // there was none
			w.issue("*.example.com")
			w.at(due(w.lineage("example.com")))
			w.ca.On(acmetest.Directory, acmetest.Is(func() *acmetest.Reply { return acmetest.Text(503, "text/html", "<h1>maintenance</h1>") }))
		case 2:
			w.ca.On(acmetest.Directory, nil)
			if err := os.Chmod(filepath.Join(w.dir, "state"), 0o755); err != nil {
				t.Error(err)
			}
		case 3:
			if err := os.Chmod(filepath.Join(w.dir, "state"), 0o700); err != nil {
				t.Error(err)
			}
		}
		return runs < 4
	}).exits(0, "There is no certificate to renew", "0 renewed, 0 not due, 1 failed. Next run: ", "[state.unusable]", "1 renewed, 0 not due, 0 failed.")
	if n := strings.Count(got.stdout, "Next run: "); n != 4 {
		t.Errorf("%d runs say when the next one is:\n%s%s", n, got.stdout, got.stderr)
	}
	w.orders(2)
}

// A record that could not be deleted is deleted by the next run, though it is of the same process; one of "issue" in another
// process of ours that is alive stays.
func TestRenewEvery_DeletesWhatARunLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.at(due(w.lineage("example.com")))
	failing := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: conohatest.Request.Delete}, Times: -1, Status: 403})
	w.looped(func(runs int, _ time.Duration) bool {
		left := len(w.texts(""))
		switch runs {
		case 1:
			if left != 1 {
				t.Errorf("%d records after the run that could not delete", left)
			}
			failing.Remove()
		case 2:
			if left != 0 {
				t.Errorf("%d records after the next run", left)
			}
		}
		return runs < 2
	})
	w.nothingLeft()
}

// What is asked for wrongly ends at once, also what can be seen only by trying.
func TestRenewEvery_Usage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, every := range []string{"", "0", "6", "59s", "25h", "2d", "-6h", "soon", "6h --force"} {
		w.run("renew", "--every", every).exits(2, "want a time from 1m to 24h")
	}
	for _, one := range []string{"--force", "--dry-run", "--notify-test", "--trace=" + filepath.Join(w.dir, "run.html")} {
		w.run("renew", "--every", "6h", one).exits(2, "is for one run")
	}
	w.run("renew", "--every", "6h", "--cert-name", "none").exits(2)
	w.run("renew", "--every", "6h", "example.com").exits(2, "takes no names")
}

// "list --check", which a container's health check asks, tells of a loop that does not run, hours after it should have; a run from
// elsewhere goes by the rule of timers again.
func TestRenewEvery_Health(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	check := []string{"list", "--check", "1d"}
	w.looped(func(int, time.Duration) bool { return false }).exits(0)
	planned := nextRun(w)
	w.run(check...).exits(0)
	w.run("renew", "--no-jitter").exits(0) // beside it
	w.at(w.clock().Add(8 * time.Hour))
	w.run(check...).exits(0)
	w.at(w.clock().Add(90 * time.Minute))
	w.run(check...).exits(1, "renew --every has not run since", "is its container or process still there?")
	w.issue("*.example.com") // which is no run of it
	w.run(check...).exits(1, "renew --every has not run since "+messages.Instant(planned))
	w.run("renew", "--no-jitter").exits(0)
	w.at(w.clock().Add(2 * 24 * time.Hour))
	w.run(check...).exits(0)
	if next := nextRun(w); !next.IsZero() {
		t.Errorf("the next run is still planned: %s", next)
	}
}

// A loop for one certificate is looked after like one for all.
func TestRenewEvery_HealthOfOneLineage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.looped(func(int, time.Duration) bool { return false }, "--cert-name", "example.com").exits(0)
	if nextRun(w).IsZero() {
		t.Error("its next run is not known")
	}
	w.at(w.clock().Add(10 * time.Hour))
	w.run("list", "--check", "1d").exits(1, "renew --every has not run since")
}

// nextRun is when a process that runs again and again has planned to.
func nextRun(w *world) time.Time {
	w.t.Helper()
	s, err := state.Open(filepath.Join(w.dir, "state"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	watch, err := s.Watch()
	if err != nil {
		w.t.Fatal(err)
	}
	return watch.NextRun
}

// SIGTERM and SIGINT end the time between runs at once, with success; within a run the record is deleted first, and the status is
// that of the signal.
func TestRenewEvery_Signals(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com")
			r, out, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			c := w.begin(out, nil, "renew", "--every", "24h")
			_ = out.Close()
			lines := bufio.NewScanner(r)
			if !lines.Scan() || !strings.Contains(lines.Text(), "Next run: ") {
				t.Errorf("%q", lines.Text())
			}
			if err := c.Process.Signal(s); err != nil {
				t.Error(err)
			}
			c.end().exits(0)

			w.run("revoke", "--yes", "example.com").exits(0) // so that it is due
			started := make(chan *child, 1)
			w.ca.On(acmetest.Challenge, acmetest.Once(func(*acmetest.Request) *acmetest.Reply {
				_ = (<-started).Process.Signal(s)
				<-w.ca.Ended()
				return &acmetest.Reply{Drop: true}
			}))
			c = w.start("renew", "--every", "24h")
			started <- c
			c.end().exits(128 + int(s))
			w.nothingLeft()
		})
	}
}
