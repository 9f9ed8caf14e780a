package conohatest

import (
	"slices"
	"strconv"
	"time"
)

// Record is a record as the API has it.
type Record struct {
	ID      string
	Zone    string // with a trailing dot, like Name
	Name    string
	Type    string
	Data    string
	TTL     int // seconds
	Managed bool
}

func itoa(n int) string { return strconv.Itoa(n) }

// AddZone registers a zone for a tenant, with its SOA and NS records, delegates it to the name servers of the tenant's
// generation unless Delegate has said otherwise, and returns its id. Nothing of it is delayed. It panics if there is no
// such tenant, or if the zone is registered, in either generation (§1).
func (s *Service) AddZone(tenant, name string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = canonical(name)
	version := 0
	for _, a := range s.accounts {
		if a.Tenant == tenant {
			version = a.Version
		}
	}
	if version == 0 {
		panic("conohatest: add zone " + name + ": there is no tenant " + tenant)
	}
	if s.zone(name) != nil {
		panic("conohatest: add zone " + name + ": it is registered")
	}
	return s.newZone(version, tenant, name, hosts(s.generation(version)), true).id
}

// newZone makes a zone with its NS records, and delegates it to the same hosts if nothing is known of its delegation.
func (s *Service) newZone(version int, tenant, name string, hosts []string, atOnce bool) *zone {
	now := s.now()
	z := &zone{
		version: version, tenant: tenant, id: s.unique(), name: canonical(name), display: name,
		ttl: 3600, email: "postmaster@example.org", created: now, soaID: s.unique(), soaCreated: now,
	}
	z.zone = s.publish(z, atOnce)
	z.serial = int(now.Unix())
	first := z.zone
	first.serial = z.serial
	z.serials = []published{first}
	for _, host := range hosts {
		r := &record{id: s.unique(), name: name, key: z.name, kind: "NS", data: host, created: now, managed: true}
		if version == 3 {
			r.ttl = &z.ttl
			r.updated = now
		}
		r.serve = first
		z.records = append(z.records, r)
	}
	s.zones = append(s.zones, z)
	if s.delegations[z.name] == nil {
		s.delegations[z.name] = &delegation{hosts: hosts}
	}
	s.relink()
	return z
}

// RemoveZone removes a zone at once, and its delegation.
func (s *Service) RemoveZone(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = canonical(name)
	s.zones = slices.DeleteFunc(s.zones, func(z *zone) bool { return z.name == name })
	delete(s.delegations, name)
	s.relink()
}

// zone returns a zone that an account has, or nil.
func (s *Service) zone(name string) *zone {
	for _, z := range s.zones {
		if z.name == name && z.version != 0 {
			return z
		}
	}
	return nil
}

// held returns a zone by name: an account's, else one outside ConoHa. It panics if there is neither.
func (s *Service) held(name string) *zone {
	name = canonical(name)
	if z := s.zone(name); z != nil {
		return z
	}
	if z := s.outside(name); z != nil {
		return z
	}
	panic("conohatest: there is no zone " + name)
}

// Records are the records of a zone, without the SOA, which changes with each of them.
func (s *Service) Records(zone string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.held(zone)
	out := make([]Record, len(z.records))
	for i, r := range z.records {
		out[i] = Record{ID: r.id, Zone: z.display, Name: r.name, Type: r.kind, Data: r.data, TTL: z.ttl, Managed: r.managed}
		if r.ttl != nil {
			out[i].TTL = *r.ttl
		}
	}
	return out
}

// PutRecord adds a record behind the API's back: no rule is applied, and it is published at once. Data is as in the API;
// MX and SRV data begin with the priority. The zone may be one outside ConoHa that Delegate has made.
func (s *Service) PutRecord(zone, name, kind, data string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.held(zone)
	now := s.now()
	r := &record{id: s.unique(), name: canonical(name), key: canonical(name), kind: kind, data: data, created: now}
	if z.version == 3 {
		ttl := z.ttl
		r.ttl, r.updated = &ttl, now
	}
	if r.rr(r.key, z.ttl) == nil {
		panic("conohatest: put record: " + kind + " " + data + " cannot be put in DNS")
	}
	s.insert(z, r, true)
	return r.id
}

// DeleteRecord removes, behind the API's back and at once, the records equal in name, type and data, and reports whether
// there was one.
func (s *Service) DeleteRecord(zone, name, kind, data string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.held(zone)
	found := false
	for _, r := range slices.Clone(z.records) {
		if r.key == canonical(name) && r.kind == kind && r.data == data {
			s.remove(z, r, true)
			found = true
		}
	}
	return found
}

// PublishedAt says when a name server, given by host name, began to serve a value at a name, or is due to; ok says whether
// it has begun. A value that was never written has the zero time.
func (s *Service) PublishedAt(host, fqdn, value string) (at time.Time, ok bool) {
	server := s.NameServer(host)
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.published[publicationKey(server.version, canonical(fqdn), value)]
	if times == nil {
		return time.Time{}, false
	}
	return times[server.index], !times[server.index].After(s.now())
}
