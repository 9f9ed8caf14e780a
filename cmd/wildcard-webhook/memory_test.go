package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/memory"
)

// clock is a time that only waiting moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// waited is for how long was waited since the last call.
func (c *clock) waited() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.slept
	c.slept = 0
	return d
}

func (c *clock) memory() *memory.Memory {
	m := memory.Open("", slog.New(slog.DiscardHandler))
	m.Now = c.time
	m.Sleep = func(ctx context.Context, d time.Duration) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now, c.slept = c.now.Add(d), c.slept+d
		return context.Cause(ctx)
	}
	return m
}

func newForgetfulWorld(t *testing.T) (*world, *clock) {
	t.Helper()
	w, c := newWorld(t), &clock{now: time.Now()}
	w.caCache = 60
	w.solver.memory = c.memory()
	return w, c
}

// cert-manager's way with a domain and its wildcard: the first value, the CA looks, clean-up, and at once the second.
func TestPresent_ValueAfterAnother(t *testing.T) {
	t.Parallel()
	w, c := newForgetfulWorld(t)
	if err := w.present("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	c.pass(3 * time.Second)
	if err := w.cleanUp("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	if d := c.waited(); d != 0 {
		t.Errorf("waited %v for the first", d)
	}
	if err := w.present("other.example.com", "com", other); err != nil || c.waited() != 0 {
		t.Errorf("a name at which nobody looked: %v", err)
	}
	first := w.present("example.com", "com", other)
	if first == nil || !strings.Contains(first.Error(), "resolvers may remember until …") {
		t.Fatalf("%v", first)
	}
	c.pass(35 * time.Second)
	if again := w.present("example.com", "com", other); again == nil || again.Error() != first.Error() || c.waited() != 0 {
		t.Errorf("%v, then %v", first, again)
	}
	if got := w.texts("example.com"); !slices.Equal(got, []string{other, other}) {
		t.Errorf("records %q; those there are are left for the next call", got)
	}
	c.pass(20 * time.Second)
	if err := w.present("example.com", "com", other); err != nil {
		t.Error(err)
	}
	if d := c.waited(); d != 7*time.Second {
		t.Errorf("waited %v, want what was left of 62 s", d)
	}
	if err := w.present("example.com", "com", other); err != nil || c.waited() != 0 {
		t.Errorf("presented again: %v", err)
	}
}

// What has not been looked at is no reason to wait, nor is a CA that remembers nothing.
func TestPresent_NothingRemembered(t *testing.T) {
	t.Parallel()
	w, c := newForgetfulWorld(t)
	w.conoha.SetPublicationDelay(time.Hour)
	request := w.request(v1alpha1.ChallengeActionPresent, "example.com", "com", value)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	w.solver.stopped = ctx
	if err := w.solver.Present(request); err == nil {
		t.Fatal("published at once")
	}
	w.solver.stopped = t.Context()
	w.conoha.SetPublicationDelay(0)
	if err := w.cleanUp("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	if err := w.present("example.com", "com", other); err != nil || c.waited() != 0 {
		t.Errorf("after a challenge that never came so far: %v", err)
	}
	if err := w.cleanUp("example.com", "com", other); err != nil {
		t.Fatal(err)
	}
	w.caCache = 0
	if err := w.present("example.com", "com", value); err != nil || c.waited() != 0 {
		t.Errorf("a CA without a memory: %v", err)
	}
}

// A webhook that has just started learns of a look by its clean-up.
func TestPresent_StartedAgain(t *testing.T) {
	t.Parallel()
	w, c := newForgetfulWorld(t)
	if err := w.present("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	w.solver.memory = c.memory()
	if err := w.cleanUp("example.com", "com", value); err != nil {
		t.Fatal(err)
	}
	if err := w.present("example.com", "com", other); err == nil {
		t.Error("the second is answered at once")
	}
}

// cert-manager calls a clean-up that fails again, at last after half an hour: the CA has looked once, and the next value waits for
// that look alone.
func TestCleanUp_CalledAgain(t *testing.T) {
	t.Parallel()
	for name, apart := range map[string][]time.Duration{
		"within the CA's memory": {5 * time.Second, 10 * time.Second, 20 * time.Second},
		"long after":             {80 * time.Second, 30 * time.Minute, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := newForgetfulWorld(t)
			if err := w.present("example.com", "com", value); err != nil {
				t.Fatal(err)
			}
			fault := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Method: http.MethodDelete}, Status: http.StatusForbidden, Times: -1})
			left := time.Minute + 2*time.Second
			if err := w.cleanUp("example.com", "com", value); err == nil {
				t.Fatal("a record that is still there is cleaned up")
			}
			for _, d := range apart {
				c.pass(d)
				left -= d
				if err := w.cleanUp("example.com", "com", value); err == nil {
					t.Fatal("a record that is still there is cleaned up")
				}
			}
			fault.Remove()
			for range 2 { // the reply to the first is lost
				if err := w.cleanUp("example.com", "com", value); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.left(other); got != max(0, left) {
				t.Errorf("the next value waits %v, want %v", got, max(0, left))
			}
			if err := w.present("example.com", "com", value); err != nil {
				t.Fatal(err)
			}
			c.pass(time.Minute)
			if err := w.cleanUp("example.com", "com", value); err != nil {
				t.Fatal(err)
			}
			c.pass(20 * time.Second)
			if got := w.left(other); got != 42*time.Second {
				t.Errorf("after the value was presented again the next one waits %v", got)
			}
		})
	}
}

// left is how long the CA's memory keeps a value back at example.com.
func (w *world) left(value string) time.Duration {
	name := "_acme-challenge.example.com."
	return w.solver.memory.Left(memory.CA{Keep: time.Minute}, memory.Record{Name: name, FQDN: name, Value: value})
}

// What was cleaned up long ago is not kept in mind.
func TestEnded_LongAgo(t *testing.T) {
	t.Parallel()
	var e ended
	now := time.Now()
	for n := range 3 {
		r := memory.Record{FQDN: "example.com.", Value: strings.Repeat("a", n)}
		if !e.first(r, now) || e.first(r, now.Add(endedFor)) || e.first(r, now.Add(2*endedFor)) {
			t.Errorf("record %d", n)
		}
		now = now.Add(4 * endedFor)
	}
	if len(e.last) != 1 {
		t.Errorf("%d records are kept in mind", len(e.last))
	}
}

func TestParseConfig_CACache(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{`{}`: time.Minute, `{"caCache": 0}`: 0, `{"caCache": 300}`: 5 * time.Minute, `{"caCache": -1}`: -1, `{"caCache": 5000}`: -1, `{"caCache": "0"}`: -1} {
		c, err := parseConfig("conoha", &apiextensions.JSON{Raw: json.RawMessage(text)}, nil)
		if want < 0 && err == nil || want >= 0 && (err != nil || c.caCache != want) {
			t.Errorf("%s: %v, %v", text, c.caCache, err)
		}
	}
}
