package propagation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Query is a question about a zone, for those who look at the DNS without waiting for anything.
type Query struct {
	Name string
	Type uint16
	// Signatures asks for DNSSEC records too (the DO bit, RFC 3225).
	Signatures bool
	// Unchecked asks a resolver not to validate what it has found (the CD bit, RFC 4035 §3.2.2).
	Unchecked bool
}

func (q Query) question() (question, error) {
	name := providers.CanonicalName(q.Name)
	if !validName(name) {
		return question{}, fmt.Errorf("%s is not the name of a zone or host", fault.Excerpt(q.Name))
	}
	return question{name: name, qtype: q.Type, signatures: q.Signatures, unchecked: q.Unchecked}, nil
}

// LookUp asks the resolvers, one after the other and twice round, until one says NOERROR or NXDOMAIN; if none does but one
// answered, its answer, such as SERVFAIL, is returned. Names of challenges are refused: resolvers are not asked for them.
func (r *Resolver) LookUp(ctx context.Context, query Query) (*dns.Msg, error) {
	s, err := r.open()
	if err != nil {
		return nil, err
	}
	defer s.close()
	q, err := query.question()
	if err != nil {
		return nil, err
	}
	if !s.mayAsk(q.name) {
		return nil, fmt.Errorf("%s is the name of a challenge, which resolvers are not asked for", q.name)
	}
	var complaint *dns.Msg
	count := len(s.resolvers) + len(s.urls)
	silent := make([]string, count)
	for i := range 2 * count {
		if i >= count && complaint != nil {
			break
		}
		name, ask := s.resolver(i % count)
		msg, err := ask(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			silent[i%count] = name + ": " + err.Error()
		case msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError:
			return msg, nil
		default:
			complaint = msg
		}
	}
	if complaint != nil {
		return complaint, nil
	}
	return nil, fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: look up %s of %s: %s",
		dns.TypeToString[q.qtype], q.name, listed(silent, 4))
}

// Ask asks one address of a name server over one network, "udp" or "tcp", without falling back from one to the other.
func (r *Resolver) Ask(ctx context.Context, network string, addr netip.AddrPort, query Query) (*dns.Msg, error) {
	q, err := query.question()
	if err != nil {
		return nil, err
	}
	msg, err := r.once(ctx, network, addr, q, true)
	if err == nil && (msg.Rcode == dns.RcodeFormatError || msg.Rcode == dns.RcodeNotImplemented) {
		return r.once(ctx, network, addr, q, false) // a server older than EDNS0 (RFC 6891 §7)
	}
	return msg, err
}

func (r *Resolver) once(ctx context.Context, network string, addr netip.AddrPort, q question,
	edns bool) (*dns.Msg, error) {
	id, packet, err := q.query(false, edns)
	if err != nil {
		return nil, err
	}
	return r.direct().converse(ctx, network, addr, r.timeout(), id, packet, q)
}

// NoRoute reports whether an error of [Resolver.Ask] says that this machine has no way to send there at all, as with IPv6
// addresses on a machine without IPv6.
func NoRoute(err error) bool {
	t, ok := errors.AsType[*transportError](err)
	return ok && t.noRoute
}

// Texts returns the values of the TXT records at the name of a challenge, CNAMEs not followed. Name servers are asked, and
// the first that answers with authority is believed. Errors are those of [Resolver.FollowCNAME].
func (r *Resolver) Texts(ctx context.Context, fqdn string) ([]string, error) {
	s, err := r.open()
	if err != nil {
		return nil, err
	}
	defer s.close()
	name, err := checkName(fqdn)
	if err != nil {
		return nil, err
	}
	s.shun(name)
	d, err := s.delegation(ctx, name, parent(name))
	if err != nil {
		return nil, err
	}
	_, msg, err := s.authority(ctx, d, question{name: name, qtype: dns.TypeTXT})
	if _, silent := errors.AsType[*unansweredError](err); silent {
		return nil, fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: TXT at %s: %w", name, err)
	}
	if err != nil {
		return nil, err
	}
	return texts(msg, name), nil
}
