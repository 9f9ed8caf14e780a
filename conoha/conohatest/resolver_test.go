package conohatest_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
)

func TestResolver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.AddZone(w.v3.Tenant, "away.two.example.")
	w.AddZone(w.v2.Tenant, "deep.co.jp.")
	w.create(2, name2, value)
	w.create(3, name3, "in three")
	w.PutRecord("away.two.example", "x.away.two.example", "TXT", "in away")
	w.PutRecord("two.example", "alias.two.example", "CNAME", name3)
	w.PutRecord("two.example", "into.two.example", "CNAME", "x.away.two.example.")
	w.PutRecord("two.example", "dead.two.example", "CNAME", "gone.three.example.")
	w.PutRecord("two.example", "far.two.example", "CNAME", "nowhere.test.")
	w.PutRecord("two.example", "loop.two.example", "CNAME", "pool.three.example.")
	w.PutRecord("three.example", "pool.three.example", "CNAME", "loop.two.example.")
	w.PutRecord("three.example", "www.three.example", "AAAA", "2001:db8::1")
	w.Delegate("elsewhere.example.", "ns1.elsewhere.example", "ns2.other.test.")
	w.PutRecord("elsewhere.example.", "_acme-challenge.elsewhere.example.", "CNAME", name2)
	const three = "three.example. NS a.conoha-dns.com., three.example. NS b.conoha-dns.org."
	for _, resolver := range []string{w.Resolver(), w.ValidationResolver()} {
		for question, want := range map[string]string{
			name2 + " TXT":                           "NOERROR | " + name2 + ` TXT "` + value + `" | `,
			"three.example. NS":                      "NOERROR | " + three + " | ",
			"three.example. SOA":                     "NOERROR | three.example. SOA | ",
			"three.example. A":                       "NOERROR |  | three.example. SOA",
			"www.three.example. AAAA":                "NOERROR | www.three.example. AAAA 2001:db8::1 | ",
			"www.three.example. NS":                  "NOERROR |  | three.example. SOA",
			"no.three.example. NS":                   "NXDOMAIN |  | three.example. SOA",
			"away.two.example. NS":                   "NOERROR | " + strings.ReplaceAll(three, "three", "away.two") + " | ",
			"x.away.two.example. TXT":                `NOERROR | x.away.two.example. TXT "in away" | `,
			"alias.two.example. TXT":                 "NOERROR | " + name3 + ` TXT "in three", alias.two.example. CNAME ` + name3 + " | ",
			"alias.two.example. CNAME":               "NOERROR | alias.two.example. CNAME " + name3 + " | ",
			"into.two.example. TXT":                  `NOERROR | into.two.example. CNAME x.away.two.example., x.away.two.example. TXT "in away" | `,
			"dead.two.example. TXT":                  "NXDOMAIN | dead.two.example. CNAME gone.three.example. | three.example. SOA",
			"far.two.example. TXT":                   "NXDOMAIN | far.two.example. CNAME nowhere.test. | test. SOA",
			"loop.two.example. TXT":                  "SERVFAIL |  | ",
			"a.conoha-dns.com. A":                    "NOERROR | a.conoha-dns.com. A 127.0.0.1 | ",
			"a.conoha-dns.com. AAAA":                 "NOERROR |  | com. SOA",
			"elsewhere.example. NS":                  "NOERROR | elsewhere.example. NS ns1.elsewhere.example., elsewhere.example. NS ns2.other.test. | ",
			"elsewhere.example. SOA":                 "NOERROR | elsewhere.example. SOA | ",
			"x.elsewhere.example. TXT":               "NXDOMAIN |  | elsewhere.example. SOA",
			"ns1.elsewhere.example. A":               "NOERROR | ns1.elsewhere.example. A 127.0.0.1 | ",
			"ns2.other.test. A":                      "NOERROR | ns2.other.test. A 127.0.0.1 | ",
			"_acme-challenge.elsewhere.example. TXT": "NOERROR | _acme-challenge.elsewhere.example. CNAME " + name2 + ", " + name2 + ` TXT "` + value + `" | `,
			"unknown.example. NS":                    "NXDOMAIN |  | example. SOA",
			"example. NS":                            "NOERROR | example. NS a.nic.example. | ",
			"co.jp. NS":                              "NOERROR |  | jp. SOA",
			"or.jp. NS":                              "NXDOMAIN |  | jp. SOA",
			"invalid. NS":                            "NXDOMAIN |  | . SOA",
			". NS":                                   "NOERROR | . NS a.nic. | ",
		} {
			name, kind, _ := strings.Cut(question, " ")
			if got := said(ask(t, resolver, name, kind)); got != want {
				t.Errorf("%s: got %s, want %s", question, got, want)
			}
		}
	}
	outside := w.NameServer(conohatest.OutsideName).Addr()
	if got := said(ask(t, outside, "ns1.elsewhere.example.", "A")); got != "NOERROR aa | ns1.elsewhere.example. A 127.0.0.1 | " {
		t.Error(got)
	}
	got := ask(t, w.Resolver(), "three.example.", "NS")
	if !got.RecursionAvailable || got.Authoritative {
		t.Errorf("%v", got)
	}
	if got := ask(t, w.Resolver(), "three.example.", "NS", func(m *dns.Msg) { m.RecursionDesired = false }); got.Rcode != dns.RcodeRefused {
		t.Errorf("no recursion desired: %v", got)
	}
}

// Fault 96: a resolver that is asked too early says "no" for an hour; what is asked of a name server is remembered nowhere.
func TestNegativeCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{time.Minute}})
	rcode := func(resolver, kind string) string {
		return dns.RcodeToString[ask(t, resolver, name3, kind).Rcode]
	}
	w.create(3, name3, value)
	if got := rcode(w.Resolver(), "TXT"); got != "NXDOMAIN" {
		t.Errorf("before it is published: %s", got)
	}
	w.clock.Advance(time.Minute)
	if a, b, c := rcode(w.Resolver(), "TXT"), rcode(w.Resolver(), "A"), rcode(w.ValidationResolver(), "TXT"); a != "NXDOMAIN" || b != "NXDOMAIN" || c != "NOERROR" {
		t.Errorf("published: %s for TXT and %s for A, %s without a memory", a, b, c)
	}
	if got := rcode(w.NameServers(3)[0], "TXT"); got != "NOERROR" {
		t.Errorf("name server: %s", got)
	}
	w.clock.Advance(58 * time.Minute)
	got := ask(t, w.Resolver(), name3, "TXT")
	if got.Rcode != dns.RcodeNameError || got.Ns[0].Header().Ttl != 60 {
		t.Errorf("after 59 minutes: %v", got)
	}
	w.clock.Advance(time.Minute)
	if got := rcode(w.Resolver(), "TXT"); got != "NOERROR" {
		t.Errorf("after an hour: %s", got)
	}
	// No data is remembered by type.
	if got := said(ask(t, w.Resolver(), name3, "A")); got != "NOERROR |  | three.example. SOA" {
		t.Error(got)
	}
	w.PutRecord("three.example", name3, "A", "192.0.2.1")
	if got := ask(t, w.Resolver(), name3, "A"); len(got.Answer) != 0 {
		t.Errorf("%v", got)
	}
	w.FlushResolver()
	if got := ask(t, w.Resolver(), name3, "A"); len(got.Answer) != 1 {
		t.Errorf("%v", got)
	}
}

// A CA asks any server: an answer that only some have is found out.
func TestValidationResolverRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, time.Hour, time.Hour}})
	w.create(2, name2, value)
	found := 0
	for range 6 {
		m, err := query(t, "tcp", w.ValidationResolver(), name2, "TXT")
		if err != nil {
			t.Fatal(err)
		}
		found += len(m.Answer)
	}
	if found != 2 {
		t.Errorf("found by %d of 6 look-ups", found)
	}
	w.NameServer("ns-a2.conoha.io.").Set(conohatest.Behaviour{Silent: true})
	w.NameServer("ns-a3.conoha.io.").Set(conohatest.Behaviour{Lame: true})
	for range 3 {
		if got := ask(t, w.ValidationResolver(), name2, "TXT"); len(got.Answer) != 1 {
			t.Errorf("with one good server: %v", got)
		}
	}
	w.NameServer("ns-a1.conoha.io.").Set(conohatest.Behaviour{ServFail: true})
	if got := ask(t, w.ValidationResolver(), name2, "TXT"); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("with none: %v", got)
	}
	if q := w.Questions(); q[0] != (conohatest.Question{Server: "validation", Name: name2, Type: "TXT", Network: "tcp", At: w.clock.Now()}) {
		t.Errorf("%+v", q[0])
	}
}

// The trap of §4: the zone is edited here and delegated elsewhere.
func TestDelegatedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.create(3, name3, value)
	w.Delegate("three.example", "ns1.elsewhere.test.")
	if got := said(ask(t, w.Resolver(), "three.example.", "NS")); got != "NOERROR | three.example. NS ns1.elsewhere.test. | " {
		t.Error(got)
	}
	if got := said(ask(t, w.ValidationResolver(), name3, "TXT")); got != "NXDOMAIN |  | three.example. SOA" {
		t.Error(got)
	}
	if got := said(ask(t, w.NameServer(conohatest.OutsideName).Addr(), "three.example.", "NS")); !strings.HasPrefix(got, "NOERROR aa") {
		t.Error(got)
	}
	// To the other generation, whose servers refuse it.
	w.Delegate("three.example", "ns-a1.conoha.io.", "ns-a2.conoha.io.")
	if got := ask(t, w.Resolver(), "three.example.", "NS"); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("%v", got)
	}
	w.Switch(func(s *conohatest.Switches) { s.ParentNS = true })
	if got := said(ask(t, w.Resolver(), "three.example.", "NS")); got != "NOERROR | three.example. NS ns-a1.conoha.io., three.example. NS ns-a2.conoha.io. | " {
		t.Error(got)
	}
	// Not at all, and back.
	w.Delegate("three.example")
	if got := said(ask(t, w.Resolver(), "three.example.", "NS")); got != "NXDOMAIN |  | example. SOA" {
		t.Error(got)
	}
	w.FlushResolver()
	w.Delegate("three.example", "a.conoha-dns.com", "b.conoha-dns.org")
	if got := ask(t, w.Resolver(), name3, "TXT"); len(got.Answer) != 1 {
		t.Errorf("%v", got)
	}

	// The delegation of a zone inside another one stands there, as records.
	sub := w.AddZone(w.v2.Tenant, "sub.three.example")
	ns := func() (hosts []string) {
		for _, r := range w.Records("three.example") {
			if r.Name == "sub.three.example." {
				hosts = append(hosts, r.Type+" "+r.Data)
			}
		}
		return hosts
	}
	if got := ns(); !slices.Equal(got, []string{"NS ns-a1.conoha.io.", "NS ns-a2.conoha.io.", "NS ns-a3.conoha.io."}) || sub == "" {
		t.Errorf("%q", got)
	}
	w.Delegate("sub.three.example", "ns1.elsewhere.test.")
	if got := ns(); !slices.Equal(got, []string{"NS ns1.elsewhere.test."}) {
		t.Errorf("%q", got)
	}
	w.RemoveZone("sub.three.example")
	if got := ns(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// Servers on addresses of their own with one port: they are found by look-ups.
func TestCommonPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{CommonPort: true})
	w.create(3, name3, value)
	_, port, _ := net.SplitHostPort(w.NameServers()[0])
	for _, rr := range ask(t, w.Resolver(), "three.example.", "NS").Answer {
		host := rr.(*dns.NS).Ns
		a := ask(t, w.Resolver(), host, "A").Answer[0].(*dns.A).A.String()
		addr := net.JoinHostPort(a, port)
		if addr != w.NameServer(host).Addr() {
			t.Errorf("%s is %s", host, addr)
		}
		if got := ask(t, addr, name3, "TXT"); len(got.Answer) != 1 {
			t.Errorf("%v", got)
		}
	}
	w.SetHostAddresses("a.conoha-dns.com", "2001:db8::1")
	if got := said(ask(t, w.Resolver(), "a.conoha-dns.com.", "A")); got != "NOERROR |  | com. SOA" {
		t.Error(got)
	}
	if got := said(ask(t, w.Resolver(), "a.conoha-dns.com.", "AAAA")); got != "NOERROR | a.conoha-dns.com. AAAA 2001:db8::1 | " {
		t.Error(got)
	}
}
