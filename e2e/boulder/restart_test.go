//go:build boulder

package boulder

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/boulder"
)

// A CA whose services are restarted in the middle, as they are with each new version at Let's Encrypt, is no reason to fail, or
// to have a challenge validated twice. Each of these machines has its own moment, at which a service is restarted for all: what
// the CA answers then is 500 with "Retry-After: 60", 502 of the proxy before it, or a nonce that is not good any more. Only what
// the CA itself gives up, since its own parts did not find each other, is left to the next run: a validation, or an order.
func TestIssue_ServicesRestart(t *testing.T) {
	t.Parallel()
	for _, variant := range boulder.Variants() {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			ca, err := boulder.Start(context.Background(), boulder.Options{Variant: variant, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := ca.Close(); err != nil {
					t.Error(err)
				}
			})
			// Alone, since the CA forgets the result of a validation that it cannot store: that stays pending for ever.
			t.Run("storage before the authorizations", func(t *testing.T) {
				restarted(t, ca, variant, restart{before: look, services: []string{"sa"}})
			})
			for _, test := range restarts() {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					restarted(t, ca, variant, test)
				})
			}
		})
	}
}

// restarted has a machine of its own get a certificate over a restart.
func restarted(t *testing.T, ca *boulder.CA, variant boulder.Variant, test restart) {
	t.Helper()
	w := newWorldOf(t, ca, variant, conohatest.Options{})
	w.ca.Slow(w.zone, 2*time.Second)
	hit := w.restart(test.before, test.services...)
	w.issueInTheEnd(2)
	if !hit.Load() {
		t.Error("nothing was restarted")
	}
	w.certificate(2)
	w.takenOnce(2)
	w.nothingLeft()
}

// restart is what is restarted before the first request to a path.
type restart struct {
	name     string
	before   string
	services []string
}

// Paths of requests.
const order, answer, look, finalize, certificate = "/acme/new-order", "/acme/chall/", "/acme/authz/", "/acme/finalize/", "/acme/cert/"

func restarts() []restart {
	return []restart{
		{"a nonce service before the order", order, []string{"nonce-a"}},
		{"nonces before an answer", answer, []string{"nonce-a", "nonce-b"}},
		{"front end before the order", order, []string{"wfe"}},
		{"front end before an answer", answer, []string{"wfe"}},
		{"front end before finalize", finalize, []string{"wfe"}},
		{"front end before the certificate", certificate, []string{"wfe"}},
		{"registration authority before an answer", answer, []string{"ra"}},
		{"registration authority before finalize", finalize, []string{"ra"}},
		{"validation before an answer", answer, []string{"va", "rva-0"}},
		{"issuing before finalize", finalize, []string{"ca", "publisher", "ra-sct"}},
	}
}

// issueInTheEnd is issue, and again after a run that the CA itself ended: its own parts did not find each other, so that it gave
// up a validation or an order.
func (w *world) issueInTheEnd(n int) {
	w.t.Helper()
	for range 3 {
		got := w.run("wildcard", append([]string{"issue", "--agree-tos"}, w.names(n)...)...)
		if !strings.Contains(got.text, "Could not communicate with VA") && !strings.Contains(got.text, "order is invalid: 500 serverInternal: Error finalizing order") {
			got.exits(0)
			return
		}
		got.exits(75, "acme.unavailable")
		w.nothingLeft()
	}
	w.t.Error("the CA has given up three times")
}

// restart has services restarted before this world's client first asks for a path, and tells whether that was so.
func (w *world) restart(before string, services ...string) *atomic.Bool {
	hit := new(atomic.Bool)
	w.ca.Before(w.sent(before), func() {
		hit.Store(true)
		for _, service := range services {
			if err := w.ca.Restart(context.Background(), service); err != nil {
				w.t.Error(err)
			}
		}
	})
	return hit
}

// sent matches the first request that this world's client sends to a path. It sees each request of all clients.
func (w *world) sent(prefix string) func(boulder.Exchange) bool {
	account := ""
	return func(e boulder.Exchange) bool {
		if e.Path == "/acme/new-order" && strings.Contains(string(e.Payload), w.zone) {
			account = e.Account
		}
		return account != "" && e.Account == account && strings.HasPrefix(e.Path, prefix)
	}
}
