package cli

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/acmetest"
)

// withCAA is a CA's resolver that finds a CAA record at example.com when it is time to.
type withCAA struct {
	look      acmetest.LookFunc
	forbidden atomic.Bool
}

func (r *withCAA) Look(perspective int, name string, kind uint16) acmetest.Answer {
	if kind == dns.TypeCAA && name == "example.com." && r.forbidden.Load() {
		caa := &dns.CAA{Hdr: dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET}, Tag: "issue", Value: "other.example"}
		return acmetest.Answer{Records: []dns.RR{caa}}
	}
	return r.look.Look(perspective, name, kind)
}

// Fault #104: a CA that a CAA record forbids to issue is believed: its words are shown, and a timer does not ask it at every run.
func TestForbiddenByCAA(t *testing.T) {
	t.Parallel()
	var w *world
	resolver := &withCAA{look: func(fqdn string) []string { return w.texts(fqdn) }}
	w = newWorldOf(t, acmetest.Options{Resolver: resolver, Deviations: unproven})
	w.issue("*.example.com")
	w.at(due(w.lineage("example.com")))
	resolver.forbidden.Store(true)
	w.run("renew", "--no-jitter").exits(78, "CAA record for example.com prevents issuance", "[acme.caa]")
	for range 20 { // within a minute
		w.run("renew", "--no-jitter").exits(75, "CAA record for example.com prevents issuance", "[ledger.back-off]")
	}
	w.orders(2)
	w.nothingLeft()
}

// Fault #152: a CA that is down past the end of a certificate. Runs back off, but never beyond what is left of its life; they
// say so by their exit status each time; and the first run after the CA is back renews.
func TestCAIsDownPastTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	old := w.lineage("example.com").Leaf
	w.ca.On(acmetest.Directory, acmetest.Is(func() *acmetest.Reply {
		return acmetest.Text(503, "text/html", "<h1>maintenance</h1>").With("Retry-After", "1800")
	}))
	now := old.NotAfter.Add(-10 * time.Hour)
	for range 10 {
		w.at(now)
		w.run("renew", "--no-jitter").exits(75, "example.com")
		now = now.Add(2 * time.Hour)
	}
	w.at(now)
	w.run("list").exits(0, "expired")
	w.lineage("example.com")
	w.orders(1)
	w.ca.On(acmetest.Directory, nil)
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	if renewed := w.lineage("example.com").Leaf; !renewed.NotAfter.After(now) {
		t.Errorf("the certificate ends on %v", renewed.NotAfter)
	}
	w.nothingLeft()
}

// Fault #153: records that the CA cannot see, as in a zone that it does not ask. The CA shuts an account out after five failed
// validations of a name in an hour; we stop at three, however often and however urgently we are called.
func TestValidationFailsAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Look: func(string) []string { return nil }, Deviations: unproven})
	now := w.clock()
	for i := range 12 {
		w.at(now.Add(time.Duration(i) * 4 * time.Minute))
		got := w.run("issue", "--agree-tos", "--force", "*.example.com")
		if i < 3 {
			got.exits(1, "[acme.validation-failed]")
			continue
		}
		got.exits(75, "[ledger.validations]")
	}
	if n := w.ca.Failed(); n != 3 {
		t.Errorf("%d failed validations", n)
	}
	w.at(now.Add(61 * time.Minute)) // the first of them is forgotten
	w.run("issue", "--agree-tos", "--force", "*.example.com").exits(1, "[acme.validation-failed]")
	w.nothingLeft()
}

// Fault #154: a timer that fires a hundred times in a minute makes one order, and one conversation with the CA.
func TestRenew_TimerTooOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	now := due(w.lineage("example.com"))
	read := w.ca.Count(acmetest.Directory)
	for i := range 100 {
		w.at(now.Add(time.Duration(i) * 600 * time.Millisecond))
		w.run("renew", "--no-jitter").exits(0)
	}
	w.orders(2)
	if n := w.ca.Count(acmetest.Directory) - read; n > 2 { // for the order, and for renewal information of what it brought
		t.Errorf("%d conversations with the CA", n)
	}
	if calls := w.conoha.Calls(); calls.Creates != 2 || calls.Deletes != 2 {
		t.Errorf("%+v", calls)
	}
	w.nothingLeft()
}
