package propagation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// within reports names in a zone as ours.
func within(zones ...string) func(context.Context, string) (bool, error) {
	return func(_ context.Context, name string) (bool, error) {
		return providers.LongestZone(name, zones) != "", nil
	}
}

// P9, P10: what a wildcard makes of a challenge's name, which does not exist, leads nowhere.
func TestFollowCNAME_Wildcard(t *testing.T) {
	t.Parallel()
	for subject, c := range map[string]struct {
		name    string
		records map[string]string
		ours    []string
		want    string
	}{
		"to others": {
			challenge, map[string]string{"*.example.test.": "cdn.other.test."}, []string{"example.test."}, challenge,
		},
		"to one of ours that leads to others": {
			challenge, map[string]string{"*.example.test.": "lb.example.test.", "lb.example.test.": "x.other.test."}, []string{"example.test."}, challenge,
		},
		"to a host of ours": {
			challenge, map[string]string{"*.example.test.": "www.example.test."}, []string{"example.test."}, challenge,
		},
		"to the apex": {
			challenge, map[string]string{"*.example.test.": "example.test."}, []string{"example.test."}, challenge,
		},
		"three labels higher": {
			"_acme-challenge.a.b.example.test.", map[string]string{"*.example.test.": "cdn.other.test."}, []string{"example.test."},
			"_acme-challenge.a.b.example.test.",
		},
		"to a chain that ends in a zone of ours": {
			challenge, map[string]string{"*.example.test.": "hop.other.test.", "hop.other.test.": "x.second.test."},
			[]string{"example.test.", "second.test."}, challenge,
		},
		"in a circle": {
			challenge, map[string]string{"*.example.test.": "loop.example.test."}, []string{"example.test."}, challenge,
		},
		"of others, to a zone of ours": {
			challenge, map[string]string{"*.example.test.": "x.second.test."}, []string{"second.test."}, "x.second.test.",
		},
		"at the end of a true CNAME": {
			challenge, map[string]string{challenge: "x.second.test.", "*.second.test.": "cdn.other.test."},
			[]string{"example.test.", "second.test."}, "x.second.test.",
		},
		"of others, in the middle": {
			challenge, map[string]string{challenge: "x.other.test.", "*.other.test.": "y.second.test."},
			[]string{"example.test.", "second.test."}, "y.second.test.",
		},
		"beside a true CNAME to another name": {
			challenge, map[string]string{challenge: "x.second.test.", "*.example.test.": "cdn.other.test."},
			[]string{"example.test.", "second.test."}, "x.second.test.",
		},
		"beside a true CNAME to the same name": {
			challenge, map[string]string{challenge: "x.second.test.", "*.example.test.": "x.second.test."},
			[]string{"example.test.", "second.test."}, "x.second.test.",
		},
	} {
		for _, oneOnly := range []bool{false, true} {
			if oneOnly && slices.Contains([]string{"three labels higher", "beside a true CNAME to the same name"}, subject) {
				continue // such a server makes nothing of the one, and does not let the other be told
			}
			w := newWorld(t, 1)
			w.delegate("other.test.", "ns1.test.")
			w.delegate("second.test.", "ns1.test.")
			w.servers[0].oneOnly = oneOnly
			w.servers[0].publish("example.test.", "v=spf1 -all")
			w.servers[0].publish("second.test.", "v=spf1 -all")
			for name, target := range c.records {
				w.servers[0].alias(name, target)
			}
			got, err := w.Resolver().FollowCNAME(t.Context(), c.name, within(c.ours...))
			if err != nil || got != c.want {
				t.Errorf("%s: %q, %v, want %q", subject, got, err, c.want)
			}
		}
	}
}

// Where nothing but a wildcard's CNAME stands, the servers of the zones it leads to are not even asked.
func TestFollowCNAME_Wildcard_TargetUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.delegate("other.test.", "ns.other.test.")
	w.address("ns.other.test.", w.servers[1].addr.Addr().String())
	w.zones.set("example.test.", "ns1.test.")
	w.servers[1].set(silent)
	w.servers[0].publish("example.test.", "v=spf1 -all")
	w.servers[0].alias("*.example.test.", "cdn.other.test.")
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test."))
	if err != nil || got != challenge {
		t.Errorf("%q, %v", got, err)
	}
	if asked := w.servers[1].asked(); len(asked) > 0 {
		t.Errorf("the servers of the target were asked %q", asked)
	}
}

// A DNAME above makes a CNAME of every name (RFC 6672), each with a target of its own: that is a delegation.
func TestFollowCNAME_DNAME(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.delegate("second.test.", "ns1.test.")
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		name := providers.CanonicalName(r.Question[0].Name)
		host, ok := strings.CutSuffix(name, ".sub.example.test.")
		if !ok {
			w.servers[0].authority(rw, r)
			return
		}
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = true
		m.Answer = []dns.RR{
			&dns.DNAME{Hdr: header("sub.example.test.", dns.TypeDNAME), Target: "second.test."},
			&dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: host + ".second.test."},
		}
		rw.WriteMsg(m)
	})
	got, err := w.Resolver().FollowCNAME(t.Context(), "_acme-challenge.sub.example.test.", within("example.test.", "second.test."))
	if err != nil || got != "_acme-challenge.second.test." {
		t.Errorf("%q, %v", got, err)
	}
}

// Wildcards of other types make no CNAME.
func TestFollowCNAME_WildcardTXT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = true
		if r.Question[0].Qtype == dns.TypeTXT {
			m.Answer = []dns.RR{&dns.TXT{Hdr: header(r.Question[0].Name, dns.TypeTXT), Txt: []string{"v=spf1 -all"}}}
		}
		rw.WriteMsg(m)
	})
	got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test."))
	if err != nil || got != challenge {
		t.Errorf("%q, %v", got, err)
	}
}

// P11: only the end of a chain has to be ours.
func TestFollowCNAME_ThroughZonesOfOthers(t *testing.T) {
	t.Parallel()
	for subject, c := range map[string]struct {
		records map[string]string
		want    string
		says    []string
	}{
		"one link": {map[string]string{challenge: "hop.other.test.", "hop.other.test.": "target.second.test."}, "target.second.test.", nil},
		"two links": {
			map[string]string{challenge: "a.other.test.", "a.other.test.": "b.third.test.", "b.third.test.": "target.second.test."}, "target.second.test.", nil,
		},
		"ours, others', ours": {
			map[string]string{challenge: "a.second.test.", "a.second.test.": "b.other.test.", "b.other.test.": "x.example.test."}, "x.example.test.", nil,
		},
		"to an end of others": {
			map[string]string{challenge: "hop.other.test.", "hop.other.test.": "victim.third.test."}, "", []string{challenge, "hop.other.test.", "victim.third.test."},
		},
		"out of ours to others": {
			map[string]string{challenge: "a.second.test.", "a.second.test.": "b.other.test."}, "", []string{"a.second.test.", "b.other.test."},
		},
	} {
		w := newWorld(t, 1)
		for _, zone := range []string{"other.test.", "second.test.", "third.test."} {
			w.delegate(zone, "ns1.test.")
		}
		for name, target := range c.records {
			w.servers[0].alias(name, target)
		}
		got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test.", "second.test."))
		if c.want != "" {
			if err != nil || got != c.want {
				t.Errorf("%s: %q, %v, want %q", subject, got, err, c.want)
			}
			continue
		}
		wantError(t, err, fault.CodeCNAME, fault.Misconfigured, c.says...)
	}
}

// A zone of others that a chain passes through, and that cannot be asked now, is no reason to say that it leads to others.
func TestFollowCNAME_ServersOfTheMiddleSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.zones.set("example.test.", "ns1.test.")
	w.delegate("other.test.", "ns2.test.")
	w.servers[0].alias(challenge, "hop.other.test.")
	w.servers[1].set(silent)
	r := w.Resolver()
	r.Timeout = 100 * time.Millisecond
	_, err := r.FollowCNAME(t.Context(), challenge, within("example.test."))
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "hop.other.test.", "no answer")
}

// P20: the servers answer nothing but TXT, and the CNAME stands in that answer.
func TestFollowCNAME_NothingButTXTIsAnswered(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]dns.HandlerFunc{
		"NOTIMP": says(dns.RcodeNotImplemented), "REFUSED": says(dns.RcodeRefused), "SERVFAIL": says(dns.RcodeServerFailure),
		"FORMERR": says(dns.RcodeFormatError), "nothing": silent,
	} {
		w := newWorld(t, 1)
		w.delegate("second.test.", "ns1.test.")
		w.servers[0].set(onlyTXT(w.servers[0], others))
		if got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test.")); err != nil || got != challenge {
			t.Errorf("%s, no CNAME: %q, %v", name, got, err)
		}
		w.servers[0].alias(challenge, "x.second.test.")
		if got, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("second.test.")); err != nil || got != "x.second.test." {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		w.servers[0].publish("x.second.test.", "one")
		wait, _ := w.wait()
		if _, err := wait.Run(t.Context(), []Record{{Zone: "second.test.", FQDN: "x.second.test.", Value: "one"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// onlyTXT answers questions for TXT records as s does, and all others as others does.
func onlyTXT(s *server, others dns.HandlerFunc) dns.HandlerFunc {
	return func(rw dns.ResponseWriter, r *dns.Msg) {
		if r.Question[0].Qtype == dns.TypeTXT {
			s.authority(rw, r)
			return
		}
		others(rw, r)
	}
}

// Without an answer about names below, a wildcard's CNAME is not taken for one of its own.
func TestFollowCNAME_Wildcard_NoAnswerBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s := w.servers[0]
	s.publish("example.test.", "v=spf1 -all")
	s.alias("*.example.test.", "cdn.other.test.")
	s.set(func(rw dns.ResponseWriter, r *dns.Msg) {
		if strings.HasSuffix(providers.CanonicalName(r.Question[0].Name), "."+challenge) {
			rw.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeServerFailure))
			return
		}
		s.authority(rw, r)
	})
	_, err := w.Resolver().FollowCNAME(t.Context(), challenge, within("example.test."))
	wantError(t, err, fault.CodeNoAnswer, fault.Temporary, challenge, "wildcard", "SERVFAIL")
}
