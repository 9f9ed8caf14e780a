package propagation

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// newDelegation is a world whose registry delegates example.test. to servers, and whose resolver remembers other ones.
func newDelegation(t *testing.T, count int, remembered, delegated []string) *world {
	w := newWorld(t, count)
	w.zones.set("example.test.", remembered...)
	w.above.set("example.test.", delegated...)
	return w
}

// P15: the parent has moved the zone, and the resolver does not know yet.
func TestDelegation_ResolverBehind(t *testing.T) {
	t.Parallel()
	for subject, c := range map[string]struct{ remembered, delegated []string }{
		"moved":         {[]string{"ns1.test."}, []string{"ns2.test."}},
		"one exchanged": {[]string{"ns1.test.", "ns3.test."}, []string{"ns2.test.", "ns3.test."}},
		"one taken out": {[]string{"ns1.test.", "ns2.test."}, []string{"ns2.test."}},
	} {
		w := newDelegation(t, 3, c.remembered, c.delegated)
		w.servers[0].list("example.test.", c.remembered...)
		d, err := w.Resolver().Delegation(t.Context(), challenge)
		if err != nil || !slices.Equal(d.NameServers, c.delegated) || !slices.Equal(d.Delegated, c.delegated) || !d.ResolversBehind() || len(d.Differing()) > 0 {
			t.Errorf("%s: %+v, %v", subject, d, err)
		}
		// Written to the servers that the parent names; the old one has a copy that it answers with authority.
		for i := 1; i < 3; i++ {
			w.servers[i].publish(challenge, "one")
		}
		wait, _ := w.wait()
		if _, err := wait.Run(t.Context(), []Record{record("one")}); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
		if asked := w.servers[0].asked(); len(asked) > 0 {
			t.Errorf("%s: the old server was asked %q", subject, asked)
		}
	}
}

// P16: all that the parent names and all that the zone names are waited for, whichever set a resolver happens to know.
func TestDelegation_SetsDiffer(t *testing.T) {
	t.Parallel()
	for subject, c := range map[string]struct {
		remembered, delegated, listed []string
	}{
		"resolver knows the zone's":      {[]string{"ns1.test."}, []string{"ns1.test.", "ns2.test."}, []string{"ns1.test."}},
		"resolver knows the parent's":    {[]string{"ns1.test.", "ns2.test."}, []string{"ns1.test.", "ns2.test."}, []string{"ns1.test."}},
		"one more in the zone":           {[]string{"ns1.test."}, []string{"ns1.test."}, []string{"ns1.test.", "ns2.test."}},
		"nothing in common":              {[]string{"ns2.test."}, []string{"ns1.test."}, []string{"ns2.test."}},
		"an old copy lists one more yet": {[]string{"ns1.test."}, []string{"ns1.test."}, []string{"ns1.test.", "ns2.test."}},
	} {
		w := newDelegation(t, 2, c.remembered, c.delegated)
		for _, s := range w.servers {
			s.list("example.test.", c.listed...)
		}
		d, err := w.Resolver().Delegation(t.Context(), challenge)
		if err != nil || !slices.Equal(d.NameServers, []string{"ns1.test.", "ns2.test."}) || len(d.Differing()) != 1 || len(d.Unresolved) > 0 || d.By("ns2.test.") == "" {
			t.Errorf("%s: %+v, %v", subject, d, err)
		}
		w.publish(challenge, "one", 0)
		wait, _ := w.wait()
		wait.Limit = 300 * time.Millisecond
		_, err = wait.Run(t.Context(), []Record{record("one")})
		wantError(t, err, fault.CodeNotPublished, fault.Temporary, "ns2.test.", "has no TXT record", d.By("ns2.test."))
		w.publish(challenge, "one", 1)
		wait.Limit = time.Minute
		if _, err := wait.Run(t.Context(), []Record{record("one")}); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// P16: an old copy that lists what the parent does, beside a zone that does not.
func TestDelegation_OldCopyListsWhatTheParentDoes(t *testing.T) {
	t.Parallel()
	w := newDelegation(t, 2, []string{"ns1.test."}, []string{"ns1.test.", "ns2.test."})
	w.servers[0].list("example.test.", "ns1.test.")
	w.servers[1].list("example.test.", "ns1.test.", "ns2.test.")
	d, err := w.Resolver().Delegation(t.Context(), challenge)
	if err != nil || len(d.Differing()) != 1 || d.Differing()[0].Server.Host != "ns1.test." || d.By("ns2.test.") == "" || d.By("ns1.test.") != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

// P16, one of three with an old copy, which lists the three as they were.
func TestWait_OldCopyOnOneOfThree(t *testing.T) {
	t.Parallel()
	w := newDelegation(t, 3, []string{"ns1.test.", "ns2.test."}, []string{"ns1.test.", "ns2.test.", "ns3.test."})
	w.servers[0].list("example.test.", "ns1.test.", "ns2.test.")
	w.servers[1].list("example.test.", "ns1.test.", "ns2.test.")
	w.publish(challenge, "one", 0, 1)
	wait, _ := w.wait()
	wait.Limit = 300 * time.Millisecond
	_, err := wait.Run(t.Context(), []Record{record("one")})
	wantError(t, err, fault.CodeNotPublished, fault.Temporary, "ns3.test.")
}

// P18: the addresses in a referral count, also those that no other server knows.
func TestDelegation_Glue(t *testing.T) {
	t.Parallel()
	for subject, c := range map[string]struct {
		host, addr string
		looked     []string // what resolvers know of the host
		want       []string
	}{
		"of a host in the zone":                {"ns.example.test.", "127.0.0.2", nil, []string{"127.0.0.2"}},
		"of a host in another zone of test.":   {"ns.sister.test.", "127.0.0.2", nil, []string{"127.0.0.2"}},
		"AAAA alone":                           {"ns.example.test.", "::1", nil, []string{"::1"}},
		"with another address in the DNS":      {"ns.sister.test.", "127.0.0.2", []string{"127.0.0.3"}, []string{"127.0.0.2", "127.0.0.3"}},
		"of a moved host the resolver has old": {"ns.example.test.", "127.0.0.2", []string{"127.0.0.3"}, []string{"127.0.0.2"}},
	} {
		w := newDelegation(t, 2, []string{c.host}, []string{c.host})
		w.glue.set(c.host, c.addr)
		registry := w.refer
		w.registry.set(func(rw dns.ResponseWriter, r *dns.Msg) { registry(rw, r) })
		if len(c.looked) > 0 {
			w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
				if providers.CanonicalName(r.Question[0].Name) != c.host || r.Question[0].Qtype != dns.TypeA {
					w.recurse(rw, r)
					return
				}
				m := new(dns.Msg).SetReply(r)
				for _, addr := range c.looked {
					m.Answer = append(m.Answer, &dns.A{Hdr: header(c.host, dns.TypeA), A: netip.MustParseAddr(addr).AsSlice()})
				}
				rw.WriteMsg(m)
			})
		}
		d, err := w.Resolver().Delegation(t.Context(), challenge)
		var addrs []string
		for _, a := range d.Addrs {
			addrs = append(addrs, a.Addr.Addr().String())
		}
		slices.Sort(addrs)
		if err != nil || !slices.Equal(addrs, c.want) || len(d.Unresolved) > 0 {
			t.Errorf("%s: %+v, %v", subject, d, err)
		}
	}
}

// Glue of hosts that the servers above know nothing of is none.
func TestDelegation_GlueOfOthers(t *testing.T) {
	t.Parallel()
	w := newDelegation(t, 1, []string{"ns1.test.", "ns.example.org."}, []string{"ns1.test.", "ns.example.org."})
	w.glue.set("ns.example.org.", "192.0.2.66")
	d, err := w.Resolver().Delegation(t.Context(), challenge)
	if err != nil || !slices.Equal(d.Unresolved, []string{"ns.example.org."}) || len(d.Addrs) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// P18 b: a CNAME leads to a zone that only glue leads to, two cuts below the top.
func TestFollowCNAME_ToZoneWithGlueAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.zones.set("example.test.", "ns1.test.")
	w.zones.set("auth.example.test.", "ns.auth.example.test.")
	w.servers[0].alias(challenge, "x1.auth.example.test.")
	glue := &dns.A{Hdr: header("ns.auth.example.test.", dns.TypeA), A: w.servers[1].addr.Addr().AsSlice()}
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if !providers.InZone(r.Question[0].Name, "auth.example.test.") {
			w.servers[0].authority(rw, r)
			return
		}
		m := new(dns.Msg).SetReply(r)
		m.Ns, m.Extra = nameServers("auth.example.test.", "ns.auth.example.test."), []dns.RR{glue}
		rw.WriteMsg(m)
	})
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("auth.example.test."))
	if err != nil || got != "x1.auth.example.test." {
		t.Fatalf("%q, %v", got, err)
	}
	w.servers[1].publish(got, "one")
	wait, _ := w.wait()
	if _, err := wait.Run(t.Context(), []Record{{Zone: "auth.example.test.", FQDN: got, Value: "one"}}); err != nil {
		t.Error(err)
	}
}

// Where the servers above cannot be asked, or know nothing of the zone, the resolvers' word stands: behind a firewall, and for
// zones of one's own network.
func TestDelegation_ParentCannotBeAsked(t *testing.T) {
	t.Parallel()
	for subject, handler := range map[string]dns.HandlerFunc{
		"silent": silent, "REFUSED": says(dns.RcodeRefused), "SERVFAIL": says(dns.RcodeServerFailure), "NXDOMAIN": denies,
		"a resolver in its place": func(rw dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetRcode(r, dns.RcodeNameError)
			m.RecursionAvailable = true
			rw.WriteMsg(m)
		},
	} {
		w := newWorld(t, 1)
		w.registry.set(handler)
		r := w.Resolver()
		if subject == "silent" {
			r.Timeout = 100 * time.Millisecond
		}
		d, err := r.Delegation(t.Context(), challenge)
		if err != nil || d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test."}) || len(d.Delegated) > 0 {
			t.Errorf("%s: %+v, %v", subject, d, err)
		}
		for _, q := range w.registry.asked() {
			if strings.Contains(q, "_acme-challenge") {
				t.Errorf("%s: a server above was asked for %s", subject, q)
			}
		}
	}
}

// denies says with authority that there is no such name.
func denies(rw dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetRcode(r, dns.RcodeNameError)
	m.Authoritative = true
	rw.WriteMsg(m)
}

// One of the parent's servers is lame, silent or does not exist: another is asked.
func TestDelegation_LameServerOfParent(t *testing.T) {
	t.Parallel()
	for subject, handler := range map[string]dns.HandlerFunc{"lame": says(dns.RcodeRefused), "silent": silent} {
		w := newDelegation(t, 3, []string{"ns1.test."}, []string{"ns2.test."})
		w.delegate("test.", "a.nic.test.", "b.nic.test.")
		w.address("a.nic.test.", w.servers[2].addr.Addr().String())
		w.servers[2].set(handler)
		d, err := w.Resolver().Delegation(t.Context(), challenge)
		if err != nil || !slices.Equal(d.Delegated, []string{"ns2.test."}) {
			t.Errorf("%s: %+v, %v", subject, d, err)
		}
	}
}

// The servers of test. serve example.test. too, so they refer no resolver to it.
func TestDelegation_ParentServesTheZone(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"example.test.", "a.b.example.test."} {
		w := newWorld(t, 1)
		w.servers[0].publish("example.test.", "v=spf1 -all")
		w.registry.set(w.servers[0].authority)
		d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge."+domain)
		if err != nil || d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test."}) {
			t.Errorf("%s: %+v, %v", domain, d, err)
		}
	}
}

// A cut that the resolver remembers and the zone above has taken back is none.
func TestDelegation_CutTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.zones.set("example.test.", "ns1.test.")
	w.zones.set("sub.example.test.", "ns2.test.")
	w.servers[0].publish("sub.example.test.", "v=spf1 -all")
	w.servers[0].list("sub.example.test.")
	d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge.sub.example.test.")
	if err != nil || d.Zone != "example.test." || !slices.Equal(d.NameServers, []string{"ns1.test."}) {
		t.Errorf("%+v, %v", d, err)
	}
}

// What was found once is not looked for by the next call of the same run.
func TestDelegation_Found(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	r := w.Resolver()
	r.Found = new(Found)
	if _, err := r.FollowCNAME(t.Context(), challenge, noTarget); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Delegation(t.Context(), challenge); err != nil {
		t.Fatal(err)
	}
	before, above := len(w.resolver.asked()), len(w.registry.asked())
	w.publish(challenge, "one")
	wait, _ := w.wait()
	wait.Resolver = r
	if _, err := wait.Run(t.Context(), []Record{record("one")}); err != nil {
		t.Fatal(err)
	}
	if n, m := len(w.resolver.asked())-before, len(w.registry.asked())-above; n+m > 0 {
		t.Errorf("the wait asked the resolver %d times and the servers above %d times", n, m)
	}
	// What ends early is not kept.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Found = new(Found)
	if _, err := r.Delegation(ctx, challenge); err == nil {
		t.Error("a cancelled look-up succeeds")
	}
	if d, err := r.Delegation(t.Context(), challenge); err != nil || len(d.Addrs) != 1 {
		t.Errorf("afterwards: %+v, %v", d, err)
	}
}

// A zone of our own network below a public one that knows no such name, or answers for it by a wildcard: both are told.
func TestDelegation_PrivateBelowPublic(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]dns.HandlerFunc{"denies": denies, "wildcard for A": anyName(false), "wildcard for TXT": anyName(true)} {
		for _, domain := range []string{"home.example.test.", "a.b.home.example.test."} {
			w := newWorld(t, 2)
			w.redelegate("example.test.", "ns1.test.")
			w.delegate("home.example.test.", "ns2.test.")
			w.servers[0].set(answer)
			d, err := w.Resolver().Delegation(t.Context(), "_acme-challenge."+domain)
			if err != nil || d.Zone != "home.example.test." || !d.Private || d.Public == nil {
				t.Fatalf("%s, %s: %+v, %v", domain, name, d, err)
			}
			if p := d.For("example.test"); p.Zone != "example.test." || p.Private || !slices.Equal(p.Delegated, []string{"ns1.test."}) {
				t.Errorf("%s, %s: the public zone is %+v", domain, name, p)
			}
			if p := d.For("home.example.test."); p.Zone != "home.example.test." || !p.Private {
				t.Errorf("%s, %s: the account's own zone is %+v", domain, name, p)
			}
		}
	}
}

// anyName answers with authority as a zone with a wildcard (RFC 4592): every name is there, with a TXT record or with none.
func anyName(hasTXT bool) dns.HandlerFunc {
	return func(rw dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = true
		if q := r.Question[0]; hasTXT && q.Qtype == dns.TypeTXT {
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{"x"}}}
		}
		_ = rw.WriteMsg(m)
	}
}

// A resolver that is silent about the top-level domain alone does not use up the time of the look-up.
func TestDelegation_ResolverSilentAboutTop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.resolver.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if providers.CanonicalName(r.Question[0].Name) != "test." {
			w.recurse(rw, r)
		}
	})
	r := w.Resolver()
	r.Timeout, r.LookupLimit = 200*time.Millisecond, 390*time.Millisecond // two rounds would take 400 ms
	for range 4 {
		r.Servers = append(r.Servers, r.Servers[0])
	}
	d, err := r.Delegation(t.Context(), challenge)
	if err != nil || d.Zone != "example.test." || len(d.Delegated) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// What resolvers know counts as outdated only if the zone itself says so.
func TestDelegation_ZoneListsNothing(t *testing.T) {
	t.Parallel()
	w := newDelegation(t, 2, []string{"ns1.test.", "ns2.test."}, []string{"ns1.test."})
	w.servers[0].set(says(dns.RcodeRefused))
	d, err := w.Resolver().Delegation(t.Context(), challenge)
	if err != nil || len(d.Delegated) != 1 || len(d.Cached) != 2 || len(d.Listed) > 0 || d.ResolversBehind() {
		t.Errorf("%+v, %v", d, err)
	}
}

// The servers of the zone above have the account's zone too, which is delegated to no others: the parent's set of the zone above
// is not this one's.
func TestDeepest_ZoneOnTheServersAbove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s := w.servers[0]
	s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := s.answer(r)
		if q := r.Question[0]; q.Qtype == dns.TypeSOA {
			m.Rcode = dns.RcodeSuccess
			m.Answer = []dns.RR{&dns.SOA{Hdr: header(q.Name, dns.TypeSOA), Ns: "ns1.test.", Mbox: "root.test."}}
		}
		rw.WriteMsg(m)
	})
	session, err := w.Resolver().open()
	if err != nil {
		t.Fatal(err)
	}
	defer session.close()
	above := Delegation{Zone: "example.test.", NameServers: []string{"ns1.test."}, Delegated: []string{"ns1.test."}, Cached: []string{"ns9.test."},
		Addrs: []Address{{"ns1.test.", s.addr}}}
	d, err := session.deepest(t.Context(), &task{zone: "sub.example.test.", fqdn: "_acme-challenge.sub.example.test."}, above)
	if err != nil || d.Zone != "sub.example.test." || len(d.Delegated)+len(d.Cached) > 0 || len(d.Addrs) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}
