package acmetest

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/miekg/dns"
)

// NameServers is a Resolver that asks the name servers themselves, over UDP and TCP, as Let's Encrypt's Unbound does: any one of
// those that serve the zone, with random case in the name (0x20), an EDNS buffer of 1232 bytes, TCP after a truncated answer; another
// server after one that fails. It validates no signatures.
type NameServers struct {
	// Zone returns the addresses (host:port) of the servers that the zone of a name is delegated to; none is that there is no such
	// zone. Perspectives may see different ones.
	Zone func(perspective int, name string) []string
	// Timeout of one question; 0 is a second. Three are asked.
	Timeout time.Duration
}

// The bounds of a look-up.
const (
	mostTries   = 3
	mostAliases = 11
	bufferSize  = 1232
)

// Look implements [Resolver].
func (r NameServers) Look(perspective int, name string, kind uint16) Answer {
	answer := Answer{TTL: time.Hour}
	for range mostAliases {
		servers := r.Zone(perspective, name)
		if len(servers) == 0 {
			return Answer{Rcode: dns.RcodeNameError}
		}
		reply, silent := r.ask(servers, name, kind)
		if reply == nil {
			return Answer{Rcode: dns.RcodeServerFailure, Silent: silent}
		}
		answer.Rcode = reply.Rcode
		next := ""
		next, answer.Records, answer.TTL = read(reply, name, kind, answer.TTL)
		if len(answer.Records) > 0 || next == "" {
			return answer
		}
		name = next
	}
	return Answer{Rcode: dns.RcodeServerFailure}
}

// read takes from a reply the records, or the name that an alias leads to, and the least TTL; of an absence it is what the SOA says
// (RFC 2308 §5).
func read(reply *dns.Msg, name string, kind uint16,
	ttl time.Duration) (next string, records []dns.RR, least time.Duration) {
	least = ttl
	at := name
	for range mostAliases {
		alias := ""
		for _, rr := range reply.Answer {
			if !strings.EqualFold(rr.Header().Name, at) {
				continue
			}
			if rr.Header().Rrtype == kind {
				records = append(records, rr)
			} else if cname, is := rr.(*dns.CNAME); is {
				alias = cname.Target
			} else {
				continue
			}
			least = min(least, time.Duration(rr.Header().Ttl)*time.Second)
		}
		if len(records) > 0 || alias == "" {
			break
		}
		at, next = alias, alias
	}
	if len(records) > 0 || next != "" {
		return next, records, least
	}
	least = 0
	for _, rr := range reply.Ns {
		if soa, is := rr.(*dns.SOA); is {
			least = min(ttl, time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second)
		}
	}
	return "", nil, least
}

// ask asks servers at random until one answers with authority; nil if none does.
func (r NameServers) ask(servers []string, name string, kind uint16) (reply *dns.Msg, silent bool) {
	silent = true
	for _, i := range rand.Perm(max(len(servers), mostTries))[:mostTries] {
		reply, err := r.exchange(servers[i%len(servers)], name, kind)
		if err != nil {
			continue
		}
		silent = false
		if (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError) && reply.Authoritative {
			return reply, false
		}
	}
	return nil, silent
}

// exchange asks one server once.
func (r NameServers) exchange(server, name string, kind uint16) (*dns.Msg, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = time.Second
	}
	query := new(dns.Msg).SetQuestion(mixedCase(dns.Fqdn(name)), kind).SetEdns0(bufferSize, true)
	query.RecursionDesired = false
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: timeout, UDPSize: bufferSize}
		reply, _, err := client.ExchangeContext(context.Background(), query, server)
		switch {
		case err != nil:
			return nil, err
		case len(reply.Question) != 1 || reply.Question[0].Name != query.Question[0].Name:
			return nil, dns.ErrId // it did not come back as it was asked
		case !reply.Truncated || network == "tcp":
			return reply, nil
		}
	}
	return nil, dns.ErrShortRead // not reached: what came over TCP is taken as it is
}

// mixedCase gives each letter a random case.
func mixedCase(name string) string {
	return strings.Map(func(r rune) rune {
		if rand.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, name)
}
