package hooks_test

import (
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// diedAfter runs a certbot that calls the auth hook and ends then, without a cleanup.
func (w *world) diedAfter(c call) {
	w.t.Helper()
	if out, err := w.certbot("auth", c).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

// done are how many records were made and deleted.
func (w *world) done() (made, deleted int) {
	count := func(is func(conohatest.Request) bool) int {
		return w.conoha.Count(func(r conohatest.Request) bool { return is(r) && r.Status != 0 && r.Status < 300 })
	}
	return count(conohatest.Request.Create), count(conohatest.Request.Delete)
}

// Issue 15, point 6, for certbot: after kill -9 Let's Encrypt gives it the same order back, with the same values. The hooks take
// the records over, also those of calls that are still to come, and sweep the rest at the last one.
func TestAuth_SameOrderAfterCrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	both := []string{"CERTBOT_ALL_DOMAINS=example.com,www.example.com"}
	first := call{domain: "example.com", value: value(1), remaining: 1, environ: both}
	second := call{domain: "www.example.com", value: value(2), environ: both}
	left := call{domain: "www.example.com", value: value(3), environ: both}
	for _, c := range []call{first, second, left} {
		c.remaining = 1 // the last one never came
		w.diedAfter(c)
	}
	if got := w.txt(); len(got) != 3 {
		t.Fatalf("records: %q", got)
	}
	w.conoha.ResetLog()
	for i, c := range []call{first, second} {
		w.must("auth", c)
		if got := w.txt(); len(got) != 3-i {
			t.Errorf("after call %d there are %q", i+1, got)
		}
	}
	if made, deleted := w.done(); made != 0 || deleted != 1 {
		t.Errorf("%d records were made and %d deleted, want none and that which nothing asked for", made, deleted)
	}
	w.must("cleanup", first)
	w.must("cleanup", second)
	w.clean()
}

// What a CA has looked at a moment ago, and what was deleted then, is made anew only when no name server shows it any more.
func TestAuth_SameValueAfterDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	c := call{domain: "example.com", value: value(1)}
	w.auth(c, 0)
	w.conoha.SetPublicationDelay(0, 6*time.Second)
	w.cleanup(c)
	again := c
	again.args = []string{"-v", "--ca-cache", "60"}
	r := w.run("auth", again)
	if r.code != 0 || !strings.Contains(r.stderr, "name servers still show a record that was deleted") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	for i, server := range w.conoha.NameServers(2) {
		if _, ok := w.conoha.PublishedAt(server, challengeName, value(1)); !ok {
			t.Errorf("name server %d has not heard of the record", i+1)
		}
	}
	w.cleanup(c)
	w.clean()
}
