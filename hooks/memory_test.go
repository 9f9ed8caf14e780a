package hooks_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// forgetting is what a hook says with -v while it waits.
const forgetting = "waiting until the CA's resolvers have forgotten what stood there before"

// look is a line of what is kept.
type look map[string]any

func (l look) at(t *testing.T, key string) time.Time {
	t.Helper()
	text, _ := l[key].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatalf("%s of %v: %v", key, l, err)
	}
	return at
}

func (w *world) looksFile() string { return filepath.Join(w.dir, "state", "memory", "looks.json") }

// looks returns what is kept of a value.
func (w *world) looks(value string) (all []look) {
	w.t.Helper()
	text, err := os.ReadFile(w.looksFile())
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var l look
		if err := json.Unmarshal(line, &l); err != nil {
			w.t.Fatal(err)
		}
		if l["Value"] == value {
			all = append(all, l)
		}
	}
	return all
}

// later makes everything that is kept older, so that no test has to wait for a whole minute.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	text, err := os.ReadFile(w.looksFile())
	if err != nil {
		w.t.Fatal(err)
	}
	var older bytes.Buffer
	for line := range bytes.Lines(text) {
		var l look
		if err := json.Unmarshal(line, &l); err != nil {
			w.t.Fatal(err)
		}
		for _, key := range []string{"since", "published", "looked", "ended"} {
			if l[key] != nil {
				l[key] = l.at(w.t, key).Add(-d).Format(time.RFC3339Nano)
			}
		}
		line, _ := json.Marshal(l)
		older.Write(append(line, '\n'))
	}
	if err := os.WriteFile(w.looksFile(), older.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// authAfter runs an auth hook for a value that has to be shown to the CA only when an earlier one is forgotten: 62 seconds after
// the CA has seen that. How long the hook itself takes does not matter.
func (w *world) authAfter(earlier string, c call) {
	w.t.Helper()
	w.later(60 * time.Second)
	forgotten := w.looks(earlier)[0].at(w.t, "ended").Add(62 * time.Second)
	waits := w.auth(c, 0)
	l := w.looks(c.value)[0]
	if looked := l.at(w.t, "looked"); looked.Before(forgotten) {
		w.t.Errorf("%s: the CA looks %v too early", c.domain, forgotten.Sub(looked))
	}
	if !waits && l.at(w.t, "published").Before(forgotten) {
		w.t.Errorf("%s: does not say that it waits", c.domain)
	}
}

// auth runs an auth hook as for Let's Encrypt, and reports whether it waited for what that remembers.
func (w *world) auth(c call, code int) bool {
	w.t.Helper()
	c.args = append(c.args, "-v", "--ca-cache", "60")
	r := w.run("auth", c)
	if r.code != code {
		w.t.Errorf("auth %s: exit %d, want %d\n%s", c.domain, r.code, code, r.stderr)
	}
	return strings.Contains(r.stderr, forgetting)
}

func (w *world) cleanup(c call) {
	w.t.Helper()
	c.args = append(c.args, "--ca-cache", "60")
	w.must("cleanup", c)
}

// Challenges in turn: the CA looks at the first value, and at once there is a second at the name.
func TestAuth_ValueAfterAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	first, second := call{domain: "example.com", value: value(1)}, call{domain: "example.com", value: value(2)}
	if w.auth(first, 0) {
		t.Error("waits for the first")
	}
	w.cleanup(first)
	other := call{domain: "www.example.com", value: value(3)}
	if w.auth(other, 0) {
		t.Error("waits at a name that was not looked at")
	}
	w.cleanup(other)
	w.authAfter(first.value, second)
	w.cleanup(second)
}

// All values of a round are seen together, so none waits for another; a value that comes later does.
func TestAuth_RoundOfSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	round := []call{{domain: "example.com", value: value(1), remaining: 1}, {domain: "example.com", value: value(2)}}
	for _, c := range round {
		if w.auth(c, 0) {
			t.Error("waits within a round")
		}
	}
	for _, c := range round {
		all := w.looks(c.value)
		if seen, _ := all[0]["seen"].([]any); len(all) != 1 || len(seen) != 2 || !slices.Contains(seen, any(value(1))) || !slices.Contains(seen, any(value(2))) {
			t.Errorf("kept: %v", all)
		}
	}
	for _, c := range round {
		w.cleanup(c)
	}
	last := call{domain: "example.com", value: value(3)}
	w.authAfter(value(2), last)
	w.cleanup(last)
}

// certbot goes on when a hook has failed: the CA has looked, and remembers that there was nothing.
func TestAuth_AfterFailedHook(t *testing.T) {
	t.Parallel()
	for what, fail := range map[string]func(w *world, c call){
		"not published": func(w *world, c call) {
			w.conoha.SetPublicationDelay(time.Hour)
			c.environ = []string{"CONOHA_PROPAGATION_TIMEOUT=1", "CONOHAV3_PROPAGATION_TIMEOUT=1"}
			if w.auth(c, 75) {
				w.t.Error("waits for what is not published")
			}
			w.conoha.SetPublicationDelay(0)
			w.cleanup(c)
		},
		"no such zone": func(w *world, c call) {
			c.args = []string{"--ca-cache", "60"}
			c.output = w.run("auth", call{domain: c.domain, value: c.value, args: c.args, environ: []string{"CONOHA_API_PASSWORD=wrong"}}).stdout
			w.cleanup(c)
		},
		"nothing kept": func(w *world, c call) {
			w.auth(c, 0)
			if err := os.Remove(w.looksFile()); err != nil {
				w.t.Fatal(err)
			}
			w.cleanup(c)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{})
			fail(w, call{domain: "example.com", value: value(1)})
			next := call{domain: "example.com", value: value(2)}
			w.authAfter(value(1), next)
			w.cleanup(next)
		})
	}
}

func TestAuth_CACache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}) // whose environment says 0
	for n := range 2 {
		c := call{domain: "example.com", value: value(n), args: []string{"-v"}}
		if r := w.run("auth", c); r.code != 0 || strings.Contains(r.stderr, forgetting) {
			t.Errorf("exit %d:\n%s", r.code, r.stderr)
		}
		w.must("cleanup", call{domain: c.domain, value: c.value})
	}
	if _, err := os.Stat(w.looksFile()); !os.IsNotExist(err) {
		t.Errorf("kept for a CA that remembers nothing: %v", err)
	}
	for _, bad := range []string{"-1", "3601", "1m"} {
		w.fails("auth", call{domain: "example.com", value: value(1), args: []string{"--ca-cache", bad}}, 78, "--ca-cache", "want seconds, from 0 to 3600")
	}
}
