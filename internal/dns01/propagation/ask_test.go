package propagation

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// Resolvers are asked what was wanted, but never for the name of a challenge, and what they refuse is an answer too.
func TestLookUp(t *testing.T) {
	w := newWorld(t, 1)
	r := w.Resolver()
	msg, err := r.LookUp(t.Context(), Query{Name: "example.test", Type: dns.TypeNS})
	if err != nil || len(owned[*dns.NS](msg.Answer, "example.test.")) != 1 {
		t.Errorf("%v %v", msg, err)
	}
	for _, name := range []string{"_acme-challenge.example.test.", "a._acme-challenge.example.test.", "no name", ""} {
		if msg, err := r.LookUp(t.Context(), Query{Name: name, Type: dns.TypeTXT}); err == nil {
			t.Errorf("%q: %v", name, msg)
		}
	}
	w.resolver.set(func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
		if q.CheckingDisabled && q.IsEdns0() != nil && q.IsEdns0().Do() {
			m.Rcode = dns.RcodeSuccess
		}
		_ = rw.WriteMsg(m)
	})
	for _, test := range []struct {
		query Query
		rcode int
	}{
		{Query{Name: "example.test.", Type: dns.TypeSOA}, dns.RcodeServerFailure},
		{Query{Name: "example.test.", Type: dns.TypeSOA, Signatures: true, Unchecked: true}, dns.RcodeSuccess},
	} {
		if msg, err := r.LookUp(t.Context(), test.query); err != nil || msg.Rcode != test.rcode {
			t.Errorf("%+v: %v %v", test.query, msg, err)
		}
	}
}

// One network is asked, and no other in its place.
func TestAsk(t *testing.T) {
	w := newWorld(t, 1)
	r := w.Resolver()
	addr := w.servers[0].addr
	for _, network := range []string{"udp", "tcp"} {
		msg, err := r.Ask(t.Context(), network, addr, Query{Name: "example.test.", Type: dns.TypeTXT})
		if err != nil || !msg.Authoritative {
			t.Errorf("%s: %v %v", network, msg, err)
		}
	}
	free := netip.AddrPortFrom(addr.Addr(), 1)
	if _, err := r.Ask(t.Context(), "tcp", free, Query{Name: "example.test.", Type: dns.TypeSOA}); err == nil || NoRoute(err) {
		t.Errorf("a closed port: %v", err)
	}
}

// Values at a challenge are those of the name servers.
func TestTexts(t *testing.T) {
	w := newWorld(t, 2)
	w.publish("_acme-challenge.example.test.", value1)
	got, err := w.Resolver().Texts(t.Context(), "_acme-challenge.example.test")
	if err != nil || !slices.Equal(got, []string{value1}) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := w.Resolver().Texts(t.Context(), "_acme-challenge.none.example.test"); err != nil || len(got) > 0 {
		t.Errorf("%q %v", got, err)
	}
}
