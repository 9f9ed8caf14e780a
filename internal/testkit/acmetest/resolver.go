package acmetest

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Resolver answers the questions of one of the CA's perspectives, 0 being the primary one, as its recursive resolver would if it
// remembered nothing: CNAMEs followed. Names have a dot at their end. It is asked side by side.
type Resolver interface {
	Look(perspective int, name string, kind uint16) Answer
}

// Answer is what a resolver found.
type Answer struct {
	Records []dns.RR      // of the type that was asked for
	Rcode   int           // dns.RcodeSuccess, …
	TTL     time.Duration // of the records, or of their absence
	Silent  bool          // there was no answer in time

	cached bool
}

// LookFunc is a resolver for TXT records alone that sees the same from everywhere.
type LookFunc func(fqdn string) []string

// Look implements [Resolver].
func (f LookFunc) Look(_ int, name string, kind uint16) (a Answer) {
	if kind != dns.TypeTXT {
		return a
	}
	for _, value := range f(name) {
		a.Records = append(a.Records, &dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
			Txt: []string{value}})
	}
	return a
}

// lookWithTTL is a LookFunc whose answers have a TTL.
type lookWithTTL struct {
	LookFunc
	ttl time.Duration
}

func (l lookWithTTL) Look(perspective int, name string, kind uint16) Answer {
	a := l.LookFunc.Look(perspective, name, kind)
	a.TTL = l.ttl
	return a
}

// LookUp has all perspectives ask for the TXT records at a name now, as for another account's challenge: from then on they
// remember what they find.
func (s *Server) LookUp(name string) {
	for perspective := range perspectives + 1 {
		s.resolve(perspective, name, dns.TypeTXT)
	}
}

// ForgetAnswers makes all resolvers forget what they found.
func (s *Server) ForgetAnswers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.memory)
}

// The memory of Let's Encrypt's resolvers: whatever the TTL says, a minute at most (community 126670); failures for five
// seconds (Unbound's own rule).
const (
	cacheTime   = time.Minute
	failureTime = 5 * time.Second
)

type question struct {
	perspective int
	name        string
	kind        uint16
}

type remembered struct {
	answer Answer
	until  time.Time
}

// resolve asks the resolver of a perspective, or what it remembers. Positive answers and negative ones are alike.
func (s *Server) resolve(perspective int, name string, kind uint16) Answer {
	q := question{perspective, strings.ToLower(dns.Fqdn(name)), kind}
	s.mu.Lock()
	kept, known := s.memory[q]
	now := s.timer()
	s.mu.Unlock()
	if known && now.Before(kept.until) {
		kept.answer.cached = true
		return kept.answer
	}
	answer := s.resolver.Look(perspective, q.name, kind)
	longest := s.options.Deviations.CacheTime
	if longest == 0 {
		longest = cacheTime
	}
	keep := min(answer.TTL, longest)
	if answer.failed() {
		keep = min(failureTime, longest)
	}
	if keep > 0 {
		s.mu.Lock()
		s.memory[q] = remembered{answer, s.timer().Add(keep)}
		s.mu.Unlock()
	}
	return answer
}

func (a Answer) failed() bool {
	return a.Silent || a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError
}

// problem is Boulder's text for an answer that is none (bdns/problem.go); "" if it is one. The absence of a name is a problem for
// TXT alone.
func (a Answer) problem(name string, kind uint16) string {
	name, what := strings.TrimSuffix(name, "."), dns.TypeToString[kind]
	switch {
	case a.failed() && a.cached:
		return "DNS problem: looking up " + what + " for " + name + ": Cached Error"
	case a.Silent:
		return "DNS problem: query timed out looking up " + what + " for " + name
	case a.Rcode == dns.RcodeNameError && kind == dns.TypeTXT:
		return "DNS problem: NXDOMAIN looking up " + what + " for " + name +
			" - check that a DNS record exists for this domain"
	case a.Rcode == dns.RcodeServerFailure:
		return "DNS problem: SERVFAIL looking up " + what + " for " + name +
			" - the domain's nameservers may be malfunctioning"
	case a.failed():
		return "DNS problem: " + dns.RcodeToString[a.Rcode] + " looking up " + what + " for " + name
	}
	return ""
}
