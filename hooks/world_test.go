package hooks_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// world is an offline ConoHa and the folders of a machine that uses it.
type world struct {
	t       *testing.T
	conoha  *conohatest.Service
	v2, v3  conohatest.Account
	dir     string
	environ []string
}

// newWorld has the zones example.com (with a record of another client at the challenge's name) and example.co.jp in Ver.2.0,
// and example.net in Ver.3.0.
func newWorld(t *testing.T, o conohatest.Options) *world {
	t.Helper()
	service, err := conohatest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, conoha: service, dir: t.TempDir()}
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	w.v2 = service.AddAccount(conohatest.Account{Version: 2, Password: `canary'$x"`})
	w.v3 = service.AddAccount(conohatest.Account{Version: 3, Password: "canary-3"})
	service.AddZone(w.v2.Tenant, "example.com")
	service.AddZone(w.v2.Tenant, "example.co.jp")
	service.AddZone(w.v3.Tenant, "example.net")
	service.PutRecord("example.com", challengeName, "TXT", foreign)
	w.environ = append(service.Environ(w.v2, w.v3),
		"WILDCARD_CONFIG_DIR="+w.dir+"/etc", "WILDCARD_STATE_DIR="+w.dir+"/state", "WILDCARD_RUN_DIR="+w.dir+"/run",
		"WILDCARD_CA_CACHE=0") // there is no CA that would remember anything; memory_test.go has one
	return w
}

const (
	challengeName = "_acme-challenge.example.com"
	foreign       = "somebody-else"
)

// value is a plausible value, a different one for each n.
func value(n int) string { return fmt.Sprintf("%043d", n) }

// call is one call that certbot makes.
type call struct {
	domain    string
	value     string
	remaining int
	output    string // CERTBOT_AUTH_OUTPUT
	environ   []string
	args      []string
	program   string // path to call the hook by; "" for the test binary
	group     bool   // in a process group of its own
}

// command is the hook as a process that has not been started.
func (w *world) command(kind string, c call) *exec.Cmd {
	w.t.Helper()
	program := c.program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(program, c.args...)
	cmd.Env = slices.Concat([]string{
		"WILDCARD_TEST_PROGRAM=" + kind, "CERTBOT_DOMAIN=" + c.domain, "CERTBOT_VALIDATION=" + c.value,
		"CERTBOT_REMAINING_CHALLENGES=" + fmt.Sprint(c.remaining), "CERTBOT_ALL_DOMAINS=" + c.domain,
	}, c.environ, w.environ)
	if c.output != "" {
		cmd.Env = append(cmd.Env, "CERTBOT_AUTH_OUTPUT="+c.output)
	}
	// Coverage of the child would go to a folder that it is not told.
	cmd.Env = append(cmd.Env, "GOCOVERDIR="+w.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: c.group}
	return cmd
}

// result is what a hook did.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a hook to its end.
func (w *world) run(kind string, c call) result {
	w.t.Helper()
	cmd := w.command(kind, c)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		w.t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String())}
	if strings.Contains(r.stdout+r.stderr, "canary") {
		w.t.Errorf("a secret is printed: %s %s", r.stdout, r.stderr)
	}
	return r
}

// must runs a hook that has to succeed, silently, and returns its receipt.
func (w *world) must(kind string, c call) string {
	w.t.Helper()
	r := w.run(kind, c)
	if r.code != 0 || r.stderr != "" {
		w.t.Fatalf("%s %s: exit %d, stdout %q, stderr %q", kind, c.domain, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// fails runs a hook that has to fail with a line, explained in two more, that holds all of parts.
func (w *world) fails(kind string, c call, code int, parts ...string) result {
	w.t.Helper()
	r := w.run(kind, c)
	below := 2 // cause and next
	if strings.Contains(r.stderr, "[usage]") {
		below = 1
	}
	if r.code != code || strings.Count(r.stderr, "\n") != below && strings.Contains(r.stderr, "]") || !strings.HasPrefix(r.stderr, "wildcard-"+kind+"-hook: ") {
		w.t.Errorf("%s %.80q: exit %d, want %d; stderr %q", kind, c.domain, r.code, code, r.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			w.t.Errorf("%s %.80q: stderr %q lacks %q", kind, c.domain, r.stderr, part)
		}
	}
	return r
}

// txt returns the values of the TXT records of all zones, but not the foreign one.
func (w *world) txt() []string {
	w.t.Helper()
	var values []string
	kept := 0
	for _, zone := range []string{"example.com", "example.co.jp", "example.net"} {
		for _, r := range w.conoha.Records(zone) {
			switch {
			case r.Type != "TXT":
			case r.Data == foreign:
				kept++
			default:
				values = append(values, r.Data)
			}
		}
	}
	if kept != 1 {
		w.t.Errorf("somebody else's record: there are %d", kept)
	}
	slices.Sort(values)
	return values
}

// journal returns the names of the journal's files.
func (w *world) journal() []string {
	files, _ := filepath.Glob(filepath.Join(w.dir, "state", "journal", "*"))
	return files
}

// clean checks that nothing is left, in the zones or in the journal.
func (w *world) clean() {
	w.t.Helper()
	if left := w.txt(); len(left) > 0 {
		w.t.Errorf("records left: %q", left)
	}
	if left := w.journal(); len(left) > 0 {
		w.t.Errorf("journal entries left: %q", left)
	}
}

// requests counts the HTTP requests so far.
func (w *world) requests() int { return len(w.conoha.Log()) }

// eventually waits for what another process brings about.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: not within a minute", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// background starts a command whose end can be asked for.
func (w *world) background(cmd *exec.Cmd) (ended *atomic.Bool, wait func()) {
	w.t.Helper()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended = &atomic.Bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
		ended.Store(true)
	}()
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	return ended, func() { <-done }
}
