package acmeserver_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

const day = 24 * time.Hour

// calendar is a clock that a test moves on, in days, and the clean-up of each hour, which comes when the test says.
type calendar struct {
	days atomic.Int64
	tick chan struct{}
}

func newCalendar() *calendar { return &calendar{tick: make(chan struct{})} }

func (c *calendar) now() time.Time { return time.Now().Add(time.Duration(c.days.Load()) * day) }

func (c *calendar) in(w *world) {
	w.now = c.now
	w.sleep = func(ctx context.Context, d time.Duration) error {
		if d < time.Hour {
			return ctx.Err()
		}
		select {
		case <-c.tick:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cleaned lets a clean-up happen; it is over when the next one is waited for.
func (c *calendar) cleaned(days int) {
	c.days.Add(int64(days))
	c.tick <- struct{}{}
	c.tick <- struct{}{}
}

// files is how many accounts or orders are on disk.
func (w *world) files(kind string) int {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dirs.State, "serve", kind, "*.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found)
}

// TestAccounts_Forgotten has accounts that end, that are not used any more, and one that comes once a year.
func TestAccounts_Forgotten(t *testing.T) {
	t.Parallel()
	c := newCalendar()
	w := newWorld(t, c.in)
	yearly, idle := w.client("yearly", "y.example.com"), w.client("idle", "i.example.com")
	ended, removed := w.client("ended", "e.example.com"), w.client("removed", "r.example.com")
	yearly.certificate(newKey(t), "y.example.com")
	removed.certificate(newKey(t), "r.example.com")
	ended.post(ended.kid, map[string]any{"status": "deactivated"})
	if err := w.clients.Remove("removed"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ days, accounts, orders int }{
		{20, 4, 2},  // nothing is old
		{20, 3, 2},  // the one that is deactivated
		{60, 2, 0},  // the certificates have expired, and the client that was removed has none any more
		{270, 2, 0}, // a year is over
	} {
		if c.cleaned(step.days); w.files("accounts") != step.accounts || w.files("orders") != step.orders {
			t.Errorf("after %d days: %d accounts, %d orders", c.days.Load(), w.files("accounts"), w.files("orders"))
		}
	}
	if got := yearly.order("y.example.com"); got.status != http.StatusCreated {
		t.Errorf("once a year: %d %s", got.status, got.body)
	}
	if c.cleaned(40); w.files("accounts") != 1 {
		t.Errorf("%d accounts", w.files("accounts"))
	}
	w.restart()
	if got := idle.order("i.example.com"); got.problem() != "accountDoesNotExist" {
		t.Errorf("an account that was forgotten: %d %s", got.status, got.body)
	}
	if got := idle.register(); got.status != http.StatusCreated { // with the key of the client, which is there
		t.Errorf("again: %d %s", got.status, got.body)
	}
}

// full has a client with one account less than it may have; of a few the last order is long ago.
func full(t *testing.T, w *world, name string, idle int) {
	t.Helper()
	s, err := acmeserver.OpenState(w.dirs)
	if err != nil {
		t.Fatal(err)
	}
	client, err := w.clients.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 249 {
		a := acmeserver.Account{ID: fmt.Sprint(name, i), Client: name, KeyID: client.KeyID, Thumbprint: fmt.Sprint(name, i), Status: "valid",
			Created: time.Now().Add(-20 * day), Used: time.Now().Add(-time.Hour)}
		if i < idle {
			a.Used = time.Time{}
		}
		if err := s.Documents("accounts").Save(a.ID, a); err != nil {
			t.Fatal(err)
		}
	}
	w.restart()
}

// TestAccounts_TooMany has more accounts than a client may have: those of no use give way, none that has a certificate does, and when the
// others are of use the next one is refused.
func TestAccounts_TooMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.client("old", ".old.example.com")
	old.certificate(newKey(t), "a.old.example.com")
	full(t, w, "old", 3)
	for range 3 {
		next := *old
		next.key = newKey(t)
		if got := next.register(); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got := next.register(); got.status != http.StatusOK {
			t.Errorf("it is not there: %d %s", got.status, got.body)
		}
	}
	next := *old
	next.key = newKey(t)
	if got := next.register(); got.problem() != "rateLimited" || got.header.Get("Retry-After") == "" {
		t.Errorf("a crowd: %d %s", got.status, got.body)
	}
	if got := old.order("b.old.example.com"); got.status != http.StatusCreated || w.files("accounts") != 250 {
		t.Errorf("with a certificate: %d %s, %d accounts", got.status, got.body, w.files("accounts"))
	}
}

// TestOrders_ManyForTheSame keeps ten certificates for the same names, and older ones for a week.
func TestOrders_ManyForTheSame(t *testing.T) {
	t.Parallel()
	c := newCalendar()
	w := newWorld(t, c.in)
	m := w.client("web1", "web1.example.com", "web2.example.com")
	m.certificate(newKey(t), "web2.example.com")
	var last string
	for range 12 {
		last, _ = m.certificate(newKey(t), "web1.example.com")
	}
	if c.cleaned(1); w.files("orders") != 13 {
		t.Errorf("after a day: %d orders", w.files("orders"))
	}
	if c.cleaned(8); w.files("orders") != 11 {
		t.Errorf("after nine days: %d orders", w.files("orders"))
	}
	if got := m.post(last, nil); got.text(t, "status") != "valid" {
		t.Errorf("the last one: %d %s", got.status, got.body)
	}
}

// TestLimits_CAHasSpoken asks the CA for nothing of which it has said that there is no more: the clients get its word and when to come
// back. What follows a certificate, and what is of another domain, is asked for all the same.
func TestLimits_CAHasSpoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.client("a", "a.example.com", "x.example.com"), w.client("b", "b.example.com", "b.example.org")
	key := newKey(t)
	_, chain := a.certificate(key, "a.example.com")
	w.up.mu.Lock()
	w.up.onIssue = func(_ context.Context, wanted acmeserver.Wanted) error {
		if wanted.Names[0] != "x.example.com" {
			return nil
		}
		return fault.Errorf(issuance.CodeRateLimited, fault.Temporary, "acme: new order: %w", &issuance.Problem{
			Type: "rateLimited", Detail: `too many certificates (50) already issued for "example.com" in the last 168h0m0s`,
			RetryAfter: time.Now().Add(3 * time.Hour)})
	}
	w.up.mu.Unlock()
	order := a.order("x.example.com")
	a.finalize(order, newKey(t), "x.example.com")
	if got := a.final(order.header.Get("Location")); got.text(t, "status") != "invalid" {
		t.Fatalf("%s", got.body)
	}
	w.restart()
	before := w.up.sent()
	for _, m := range []*machine{a, b} {
		got := m.order(m.name + ".example.com")
		if m == a { // which has had one for the same names
			if got.status != http.StatusCreated {
				t.Errorf("the same again: %d %s", got.status, got.body)
			}
			continue
		}
		if got.problem() != "rateLimited" || got.header.Get("Retry-After") < "10" || w.up.sent() > before+1 {
			t.Errorf("%s: %d %s %s, %d asked", m.name, got.status, got.header, got.body, w.up.sent()-before)
		}
	}
	renewal := a.post(w.url("/acme/new-order"), map[string]any{"identifiers": identifiers("a.example.com", "x.example.com"),
		"replaces": certificateID(leafOf(t, chain.body))})
	if renewal.status != http.StatusCreated {
		t.Errorf("a renewal: %d %s", renewal.status, renewal.body)
	}
	b.certificate(newKey(t), "b.example.org")
	a.post(renewal.text(t, "finalize"), map[string]any{"csr": csrOf(t, key, &x509.CertificateRequest{DNSNames: []string{"a.example.com", "x.example.com"}})})
	if _, err := os.Stat(filepath.Join(w.dirs.State, "serve", "server", "limits.json")); err != nil {
		t.Error(err)
	}
}
