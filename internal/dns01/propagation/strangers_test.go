package propagation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
)

// Where the resolvers are public, a delegation to a private address is a stranger's: nothing is asked there. With a resolver of our own
// network it may well be ours.
func TestMayAsk(t *testing.T) {
	t.Parallel()
	for servers, private := range map[string]bool{
		"8.8.8.8:53": false, "8.8.8.8:53 1.1.1.1:53": false, "https://dns.google/dns-query": false, "[2606:4700::1111]:53": false,
		"https://8.8.8.8/dns-query": false, "127.0.0.53:53": true, "192.168.1.1:53": true, "8.8.8.8:53 10.0.0.2:53": true, "[fd00::1]:53": true,
		"[fe80::1]:53": true, "https://10.0.0.2/dns-query": true, "https://localhost/dns-query": true, "100.100.100.100:53": true,
	} {
		s, err := (&Resolver{Servers: strings.Fields(servers)}).open()
		if err != nil {
			t.Fatal(err)
		}
		for addr, want := range map[string]bool{"10.0.0.1": private, "127.0.0.1": private, "169.254.169.254": private, "fd00::53": private, "157.7.32.53": true} {
			if got := s.mayAskAt(netip.MustParseAddr(addr)); got != want {
				t.Errorf("resolvers %s: %s may be asked: %v", servers, addr, got)
			}
		}
		s.close()
	}
}

// only lets the name servers of the top-level domain be asked, and those of others at no address but the named ones.
func (w *world) only(addrs ...string) *Resolver {
	r := w.Resolver()
	r.MayAsk = func(addr netip.Addr) bool {
		return addr == w.registry.addr.Addr() || slices.Contains(addrs, addr.String())
	}
	return r
}

func TestDelegation_PrivateAddress(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){
		"delegated":                 func(*world) {},
		"with others that resolve":  func(w *world) { w.address("ns1.test.", "::ffff:127.0.0.2") },
		"a CNAME leads to the zone": func(w *world) { w.delegate("other.test.", "ns1.test.") },
		"in the referral alone":     func(w *world) { w.glue.set("ns1.test.", w.hosts.of("ns1.test.")...); w.hosts.set("ns1.test.") },
	} {
		w := newWorld(t, 1)
		prepare(w)
		_, err := w.only().Delegation(t.Context(), "_acme-challenge.example.test.")
		if name == "in the referral alone" { // to us, and no resolver knows one
			wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "none of ns1.test. has an address")
		} else {
			wantError(t, err, fault.CodeNoAnswer, fault.Temporary, "127.0.0.2", "private network", "--nameserver")
		}
		if _, err := w.only().FollowCNAME(t.Context(), "_acme-challenge.example.test.", anyTarget); err == nil {
			t.Errorf("%s: it was followed", name)
		}
		if asked := w.servers[0].asked(); len(asked) > 0 {
			t.Errorf("%s: asked for %q", name, asked)
		}
	}
}

// Of a zone with servers of both kinds the public ones are asked; the private one, also if only the zone itself lists it, is reported.
func TestDelegation_PrivateAddressAmongOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.address("inner.test.", "127.0.0.3")
	w.redelegate("example.test.", "ns1.test.")
	for _, s := range w.servers {
		s.list("example.test.", "ns1.test.", "inner.test.")
	}
	d, err := w.only("127.0.0.2").Delegation(t.Context(), "_acme-challenge.example.test.")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Addrs) != 1 || d.Addrs[0].Addr.Addr().String() != "127.0.0.2" || len(d.Withheld) != 1 || d.Withheld[0].Host != "inner.test." || len(d.Unresolved) > 0 {
		t.Errorf("%+v", d)
	}
	if asked := w.servers[1].asked(); len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
}

// CNAMEs that lead on through deep names, each in a zone of its own: what they make us ask has an end.
func TestFollowCNAME_Strangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	deep := func(i int) string {
		return fmt.Sprintf("n%d.", i) + strings.Repeat(string(rune('a'+i))+".", 110) + "example.test."
	}
	w.servers[0].set(func(rw dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Authoritative = true
		next := 0
		if _, err := fmt.Sscanf(r.Question[0].Name, "n%d.", &next); err != nil && r.Question[0].Name != "_acme-challenge.example.test." {
			m.Rcode = dns.RcodeNameError
			_ = rw.WriteMsg(m)
			return
		}
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(r.Question[0].Name, dns.TypeCNAME), Target: deep(next + 1)})
		_ = rw.WriteMsg(m)
	})
	_, err := w.Resolver().FollowCNAME(t.Context(), "_acme-challenge.example.test.", anyTarget)
	if err == nil || !strings.Contains(err.Error(), "questions would be needed") {
		t.Errorf("%v", err)
	}
	asked := len(w.resolver.asked()) + len(w.servers[0].asked()) + len(w.registry.asked())
	if asked > mostQuestions+mostQuestions/10 {
		t.Errorf("%d questions", asked)
	}
}
