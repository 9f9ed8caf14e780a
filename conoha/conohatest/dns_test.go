package conohatest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
)

// query asks a server.
func query(t *testing.T, network, addr, name, kind string, change ...func(*dns.Msg)) (*dns.Msg, error) {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.StringToType[kind])
	for _, f := range change {
		f(m)
	}
	client := &dns.Client{Net: network, Timeout: 10 * time.Second}
	got, _, err := client.ExchangeContext(t.Context(), m, addr)
	return got, err
}

func ask(t *testing.T, addr, name, kind string, change ...func(*dns.Msg)) *dns.Msg {
	t.Helper()
	var got [2]*dns.Msg
	for i, network := range []string{"udp", "tcp"} {
		m, err := query(t, network, addr, name, kind, change...)
		if err != nil {
			t.Fatalf("%s %s over %s: %v", name, kind, network, err)
		}
		got[i] = m
	}
	if a, b := said(got[0]), said(got[1]); a != b && !got[0].Truncated {
		t.Errorf("%s %s over UDP: %s, over TCP: %s", name, kind, a, b)
	}
	return got[1]
}

// said is what a message says, in short: "NOERROR aa | answer | authority".
func said(m *dns.Msg) string {
	text := dns.RcodeToString[m.Rcode]
	if m.Authoritative {
		text += " aa"
	}
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		var out []string
		for _, rr := range section {
			f := strings.Fields(rr.String())
			if f[3] == "SOA" {
				f = f[:4]
			}
			out = append(out, strings.ToLower(f[0])+" "+strings.Join(f[3:], " "))
		}
		slices.Sort(out)
		text += " | " + strings.Join(out, ", ")
	}
	return text
}

func TestAuthoritative(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.AddZone(w.v2.Tenant, "sub.two.example.")
	w.AddZone(w.v3.Tenant, "away.two.example.")
	w.create(2, "_acme-challenge.two.example.", "one")
	w.create(2, "_acme-challenge.two.example.", "two")
	w.create(2, "a.deep.two.example.", `quote \" and \\ slash`)
	w.PutRecord("sub.two.example", "x.sub.two.example", "TXT", "in the child")
	w.PutRecord("two.example", "alias.two.example", "CNAME", "x.sub.two.example.")
	w.PutRecord("two.example", "out.two.example", "CNAME", "x.three.example.")
	w.PutRecord("two.example", "dead.two.example", "CNAME", "gone.two.example.")
	w.PutRecord("two.example", "into.two.example", "CNAME", "x.away.two.example.")
	w.PutRecord("two.example", "loop.two.example", "CNAME", "pool.two.example.")
	w.PutRecord("two.example", "pool.two.example", "CNAME", "loop.two.example.")
	w.PutRecord("two.example", "two.example", "MX", "10 mx.two.example.")
	const soa = " | two.example. SOA"
	for _, server := range w.NameServers(2) {
		for question, want := range map[string]string{
			"_acme-challenge.two.example. TXT":      `NOERROR aa | _acme-challenge.two.example. TXT "one", _acme-challenge.two.example. TXT "two" | `,
			"_acme-challenge.two.example. A":        "NOERROR aa | " + soa,
			"_aCmE-cHaLlEnGe.tWo.eXaMpLe. TXT":      `NOERROR aa | _acme-challenge.two.example. TXT "one", _acme-challenge.two.example. TXT "two" | `,
			"other.two.example. TXT":                "NXDOMAIN aa | " + soa,
			"deep.two.example. TXT":                 "NOERROR aa | " + soa,
			"a.deep.two.example. TXT":               `NOERROR aa | a.deep.two.example. TXT "quote \" and \\ slash" | `,
			"b.deep.two.example. TXT":               "NXDOMAIN aa | " + soa,
			"two.example. SOA":                      "NOERROR aa | two.example. SOA | ",
			"two.example. NS":                       "NOERROR aa | two.example. NS ns-a1.conoha.io., two.example. NS ns-a2.conoha.io., two.example. NS ns-a3.conoha.io. | ",
			"two.example. MX":                       "NOERROR aa | two.example. MX 10 mx.two.example. | ",
			"two.example. AXFR":                     "REFUSED |  | ",
			"sub.two.example. NS":                   "NOERROR aa | sub.two.example. NS ns-a1.conoha.io., sub.two.example. NS ns-a2.conoha.io., sub.two.example. NS ns-a3.conoha.io. | ",
			"x.sub.two.example. TXT":                `NOERROR aa | x.sub.two.example. TXT "in the child" | `,
			"y.sub.two.example. TXT":                "NXDOMAIN aa |  | sub.two.example. SOA",
			"away.two.example. NS":                  "NOERROR |  | away.two.example. NS a.conoha-dns.com., away.two.example. NS b.conoha-dns.org.",
			"_acme-challenge.away.two.example. TXT": "NOERROR |  | away.two.example. NS a.conoha-dns.com., away.two.example. NS b.conoha-dns.org.",
			"alias.two.example. TXT":                `NOERROR aa | alias.two.example. CNAME x.sub.two.example., x.sub.two.example. TXT "in the child" | `,
			"alias.two.example. CNAME":              "NOERROR aa | alias.two.example. CNAME x.sub.two.example. | ",
			"alias.two.example. A":                  "NOERROR aa | alias.two.example. CNAME x.sub.two.example. | sub.two.example. SOA",
			"out.two.example. TXT":                  "NOERROR aa | out.two.example. CNAME x.three.example. | ",
			"dead.two.example. TXT":                 "NXDOMAIN aa | dead.two.example. CNAME gone.two.example." + soa,
			"into.two.example. TXT":                 "NOERROR aa | into.two.example. CNAME x.away.two.example. | away.two.example. NS a.conoha-dns.com., away.two.example. NS b.conoha-dns.org.",
			"three.example. SOA":                    "REFUSED |  | ",
			"example. NS":                           "REFUSED |  | ",
			"nottwo.example. NS":                    "REFUSED |  | ",
		} {
			name, kind, _ := strings.Cut(question, " ")
			if kind == "AXFR" {
				got, err := query(t, "tcp", server, name, kind)
				if err != nil || said(got) != want {
					t.Errorf("%s: %v, %v", question, got, err)
				}
				continue
			}
			if got := said(ask(t, server, name, kind)); got != want {
				t.Errorf("%s: got %s, want %s", question, got, want)
			}
		}
		if got := ask(t, server, "loop.two.example.", "TXT"); len(got.Answer) != 8 {
			t.Errorf("a loop: %d records", len(got.Answer))
		}
	}
	got := ask(t, w.NameServers(2)[0], "NOT.two.example.", "TXT")
	if s := got.Ns[0].(*dns.SOA); s.Minttl != 3600 || s.Hdr.Ttl != 3600 || s.Refresh != 3600 || s.Retry != 600 || s.Expire != 86400 {
		t.Errorf("%v", s)
	}
	if got := ask(t, w.NameServers(2)[0], "_ACME-challenge.two.example.", "TXT"); got.Answer[0].Header().Name != "_ACME-challenge.two.example." || got.Answer[0].Header().Ttl != 60 {
		t.Errorf("%v", got)
	}
	if got := ask(t, w.NameServers(2)[0], "two.example.", "SOA", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }); got.Rcode != dns.RcodeRefused {
		t.Errorf("%v", got)
	}
}

// What does not fit is cut off over UDP, and whole over TCP.
func TestTruncation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for i := range 12 {
		w.create(3, name3, fmt.Sprintf("%043d", i))
	}
	addr := w.NameServers(3)[0]
	for size, truncated := range map[uint16]bool{0: true, 512: true, 1232: false} {
		edns := func(m *dns.Msg) {
			if size > 0 {
				m.SetEdns0(size, false)
			}
		}
		got, err := query(t, "udp", addr, name3, "TXT", edns)
		if err != nil || got.Truncated != truncated || (len(got.Answer) == 12) == truncated || (got.IsEdns0() != nil) != (size > 0) {
			t.Errorf("EDNS size %d: %v, %v", size, got, err)
		}
		got, err = query(t, "tcp", addr, name3, "TXT", edns)
		if err != nil || got.Truncated || len(got.Answer) != 12 {
			t.Errorf("over TCP: %v, %v", got, err)
		}
	}
	bad := ask(t, addr, name3, "TXT", func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) })
	if bad.Rcode != dns.RcodeBadVers || len(bad.Answer) > 0 {
		t.Errorf("EDNS version 1: %v", bad)
	}
}

func TestBehaviour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.create(3, name3, value)
	server := w.NameServer("a.conoha-dns.com")
	good := said(ask(t, server.Addr(), name3, "TXT"))
	for b, want := range map[conohatest.Behaviour]string{
		{Refuse: true}:            "REFUSED |  | ",
		{ServFail: true}:          "SERVFAIL |  | ",
		{Lame: true}:              strings.Replace(good, " aa", "", 1),
		{Delay: time.Millisecond}: good,
		{}:                        good,
	} {
		server.Set(b)
		if got := said(ask(t, server.Addr(), name3, "TXT")); got != want {
			t.Errorf("%+v: %s", b, got)
		}
	}
	server.Set(conohatest.Behaviour{Truncate: true})
	if got, err := query(t, "udp", server.Addr(), name3, "TXT"); err != nil || !got.Truncated || len(got.Answer) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := query(t, "tcp", server.Addr(), name3, "TXT"); err != nil || said(got) != good {
		t.Errorf("%v, %v", got, err)
	}
	for b, networks := range map[conohatest.Behaviour][]string{{Silent: true}: {"udp", "tcp"}, {SilentUDP: true}: {"udp"}} {
		server.Set(b)
		for _, network := range networks {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			got, _, err := (&dns.Client{Net: network}).ExchangeContext(ctx, new(dns.Msg).SetQuestion(name3, dns.TypeTXT), server.Addr())
			if cancel(); err == nil {
				t.Errorf("%s: %v", network, got)
			}
		}
	}
	server.Set(conohatest.Behaviour{SilentUDP: true})
	if got, err := query(t, "tcp", server.Addr(), name3, "TXT"); err != nil || said(got) != good {
		t.Errorf("%v, %v", got, err)
	}
	if got := said(ask(t, w.NameServer("b.conoha-dns.org.").Addr(), name3, "TXT")); got != good {
		t.Errorf("the other server: %s", got)
	}
	w.ResetLog()
	ask(t, w.NameServers(3)[1], name3, "TXT")
	asked := w.Questions()
	want := []conohatest.Question{
		{Server: "b.conoha-dns.org.", Name: name3, Type: "TXT", Network: "udp", At: w.clock.Now()},
		{Server: "b.conoha-dns.org.", Name: name3, Type: "TXT", Network: "tcp", At: w.clock.Now()},
	}
	if !slices.Equal(asked, want) {
		t.Errorf("%+v", asked)
	}
}
