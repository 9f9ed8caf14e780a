package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/lineage"
	"wildcard/internal/notify"
)

// heard are the messages that a channel was given.
type heard struct {
	w    *world
	dir  string
	spec string
}

// listen makes a channel that keeps what it is given.
func (w *world) listen() *heard {
	w.t.Helper()
	dir := w.t.TempDir()
	return &heard{w, dir, "exec:" + w.hook("tell", `cat >"`+dir+`/$(date +%s%N)"`)}
}

func (h *heard) messages() (all []notify.Message) {
	h.w.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "*"))
	if err != nil {
		h.w.t.Fatal(err)
	}
	for _, path := range files {
		var m notify.Message
		if err := json.Unmarshal([]byte(h.w.read(path)), &m); err != nil {
			h.w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (h *heard) said() string {
	var all []string
	for _, m := range h.messages() {
		var events []string
		for _, e := range m.Events {
			events = append(events, string(e.Kind)+" "+e.Lineage)
		}
		all = append(all, strings.Join(events, " & "))
	}
	return strings.Join(all, "; ")
}

// Two certificates that fail together are one message, said once; another when all is well.
func TestNotify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	w.issue("*.example.com")
	w.issue("*.example.net")
	w.environ = append(w.environ, "WILDCARD_NOTIFY="+h.spec)
	w.run("renew", "--no-jitter", "--quiet").exits(0)
	for _, name := range []string{"example.com", "example.net"} {
		w.update(name, func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	}
	w.at(due(w.lineage("example.com")))
	for range 3 {
		w.run("renew", "--no-jitter", "--quiet").exits(78)
		w.at(w.clock().Add(6 * time.Hour))
	}
	if said := h.said(); said != "critical example.com & critical example.net" {
		t.Fatalf("told: %s", said)
	}
	m := h.messages()[0]
	if !strings.Contains(m.Text, "/nonexistent") || m.Host == "" || !strings.Contains(m.Subject, "example.com and 1 more") {
		t.Errorf("%+v", m)
	}
	for _, name := range []string{"example.com", "example.net"} {
		w.update(name, func(s *lineage.Settings) { s.EnvFile = "" })
	}
	w.run("renew", "--no-jitter", "--quiet").exits(0)
	w.run("renew", "--no-jitter", "--quiet").exits(0)
	if said := h.said(); said != "critical example.com & critical example.net; recovered example.com & recovered example.net" {
		t.Errorf("told: %s", said)
	}
}

// What another run mended, or a person by "issue", is told as well; what was deleted is not.
func TestNotifyOfWhatOthersMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	renew := func(code int) { t.Helper(); w.run("renew", "--no-jitter", "--quiet", "--notify", h.spec).exits(code) }
	for _, name := range []string{"*.example.com", "*.example.net"} {
		w.issue(name)
	}
	renew(0) // asks when they are due
	for _, name := range []string{"example.com", "example.net"} {
		w.update(name, func(s *lineage.Settings) { s.EnvFile, s.RenewAt = "/nonexistent", w.clock().Add(-time.Minute) })
	}
	renew(78)
	w.run("delete", "--yes", "example.net").exits(0)
	w.issue("--env-file", "", "--force", "*.example.com")
	renew(0)
	if said := h.said(); said != "failing example.com & failing example.net; recovered example.com" {
		t.Errorf("told: %s", said)
	}
	renew(0)
	if n := len(h.messages()); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// A channel that fails is said, changes nothing, and is tried again by the next run.
func TestNotifyFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.update("example.com", func(s *lineage.Settings) { s.RenewAt = w.clock() })
	w.run("renew", "--no-jitter", "--quiet", "--notify", "exec:/nonexistent").exits(0)
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter", "--quiet", "--notify", "exec:/nonexistent").exits(78, "[notify.failed]")
	h := w.listen()
	w.run("renew", "--no-jitter", "--quiet", "--notify", "exec:/nonexistent", "--notify", h.spec).exits(78, "[notify.failed]")
	if said := h.said(); said != "critical example.com" {
		t.Errorf("told: %s", said)
	}
	w.environ = append(w.environ, "WILDCARD_NOTIFY=nonsense")
	w.run("renew", "--no-jitter", "--quiet").exits(78, "[notify.invalid]", "/nonexistent")
	w.run("renew", "--notify", "nonsense").exits(2, "[notify.invalid]")
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "" })
	w.run("renew", "--no-jitter", "--quiet").exits(0, "[notify.invalid]")
}

// A timer's run in two halves: what the first finds, in its sandbox, the second says.
func TestNotifyInHalves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	w.environ = append(w.environ, "WILDCARD_NOTIFY="+h.spec, "WILDCARD_PROMETHEUS="+filepath.Join(w.dir, "none", "a.prom"))
	halves := func(first, second int, want string) {
		t.Helper()
		before := len(h.messages())
		if got := w.run("renew", "--no-jitter", "--quiet", "--deploy", "later").exits(first); strings.Contains(got.stderr, "a.prom") || len(h.messages()) != before {
			t.Errorf("the first half told, or measured: %s\n%s", h.said(), got.stderr)
		}
		w.run("renew", "--no-jitter", "--quiet", "--deploy", "only").exits(second, "a.prom")
		if said := h.said(); said != want {
			t.Errorf("told: %q, want %q", said, want)
		}
		w.at(w.clock().Add(6 * time.Hour))
	}
	w.issue("*.example.com")
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile, s.DeployHooks = "/nonexistent", []string{"false"} })
	halves(0, 0, "")
	w.at(due(w.lineage("example.com")))
	halves(78, 0, "critical example.com")
	halves(78, 0, "critical example.com")
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "" })
	halves(0, 1, "critical example.com") // renewed, and its hook fails
	halves(0, 1, "critical example.com")
	w.update("example.com", func(s *lineage.Settings) { s.DeployHooks = []string{"true"} })
	halves(0, 0, "critical example.com; recovered example.com")
	halves(0, 0, "critical example.com; recovered example.com")
	w.update("example.com", func(s *lineage.Settings) { s.DeployHooks, s.Deploy = []string{"false"}, true })
	halves(0, 1, "critical example.com; recovered example.com; failing example.com")
	w.update("example.com", func(s *lineage.Settings) { s.DeployHooks = nil })
	halves(0, 0, "critical example.com; recovered example.com; failing example.com; recovered example.com")
}

// A webhook's token comes from a file, and stays there.
func TestNotifySecretFile(t *testing.T) {
	t.Parallel()
	const marker = "canary-notify-77"
	w := newWorld(t)
	h := w.listen()
	path := filepath.Join(w.dir, "channels")
	if err := os.WriteFile(path, []byte(h.spec+"\nhttp://127.0.0.1:1/"+marker+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.environ = append(w.environ, "WILDCARD_NOTIFY_FILE="+path)
	w.issue("*.example.com")
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	got := w.run("renew", "--notify-test").exits(1, "sent: "+h.spec, "notify http://127.0.0.1:1/...: ", "[notify.failed]")
	w.at(due(w.lineage("example.com")))
	more := w.run("renew", "--no-jitter", "-v", "--vv").exits(78)
	if said := h.said(); said != "test ; critical example.com" {
		t.Errorf("told: %s", said)
	}
	for _, s := range []said{got, more} {
		if strings.Contains(s.stdout+s.stderr, marker) {
			t.Errorf("the token is shown:\n%s%s", s.stdout, s.stderr)
		}
	}
	if err := filepath.WalkDir(w.dir, func(name string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && name != path && strings.Contains(w.read(name), marker) {
			t.Errorf("the token is in %s", name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	w.run("renew", "--notify-test").exits(78, "chmod")
	w.environ = w.environ[:len(w.environ)-1]
	w.run("renew", "--notify-test").exits(2, "WILDCARD_NOTIFY")
}
