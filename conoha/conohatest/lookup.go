package conohatest

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// outcome is what a name server has to say to a question.
type outcome struct {
	rcode                    int
	authoritative            bool
	answer, authority, extra []dns.RR

	cut   string   // of a referral: the zone referred to, in canonical form
	hosts []string // and its name servers
}

// mostAliases is how many CNAMEs in a row an answer holds.
const mostAliases = 8

// lookup answers as an authoritative server does (RFC 1034 §4.3.2).
func (n *NameServer) lookup(name string, kind uint16) outcome {
	s, now := n.service, n.service.now()
	a := outcome{authoritative: true}
	if kind == dns.TypeAXFR || kind == dns.TypeIXFR {
		return outcome{rcode: dns.RcodeRefused}
	}
	for range mostAliases {
		z := n.zoneOf(canonical(name), now)
		if z == nil {
			if a.answer == nil {
				return outcome{rcode: dns.RcodeRefused}
			}
			return a // the rest is in another's zone
		}
		if cut, set := n.delegated(z, canonical(name), now); cut != "" {
			a.authoritative = a.answer != nil
			a.cut = cut
			for _, r := range set {
				a.authority = append(a.authority, r.rr(cut, z.ttl))
				a.hosts = append(a.hosts, canonical(r.data))
				a.extra = append(a.extra, s.glue(r.data)...)
			}
			return a
		}
		next := n.inZone(&a, z, name, kind, now)
		if next == "" {
			return a
		}
		name = next
	}
	return a
}

// inZone answers from a zone that holds the name. It returns the target of a CNAME, if that is to be looked up next.
func (n *NameServer) inZone(a *outcome, z *zone, name string, kind uint16, now time.Time) (next string) {
	key := canonical(name)
	at := n.visible(z, now, func(r *record) bool { return r.key == key })
	if len(at) == 0 && !n.exists(z, key, now) {
		at = n.wildcard(z, key, now)
	}
	var found []dns.RR
	for _, r := range at {
		if r.kind == "CNAME" && kind != dns.TypeCNAME && kind != dns.TypeANY {
			a.answer = append(a.answer, r.rr(name, z.ttl))
			return r.data
		}
		if rrType := dns.StringToType[r.kind]; rrType == kind || kind == dns.TypeANY {
			found = append(found, r.rr(name, z.ttl))
		}
	}
	if key == z.name && (kind == dns.TypeSOA || kind == dns.TypeANY) {
		found = append(found, n.soa(z, name, now))
	}
	if n.version == 0 && (kind == dns.TypeA || kind == dns.TypeAAAA) {
		found = append(found, n.service.addressRecords(name, kind)...)
	}
	if len(found) > 0 {
		a.answer = append(a.answer, evenTTL(dns.Dedup(found, nil))...)
		return ""
	}
	if len(at) == 0 && !n.exists(z, key, now) {
		a.rcode = dns.RcodeNameError
	}
	a.authority = []dns.RR{n.soa(z, z.name, now)}
	return ""
}

// wildcard returns the records that stand for a name which is not there: those of "*" below the closest name above that is
// (RFC 4592 §3.3.1).
func (n *NameServer) wildcard(z *zone, key string, now time.Time) []*record {
	for above := key; above != z.name; {
		_, above, _ = strings.Cut(above, ".")
		if above == z.name || n.exists(z, above, now) {
			return n.visible(z, now, func(r *record) bool { return r.key == "*."+above })
		}
	}
	return nil
}

// exists reports whether a zone has a name, be it without records of its own (RFC 8020).
func (n *NameServer) exists(z *zone, key string, now time.Time) bool {
	if n.version == 0 && n.service.isHost(key) {
		return true
	}
	return len(n.visible(z, now, func(r *record) bool { return inZone(r.key, key) })) > 0
}

// zoneOf returns the deepest zone that the server serves and that holds a name, or nil.
func (n *NameServer) zoneOf(key string, now time.Time) *zone {
	var best *zone
	for _, z := range n.service.zones {
		if z.version == n.version && inZone(key, z.name) && z.zone.by(n.index, now) &&
			(best == nil || len(z.name) > len(best.name)) {
			best = z
		}
	}
	return best
}

// delegated returns the highest name in a zone, at or above key, that NS records delegate away.
func (n *NameServer) delegated(z *zone, key string, now time.Time) (cut string, set []*record) {
	set = n.visible(z, now, func(r *record) bool {
		return r.kind == "NS" && r.key != z.name && inZone(key, r.key)
	})
	for _, r := range set {
		if cut == "" || len(r.key) < len(cut) {
			cut = r.key
		}
	}
	var at []*record
	for _, r := range set {
		if r.key == cut {
			at = append(at, r)
		}
	}
	return cut, at
}

// visible returns the records of a zone, as the server has it now, that match.
func (n *NameServer) visible(z *zone, now time.Time, match func(*record) bool) []*record {
	var out []*record
	for _, list := range [][]*record{z.records, z.deleted} {
		for _, r := range list {
			if match(r) && r.serve.by(n.index, now) && (r.hide == nil || !r.hide.by(n.index, now)) {
				out = append(out, r)
			}
		}
	}
	return out
}

// soa is the SOA with the serial that the server knows.
func (n *NameServer) soa(z *zone, owner string, now time.Time) dns.RR {
	serial := z.serials[0].serial
	for _, p := range z.serials {
		if p.by(n.index, now) {
			serial = p.serial
		}
	}
	return newRR(owner, 3600, "SOA", z.soaData(serial))
}

// rr is a record on the wire. Data that is not what its type wants gives nil.
func (r *record) rr(owner string, zoneTTL int) dns.RR {
	ttl := zoneTTL
	if r.ttl != nil {
		ttl = *r.ttl
	}
	if r.kind != "TXT" {
		data := r.data
		for _, number := range []*int{r.port, r.weight, r.priority} {
			if number != nil {
				data = itoa(*number) + " " + data
			}
		}
		return newRR(owner, ttl, r.kind, data)
	}
	txt := &dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(ttl)}}
	for rest := r.data; ; {
		part := rest[:min(len(rest), 255)]
		txt.Txt = append(txt.Txt, strings.ReplaceAll(part, `\`, `\\`))
		if rest = rest[len(part):]; rest == "" {
			return txt
		}
	}
}

func newRR(owner string, ttl int, kind, data string) dns.RR {
	rr, err := dns.NewRR(". " + itoa(ttl) + " IN " + kind + " " + data)
	if err != nil || rr == nil {
		return nil
	}
	rr.Header().Name = owner
	return rr
}

// evenTTL gives the records of an answer one TTL, the least (RFC 2181 §5.2).
func evenTTL(set []dns.RR) []dns.RR {
	least := set[0].Header().Ttl
	for _, rr := range set {
		least = min(least, rr.Header().Ttl)
	}
	for _, rr := range set {
		rr.Header().Ttl = least
	}
	return set
}

// glue is the addresses of a name server, as they stand in a referral.
func (s *Service) glue(host string) []dns.RR {
	return append(s.addressRecords(host, dns.TypeA), s.addressRecords(host, dns.TypeAAAA)...)
}

// addressRecords are the addresses of one family of a host.
func (s *Service) addressRecords(name string, kind uint16) []dns.RR {
	var out []dns.RR
	for _, text := range s.hostAddresses(canonical(name)) {
		ip, err := netip.ParseAddr(text)
		if err == nil && (ip.Is4() == (kind == dns.TypeA)) {
			out = append(out, newRR(name, 3600, cmp.Or(map[bool]string{true: "A"}[ip.Is4()], "AAAA"), text))
		}
	}
	return out
}
