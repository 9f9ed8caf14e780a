package rfc2136

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// recordSet is what the server holds at a name.
type recordSet struct {
	values []string // of the TXT records that have one string
	exists bool     // there are TXT records
	alias  string   // target of the CNAME that answers for the name
	ttl    uint32
	zone   string // canonical, if the answer names it
	lags   bool   // it may be older than what the primary has: a secondary's, seen without the key
	from   string // address and port of the server
}

// look asks the server for the TXT records at a name. A CNAME there may be one that a wildcard makes of a name that does not
// exist, which an update ends; the server itself tells the two apart, by the condition of the update.
func (s *server) look(ctx context.Context, fqdn string) (recordSet, error) {
	r, err := s.query(ctx, fqdn, dns.TypeTXT)
	if err != nil {
		return recordSet{}, err
	}
	set := recordSet{lags: r.bare, from: r.from}
	for _, rr := range r.Answer {
		if !owns(rr, fqdn) {
			continue
		}
		switch rr := rr.(type) {
		case *dns.CNAME:
			set.alias = rr.Target
		case *dns.TXT:
			set.exists, set.ttl = true, rr.Hdr.Ttl
			if len(rr.Txt) == 1 {
				set.values = append(set.values, rr.Txt[0])
			}
		}
	}
	if !set.exists && set.alias == "" { // else the answer may be about the target's zone
		set.zone, err = s.apex(r, fqdn)
	}
	return set, err
}

// walk finds the zone that holds a name: the server is asked for the SOA of the name, then of the names above it, not
// above limit.
func (s *server) walk(ctx context.Context, fqdn, limit string) (string, error) {
	for name := fqdn; providers.InZone(name, limit); _, name, _ = strings.Cut(name, ".") {
		r, err := s.query(ctx, name, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		aliased := false
		for _, rr := range r.Answer {
			if _, ok := rr.(*dns.SOA); ok && owns(rr, name) {
				return name, nil
			}
			aliased = aliased || rr.Header().Rrtype == dns.TypeCNAME && owns(rr, name)
		}
		if aliased {
			continue // the answer is about the target
		}
		if zone, err := s.apex(r, name); err != nil || zone != "" {
			return zone, err
		}
	}
	return "", providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "%s: it names no zone of %s up to %s",
		s.address, fqdn, limit)
}

// query asks one question and returns an answer given with authority.
func (s *server) query(ctx context.Context, name string, qtype uint16) (reply, error) {
	r, err := s.ask(ctx, name, qtype)
	if err != nil {
		return reply{}, err
	}
	if err := s.refusal(r, ""); err != nil {
		return reply{}, err
	}
	switch {
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return reply{}, providers.Errorf(providers.CodeService, providers.Failed, "%s: %s to a question for %s",
			s.address, rcodeName(r.Rcode), dns.TypeToString[qtype])
	case !r.Authoritative:
		if child := referral(r, name); child != "" {
			return reply{}, providers.Errorf(providers.CodeDelegatedElsewhere, providers.Misconfigured,
				"%s: it has delegated %s to other servers: give the primary of that zone", s.address, child)
		}
		return reply{}, providers.Errorf(providers.CodeNoZone, providers.Misconfigured,
			"%s: it answers without authority: it is a resolver, or holds no zone with that name", s.address)
	}
	return r, nil
}

// ask sends a question, with a signature unless the server is known not to have the key.
func (s *server) ask(ctx context.Context, name string, qtype uint16) (reply, error) {
	question := func(bare bool) (reply, error) {
		m := new(dns.Msg).SetQuestion(name, qtype)
		m.RecursionDesired = false
		return s.exchange(ctx, request{m, bare})
	}
	if s.forwards.Load() {
		if r, err := question(true); err != nil || shows(r, name) {
			return r, err
		}
		s.forwards.Store(false)
	}
	r, err := question(false)
	if err != nil || !unknownKey(r) {
		return r, err
	}
	// A secondary that passes updates on does not have the keys of its primary (BIND's allow-update-forwarding): it is asked
	// without a signature, as nsupdate does, and the primary judges the update. Several questions may come to this at once. A server that
	// shows nothing without a key is no such secondary: what it says of the key is the answer.
	s.log.Debug("the server does not know the key: asked without", "server", s.address)
	bare, err := question(true)
	if err != nil {
		return reply{}, err
	}
	if !shows(bare, name) {
		return r, nil
	}
	s.forwards.Store(true)
	return bare, nil
}

// shows reports whether a server answers for a name's zone, if only with a fault, or sends us on from the one above.
func shows(r reply, name string) bool {
	return r.Rcode == dns.RcodeServerFailure || !refuses(r.Rcode) && (r.Authoritative || referral(r, name) != "")
}

// referral returns the zone that a server sends us elsewhere for, or "".
func referral(r reply, name string) string {
	for _, rr := range r.Ns {
		if owner := providers.CanonicalName(rr.Header().Name); rr.Header().Rrtype == dns.TypeNS && owner != "." &&
			providers.InZone(name, owner) {
			return owner
		}
	}
	return ""
}

// apex returns the owner of the SOA record that a negative answer about name carries (RFC 2308 §3), or "" without one.
func (s *server) apex(r reply, name string) (string, error) {
	for _, rr := range r.Ns {
		if _, ok := rr.(*dns.SOA); !ok {
			continue
		}
		owner, err := providers.ParseOwner(rr.Header().Name)
		if err != nil || !providers.InZone(name, owner) {
			return "", providers.Errorf(providers.CodeService, providers.Failed, "%s: it names %s as the zone of %s",
				s.address, providers.Excerpt(rr.Header().Name), name)
		}
		return owner, nil
	}
	return "", nil
}

func owns(rr dns.RR, name string) bool {
	return rr.Header().Class == dns.ClassINET && providers.CanonicalName(rr.Header().Name) == name
}
