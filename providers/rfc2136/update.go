package rfc2136

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// changedError says that the record set was another one when the update came to the server than when we looked.
type changedError struct{ error }

// mostChanges is how often a record set may change between our look and our update.
const mostChanges = 20

// add makes value one of the TXT values at fqdn. zoneOf tells the zone from what the server holds there.
func (s *server) add(ctx context.Context, fqdn, value string, ttl uint32,
	zoneOf func(recordSet) (string, error)) (zone string, err error) {
	aliased := false
	for range mostChanges {
		set, err := s.look(ctx, fqdn)
		switch {
		case err != nil:
			return "", err
		case set.alias != "" && aliased: // which the server has found to be no wildcard's
			return zone, providers.Errorf(providers.CodeCNAME, providers.Misconfigured,
				"%s: a CNAME to %s stands at the name, so nothing else can", s.address, providers.Excerpt(set.alias))
		}
		if zone, err = zoneOf(set); err != nil {
			return "", err
		}
		if slices.Contains(set.values, value) && !set.lags { // a secondary may show what is deleted by now
			return zone, nil
		}
		m := addition(zone, fqdn, value, ttl, set)
		if set.lags {
			m = blindAddition(zone, fqdn, value, ttl)
		}
		err = s.update(ctx, m)
		if _, changed := errors.AsType[*changedError](err); !changed {
			return zone, err
		}
		aliased = set.alias != ""
	}
	return zone, providers.Errorf(providers.CodeService, providers.Temporary,
		"%s: the records there changed %d times meanwhile", s.address, mostChanges)
}

// addition is the update that adds one record to the set that was seen, without changing the TTL of the others.
func addition(zone, fqdn, value string, ttl uint32, set recordSet) *dns.Msg {
	m := new(dns.Msg).SetUpdate(zone)
	at := func(rrtype uint16) []dns.RR {
		return []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: fqdn, Rrtype: rrtype}}}
	}
	m.RRsetNotUsed(at(dns.TypeCNAME))
	if set.exists {
		ttl = set.ttl
		m.RRsetUsed(at(dns.TypeTXT))
	} else {
		m.RRsetNotUsed(at(dns.TypeTXT))
	}
	m.Insert([]dns.RR{record(fqdn, value, ttl)})
	return m
}

// blindAddition is the update that adds one record to what a secondary's primary has, which may be more than the secondary shows.
func blindAddition(zone, fqdn, value string, ttl uint32) *dns.Msg {
	m := new(dns.Msg).SetUpdate(zone)
	m.RRsetNotUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: fqdn, Rrtype: dns.TypeCNAME}}})
	m.Insert([]dns.RR{record(fqdn, value, ttl)})
	return m
}

// remove deletes one record. There need not be one.
func (s *server) remove(ctx context.Context, zone, fqdn, value string) error {
	m := new(dns.Msg).SetUpdate(zone)
	m.Remove([]dns.RR{record(fqdn, value, 0)})
	return s.update(ctx, m)
}

func record(fqdn, value string, ttl uint32) dns.RR {
	return &dns.TXT{Hdr: dns.RR_Header{Name: fqdn, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: []string{value}}
}

func (s *server) update(ctx context.Context, m *dns.Msg) error {
	r, err := s.exchange(ctx, request{Msg: m})
	if err != nil {
		return err
	}
	if err := s.refusal(r, m.Question[0].Name); err != nil {
		return err
	}
	err = providers.Errorf(providers.CodeService, providers.Failed, "%s: %s", s.address, rcodeName(r.Rcode))
	switch r.Rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError: // prerequisites (RFC 2136 §3.2.5)
		return &changedError{err}
	}
	return err
}
