package conohatest

import (
	"time"

	"github.com/miekg/dns"
)

// recursor is a recursive resolver. It walks from the root and asks the name servers' state directly, with their
// publication delays and misbehaviour, but without the network and its time.
type recursor struct {
	service *Service
	name    string
	socket  *socket

	negative map[cacheKey]negativeAnswer // nil: it does not remember. Guarded by Service.mu, like turn
	turn     map[string]int              // by zone: which server is asked next
}

// cacheKey is a name and type that does not exist; the type is 0 if the name does not (RFC 2308 §5).
type cacheKey struct {
	name string
	kind uint16
}

type negativeAnswer struct {
	rcode   int
	soa     dns.RR
	expires time.Time
}

// ServeDNS answers one question.
func (r *recursor) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	s, q := r.service, query.Question[0]
	s.mu.Lock()
	s.ask(r.name, w, q)
	m := new(dns.Msg).SetReply(query)
	m.RecursionAvailable = true
	if !query.RecursionDesired || q.Qclass != dns.ClassINET || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		m.Rcode = dns.RcodeRefused
	} else {
		a := r.resolve(q.Name, q.Qtype)
		m.Rcode, m.Answer, m.Ns = a.rcode, a.answer, a.authority
	}
	s.mu.Unlock()
	respond(w, query, m)
}

// mostHops is how many CNAMEs are followed.
const mostHops = 16

// resolve looks a name up, CNAMEs followed through all zones.
func (r *recursor) resolve(name string, kind uint16) outcome {
	var chain []dns.RR
	for len(chain) <= mostHops {
		a := r.remembered(name, kind)
		if a == nil {
			found := r.walk(name, kind)
			a = &found
			r.remember(name, kind, found)
		}
		if a.rcode == dns.RcodeServerFailure {
			return *a
		}
		next := ""
		for _, rr := range a.answer {
			alias, is := rr.(*dns.CNAME)
			if !is || kind == dns.TypeCNAME || kind == dns.TypeANY {
				return outcome{answer: append(chain, a.answer...)}
			}
			// What else the server says is asked again where it belongs.
			if canonical(alias.Hdr.Name) == canonical(name) {
				chain, next = append(chain, rr), alias.Target
				break
			}
		}
		if next == "" {
			return outcome{rcode: a.rcode, answer: chain, authority: a.authority}
		}
		name = next
	}
	return outcome{rcode: dns.RcodeServerFailure}
}

// walk follows delegations from the root to a server that answers.
func (r *recursor) walk(name string, kind uint16) outcome {
	s := r.service
	a := s.registry(name, kind)
	for a.cut != "" {
		next, ok := r.askServers(a, name, kind)
		switch {
		case !ok && s.switches.ParentNS && kind == dns.TypeNS && canonical(name) == a.cut:
			var answer []dns.RR
			for _, host := range a.hosts {
				answer = append(answer, newRR(name, 3600, "NS", host))
			}
			return outcome{answer: answer}
		case !ok, next.cut != "" && (len(next.cut) <= len(a.cut) || !inZone(next.cut, a.cut)):
			return outcome{rcode: dns.RcodeServerFailure}
		}
		if len(next.answer) > 0 {
			next.cut = "" // a CNAME that leads into a delegated zone
		}
		a = next
	}
	return a
}

// askServers asks the servers that a referral names, each time another one first, until one gives an answer of use.
func (r *recursor) askServers(referral outcome, name string, kind uint16) (a outcome, ok bool) {
	first := r.turn[referral.cut]
	r.turn[referral.cut]++
	for i := range referral.hosts {
		server := r.service.server(referral.hosts[(first+i)%len(referral.hosts)])
		if !server.behaviour.works() {
			continue
		}
		if a := server.lookup(name, kind); a.rcode == dns.RcodeSuccess || a.rcode == dns.RcodeNameError {
			return a, true
		}
	}
	return outcome{}, false
}

// remember keeps a negative answer for as long as its SOA allows (RFC 2308 §5).
func (r *recursor) remember(name string, kind uint16, a outcome) {
	if r.negative == nil || len(a.answer) > 0 || len(a.authority) == 0 {
		return
	}
	soa, is := a.authority[0].(*dns.SOA)
	if !is {
		return
	}
	key := cacheKey{canonical(name), kind}
	if a.rcode == dns.RcodeNameError {
		key.kind = 0
	}
	ttl := min(soa.Hdr.Ttl, soa.Minttl)
	r.negative[key] = negativeAnswer{a.rcode, soa, r.service.now().Add(time.Duration(ttl) * time.Second)}
}

// remembered returns a negative answer that still holds, or nil.
func (r *recursor) remembered(name string, kind uint16) *outcome {
	now := r.service.now()
	for _, kind := range []uint16{0, kind} {
		kept, ok := r.negative[cacheKey{canonical(name), kind}]
		if !ok || !now.Before(kept.expires) {
			continue
		}
		soa := dns.Copy(kept.soa)
		soa.Header().Ttl = uint32(kept.expires.Sub(now) / time.Second)
		return &outcome{rcode: kept.rcode, authority: []dns.RR{soa}}
	}
	return nil
}
