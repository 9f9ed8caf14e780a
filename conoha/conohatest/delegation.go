package conohatest

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// delegation is what the parent of a zone says of it.
type delegation struct{ hosts []string }

// Delegate makes the parent of a zone delegate it to these hosts, whether or not an account has the zone. Without hosts it
// is not delegated at all. Hosts that are not ConoHa's are the outside name server, which then serves a zone of that name
// with the hosts as its NS records; PutRecord adds to it, unless an account has the zone too. Before AddZone, it decides
// what AddZone leaves alone.
func (s *Service) Delegate(name string, hostNames ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = canonical(name)
	d := &delegation{}
	away := false
	for _, host := range hostNames {
		d.hosts = append(d.hosts, canonical(host))
		away = away || s.server(host).version == 0
	}
	s.delegations[name] = d
	s.zones = slices.DeleteFunc(s.zones, func(other *zone) bool { return other.version == 0 && other.name == name })
	if away {
		s.newZone(0, "", name, d.hosts, true)
	}
	s.relink()
}

// outside returns a zone outside ConoHa, or nil.
func (s *Service) outside(name string) *zone {
	for _, z := range s.zones {
		if z.name == name && z.version == 0 {
			return z
		}
	}
	return nil
}

// server returns the name server that answers at a host name: the outside one for any that is not ConoHa's.
func (s *Service) server(host string) *NameServer {
	for _, n := range s.servers {
		if n.host == canonical(host) {
			return n
		}
	}
	return s.servers[len(s.servers)-1]
}

// SetHostAddresses sets what the addresses of a name server's host name are, in place of the loopback address of its
// server. No address is a host without any.
func (s *Service) SetHostAddresses(host string, ips ...string) {
	for _, ip := range ips {
		netip.MustParseAddr(ip)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses[canonical(host)] = append([]string{}, ips...)
}

// isHost reports whether a canonical name is that of a name server.
func (s *Service) isHost(key string) bool {
	if s.addresses[key] != nil {
		return true
	}
	if slices.ContainsFunc(s.servers, func(n *NameServer) bool { return n.host == key }) {
		return true
	}
	for _, d := range s.delegations {
		if slices.Contains(d.hosts, key) {
			return true
		}
	}
	return false
}

func (s *Service) hostAddresses(key string) []string {
	if ips, set := s.addresses[key]; set {
		return ips
	}
	if s.isHost(key) {
		return []string{s.server(key).ip}
	}
	return nil
}

// relink puts the delegation of every zone that lies in another one there, as NS records (§5), and takes away those that
// hold no longer. Delegations of all other zones are the registry's.
func (s *Service) relink() {
	type link struct{ zone, name, host string }
	wanted := map[link]bool{}
	for name, d := range s.delegations {
		if z := s.enclosing(name); z != nil {
			for _, host := range d.hosts {
				wanted[link{z.id, name, host}] = true
			}
		}
	}
	for _, z := range s.zones {
		for _, r := range slices.Clone(z.records) {
			l := link{z.id, r.key, r.data}
			switch {
			case r.delegation && !wanted[l]:
				s.remove(z, r, true)
			case r.kind == "NS":
				delete(wanted, l)
			}
		}
		for _, l := range slices.SortedFunc(maps.Keys(wanted), func(a, b link) int {
			return strings.Compare(a.name+" "+a.host, b.name+" "+b.host)
		}) {
			if l.zone != z.id {
				continue
			}
			r := &record{id: s.unique(), name: l.name, key: l.name, kind: "NS", data: l.host, created: s.now(), delegation: true}
			if z.version == 3 {
				ttl := z.ttl
				r.ttl, r.updated = &ttl, r.created
			}
			s.insert(z, r, true)
		}
	}
}

// enclosing returns the closest zone above a name, or nil.
func (s *Service) enclosing(name string) *zone {
	for _, i := range dns.Split(name)[min(1, dns.CountLabel(name)):] {
		if z := s.zone(name[i:]); z != nil {
			return z
		}
		if z := s.outside(name[i:]); z != nil {
			return z
		}
	}
	return nil
}

// topIP is the address of the servers of the root and of the top-level domains. None is there: nothing of this world listens at
// it, and nothing of another world that runs on this machine does at the same port, which may be so of 127.0.0.1.
const topIP = "127.0.0.41"

// registry answers as the root and the top-level domains together do: it delegates the zones that lie in no other one.
func (s *Service) registry(name string, kind uint16) outcome {
	key := canonical(name)
	a := outcome{authoritative: true}
	for zone, d := range s.delegations {
		if len(d.hosts) > 0 && inZone(key, zone) && len(zone) > len(a.cut) && s.enclosing(zone) == nil {
			a = outcome{cut: zone, hosts: d.hosts}
		}
	}
	if a.cut != "" {
		return a
	}
	if s.isHost(key) {
		a.answer = s.addressRecords(name, kind)
	}
	known := slices.Concat(hosts(s.servers), slices.Collect(maps.Keys(s.delegations)),
		slices.Collect(maps.Keys(s.addresses)))
	for zone, d := range s.delegations {
		known = append(known, d.hosts...)
		if len(d.hosts) == 0 {
			known = slices.DeleteFunc(known, func(other string) bool { return other == zone })
		}
	}
	top := "."
	if key != "." {
		labels := dns.Split(key)
		last := key[labels[len(labels)-1]:]
		if slices.ContainsFunc(known, func(other string) bool { return inZone(other, last) }) {
			top = last
		}
	}
	server := "a.nic." + strings.TrimPrefix(top, ".")
	soa := newRR(top, 3600, "SOA", server+" hostmaster."+server+" 1 1800 900 604800 3600")
	switch {
	case key == top && kind == dns.TypeSOA:
		a.answer = []dns.RR{soa}
	case key == top && kind == dns.TypeNS:
		a.answer = []dns.RR{newRR(name, 3600, "NS", server)}
	case key == server && kind == dns.TypeA:
		a.answer = []dns.RR{newRR(name, 3600, "A", topIP)}
	}
	if len(a.answer) > 0 {
		return a
	}
	a.authority = []dns.RR{soa}
	exists := key == top || key == server ||
		slices.ContainsFunc(known, func(other string) bool { return inZone(other, key) })
	if !exists {
		a.rcode = dns.RcodeNameError
	}
	return a
}
