package doctor

import (
	"testing"

	"github.com/miekg/dns"
)

// Our own network has a zone below the public one: the record goes to the public one, which is the account's, where the CA sees it.
func TestExamine_ZoneOfOurOwnNetworkBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const host, ip = "dc1.internal.example.", "127.255.255.253"
	home := "home." + apex
	w.serveDNS(ip, func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		_ = rw.WriteMsg(m)
	})
	w.registry("ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io.")
	w.front.records(home, dns.TypeNS, &dns.NS{Hdr: dns.RR_Header{Name: home + ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: host})
	w.front.host(host, ip)
	if findings := w.examine(w.wanted(home)).Findings; len(findings) > 0 {
		t.Errorf("%+v", findings)
	}
}
