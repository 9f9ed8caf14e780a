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
// to have a challenge validated twice: what the CA answers then is 500 with "Retry-After: 60", 502 of the proxy before it, or a
// nonce that is not good any more. Only what the CA itself gives up, since its own parts did not find each other, is left to the next run: a validation, or
// an order. One machine at a time has its moment, so that none meets the restarts of another.
func TestIssue_ServicesRestart(t *testing.T) {
	t.Parallel()
	for variant, restarts := range restarts() {
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
			for _, test := range restarts {
				t.Run(test.name, func(t *testing.T) { restarted(t, ca, variant, test) })
			}
		})
	}
}

// restarted has a machine of its own get a certificate over a restart.
func restarted(t *testing.T, ca *boulder.CA, variant boulder.Variant, test restart) {
	t.Helper()
	w := newWorldOf(t, ca, variant, conohatest.Options{})
	w.ca.Slow(w.zone, time.Second)
	hit := w.restart(test)
	w.issueInTheEnd(2, test)
	if !hit.Load() {
		t.Error("nothing was restarted")
	}
	w.found(test.services)
	w.certificate(2)
	w.takenOnce(2)
	w.nothingLeft()
}

// restart is what is restarted before the first request to a path.
type restart struct {
	name     string
	before   string
	services []string // a client before its server
	early    bool     // others go on meanwhile, it itself when the services listen, even if their clients take them for ended
}

// Paths of requests.
const order, answer, look, finalize, certificate = "/acme/new-order", "/acme/chall/", "/acme/authz/", "/acme/finalize/", "/acme/cert/"

// restarts are all moments for one variant, and for the others those at which they are different. Only an early one
// meets 500 and its minute of "Retry-After: 60", so that each variant has few.
func restarts() map[boulder.Variant][]restart {
	validation, issuing := []string{"va", "rva-0"}, []string{"ca", "ra-sct", "publisher"}
	return map[boulder.Variant][]restart{
		boulder.Today: {
			{"storage before the authorizations", look, []string{"sa"}, false},
			{"a nonce service before the order", order, []string{"nonce-a"}, false},
			{"nonces before an answer", answer, []string{"nonce-a", "nonce-b"}, false},
			{"front end before the order", order, []string{"wfe"}, false},
			{"front end before an answer", answer, []string{"wfe"}, true},
			{"front end before finalize", finalize, []string{"wfe"}, false},
			{"front end before the certificate", certificate, []string{"wfe"}, false},
			{"registration authority before an answer", answer, []string{"ra"}, true},
			{"registration authority before finalize", finalize, []string{"ra"}, false},
			{"validation before an answer", answer, validation, false},
			{"issuing before finalize", finalize, issuing, false},
		},
		boulder.Next: {
			{"validation before an answer", answer, validation, true},
		},
		boulder.Async: {
			{"registration authority before finalize", finalize, []string{"ra"}, true},
			{"issuing before finalize", finalize, issuing, true},
		},
	}
}

// issueInTheEnd is issue, and once more, when the CA's parts have found each other, after a run that the CA itself ended: it gave
// up a validation or an order.
func (w *world) issueInTheEnd(n int, test restart) {
	w.t.Helper()
	issue := append([]string{"issue", "--agree-tos"}, w.names(n)...)
	got := w.run("wildcard", issue...)
	if test.early && got.code != 0 {
		got.exits(75, "acme.unavailable")
		if !strings.Contains(got.text, "Could not communicate with VA") && !strings.Contains(got.text, "500 serverInternal: Error finalizing order") {
			w.t.Errorf("the CA has given nothing up:\n%s", got.text)
		}
		w.nothingLeft()
		w.found(test.services)
		got = w.run("wildcard", issue...)
	}
	got.exits(0)
}

// found waits until the CA's own parts have found services that were restarted.
func (w *world) found(services []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, service := range services {
		if service == "wfe" { // its client is the proxy, which connects when it needs to
			continue
		}
		if err := w.ca.Found(ctx, service); err != nil {
			w.t.Error(err)
		}
	}
}

// restart has services restarted before this world's client first asks for a path, and tells whether that was so.
func (w *world) restart(test restart) *atomic.Bool {
	hit := new(atomic.Bool)
	before := w.ca.BeforeAlone
	if test.early {
		before = w.ca.Before
	}
	before(w.sent(test.before), func() {
		hit.Store(true)
		for _, service := range test.services {
			if err := w.ca.Restart(context.Background(), service); err != nil {
				w.t.Error(err)
			}
		}
		if !test.early {
			w.found(test.services)
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
