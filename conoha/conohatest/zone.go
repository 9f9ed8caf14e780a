package conohatest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// zone is a domain: an account's of one generation, or one outside ConoHa (version 0).
type zone struct {
	version          int
	tenant           string
	id, name         string // name in canonical form
	display          string // name as the API shows it
	ttl              int
	email            string
	description      *string
	created, updated time.Time // updated is zero before the first change
	serial           int

	soaID      string // renewed at every change in Ver.2.0
	soaCreated time.Time

	records []*record   // what the API has, in the order of creation, without the SOA
	deleted []*record   // no longer there, but maybe still served
	serials []published // of the SOA, oldest first
	zone    published   // when the zone itself is served
}

// record is a record of a zone, in one state: a changed record is a new one with the same id, beside the old one in deleted.
type record struct {
	id               string
	name, key        string // as the API shows it, and in canonical form
	kind, data       string
	ttl              *int // nil: the zone's
	priority         *int
	weight, port     *int    // Ver.3.0
	description      *string // Ver.2.0
	created, updated time.Time

	managed    bool // an apex NS
	delegation bool // made by Service.relink, and no one else's

	serve published  // when each server begins to serve it
	hide  *published // when each server ceases to; nil while the API has it
}

// published is when each name server of a generation learns of something that was written at one time.
type published struct {
	serial  int // of a SOA; else 0
	written time.Time
	at      []time.Time
}

func (p *published) by(server int, now time.Time) bool { return !p.at[server].After(now) }

// everywhere reports whether all servers know of it.
func (p *published) everywhere(now time.Time) bool {
	return !slices.ContainsFunc(p.at, func(t time.Time) bool { return t.After(now) })
}

// canonical returns a name in lower case with a trailing dot.
func canonical(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".") + "."
}

// inZone reports whether a canonical name is at or under a zone.
func inZone(name, zone string) bool {
	return name == zone || zone == "." || strings.HasSuffix(name, "."+zone)
}

// set returns the records at a name and type.
func (z *zone) set(key, kind string) []*record {
	var out []*record
	for _, r := range z.records {
		if r.key == key && r.kind == kind {
			out = append(out, r)
		}
	}
	return out
}

func (z *zone) record(id string) *record {
	for _, r := range z.records {
		if r.id == id {
			return r
		}
	}
	return nil
}

// soaData is the SOA as text (§4).
func (z *zone) soaData(serial int) string {
	host := "a.conoha-dns.com."
	switch z.version {
	case 2:
		host = "ns-a1.conoha.io."
	case 0:
		for _, r := range z.set(z.name, "NS") {
			host = cmp.Or(r.data, host)
			break
		}
	}
	return host + " " + mailbox(z.email) + " " + itoa(serial) + " 3600 600 86400 3600"
}

// mailbox is an address as a domain name (RFC 1035 §8).
func mailbox(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	return strings.ReplaceAll(local, ".", `\.`) + "." + canonical(domain)
}

// publish says when the name servers of a zone learn of what is written now.
func (s *Service) publish(z *zone, atOnce bool) published {
	p := published{written: s.now()}
	for _, server := range s.generation(z.version) {
		t := p.written
		if !atOnce {
			t = t.Add(server.publication)
		}
		p.at = append(p.at, t)
	}
	return p
}

// change is what every change of a zone does besides (A7): a new serial, and in Ver.2.0 a new id of the SOA.
func (s *Service) change(z *zone, p published) {
	z.serial = max(int(p.written.Unix()), z.serial+1)
	z.updated = p.written
	if z.version == 2 {
		z.soaID, z.soaCreated = s.unique(), p.written
	}
	p.serial = z.serial
	now := s.now()
	// Of the serials that every server knows, only the last counts, and of records that none serves any more, none does.
	if last := len(z.serials) - 1; last > 0 {
		known := 0
		for i := range z.serials {
			if z.serials[i].everywhere(now) {
				known = i
			}
		}
		z.serials = slices.Delete(z.serials, 0, known)
	}
	z.deleted = slices.DeleteFunc(z.deleted, func(r *record) bool { return r.hide.everywhere(now) })
	z.serials = append(z.serials, p)
}

// insert adds a record.
func (s *Service) insert(z *zone, r *record, atOnce bool) {
	p := s.publish(z, atOnce)
	r.serve = p
	z.records = append(z.records, r)
	s.published[publicationKey(z.version, r.key, r.data)] = p.at
	s.change(z, p)
}

// remove takes a record away.
func (s *Service) remove(z *zone, r *record, atOnce bool) {
	p := s.publish(z, atOnce)
	z.records = slices.DeleteFunc(z.records, func(other *record) bool { return other == r })
	r.hide = &p
	z.deleted = append(z.deleted, r)
	s.change(z, p)
}

// replace changes a record, which keeps its place in the list.
func (s *Service) replace(z *zone, old, changed *record) {
	p := s.publish(z, false)
	changed.serve = p
	z.records[slices.Index(z.records, old)] = changed
	old.hide = &p
	z.deleted = append(z.deleted, old)
	s.published[publicationKey(z.version, changed.key, changed.data)] = p.at
	s.change(z, p)
}

func publicationKey(version int, key, value string) string {
	return itoa(version) + " " + key + " " + value
}
