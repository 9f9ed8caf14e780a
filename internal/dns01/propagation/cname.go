package propagation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// maxHops is how many CNAMEs in a row are followed, and referrals likewise.
const maxHops = 8

// FollowCNAME returns where the TXT record of the challenge at fqdn must stand: fqdn itself, or the end of the chain of
// CNAMEs that begins there (RFC 8555 §8.4 lets CAs follow them). Only authoritative name servers are asked, each link's
// own, and only for TXT records, as the CA asks: an answer to that begins with the CNAME (RFC 1034 §4.3.2). The first that
// answers is believed, and "no answer" is never taken for "no CNAME".
//
// ours reports whether a zone of ours holds a name. The chain may pass through zones of others, but the end must be ours:
// a forged answer can delay but never redirect a write. Where the chain comes to a name of ours that does not exist, and
// whose CNAME is a wildcard's (RFC 4592), it ends: what is written there takes the place of what the wildcard makes.
//
// A chain of more than 8 CNAMEs, a loop, a target that is no host name, and an end that is not ours are errors of
// [fault.CodeCNAME] (Misconfigured). If no name server answers, the error is [fault.CodeNoAnswer] (Temporary).
//
// Where this machine is kept from the name servers (package comment), resolvers are asked for CNAMEs at names that no account
// of ours holds, and the first name that one holds is taken as it is. That does not hold with [Resolver.NameServers], which
// must also answer for the zones that CNAMEs lead to.
func (r *Resolver) FollowCNAME(ctx context.Context, fqdn string,
	ours func(ctx context.Context, name string) (bool, error)) (string, error) {
	s, err := r.open()
	if err != nil {
		return "", err
	}
	defer s.close()
	name, err := checkName(fqdn)
	if err != nil {
		return "", err
	}
	f := aliasChain{session: s, ours: ours, chain: []string{name}}
	direct := false // a name server has answered
	for {
		here := f.here()
		link, err := s.alias(ctx, here)
		direct = direct || err == nil
		if silent, ok := errors.AsType[*unansweredError](err); ok && !direct {
			link.target, err = s.aliasUnasked(ctx, here, silent, ours)
		}
		switch {
		case err != nil:
			return "", f.broken(ctx, err)
		case link.target == "":
			return here, f.ends(ctx)
		}
		wildcard, err := f.byWildcard(ctx, link)
		if err != nil {
			return "", err
		}
		if wildcard {
			s.log.Info("the CNAME is a wildcard's and leads nowhere: the record is written in its place", "fqdn", here,
				"target", link.target)
			return here, nil
		}
		switch {
		case slices.Contains(f.chain, link.target):
			return "", badCNAME(here, "it leads round in a circle, to %s: remove it, or let it end at a name in a zone of yours", link.target)
		case len(f.chain) > maxHops:
			return "", badCNAME(here, "it is one more than the %d that are followed: let %s lead directly to a name in a zone of yours", maxHops, name)
		}
		s.log.Debug("CNAME", "from", here, "to", link.target)
		f.chain = append(f.chain, link.target)
	}
}

// aliasChain is a chain of CNAMEs that is followed.
type aliasChain struct {
	session *session
	ours    func(ctx context.Context, name string) (bool, error)
	chain   []string // its names so far
}

func (f aliasChain) here() string { return f.chain[len(f.chain)-1] }

// ends returns an error if the chain, which goes no further, does not end in a zone of ours.
func (f aliasChain) ends(ctx context.Context) error {
	if len(f.chain) == 1 {
		return nil
	}
	ok, err := f.ours(ctx, f.here())
	if err == nil && !ok {
		return foreignEnd(f.chain)
	}
	return err
}

func foreignEnd(chain []string) error {
	end := len(chain) - 1
	by := ""
	if end > 1 {
		by = " (it begins at " + chain[0] + ")"
	}
	return badCNAME(chain[end-1], "it leads to %s, which is in no zone of the configured accounts: add the account that holds it (--provider), or remove the CNAME%s",
		chain[end], by)
}

// broken says why the chain cannot be followed from its last name on. A name of others that the DNS does not know, or that its
// name servers do not serve, is an end that is not ours.
func (f aliasChain) broken(ctx context.Context, err error) error {
	here := f.here()
	silent, ok := errors.AsType[*unansweredError](err)
	ok = ok && fault.CodeOf(err) == "" // else it is known why
	unknown := ok && silent.reached || fault.CodeOf(err) == fault.CodeUnknownZone || isRefused(err)
	if ok {
		err = fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: CNAME at %s: %w", here, silent)
	}
	if len(f.chain) == 1 || ctx.Err() != nil || !unknown {
		return err
	}
	if mine, oursErr := f.ours(ctx, here); oursErr != nil || mine {
		return err
	}
	return foreignEnd(f.chain)
}

func badCNAME(name, format string, args ...any) error {
	return fault.Errorf(fault.CodeCNAME, fault.Misconfigured, "propagation: CNAME at %s: %s", name,
		fmt.Sprintf(format, args...))
}

// link is a CNAME that was found, and where it was.
type link struct {
	target string // canonical; "" if there is none
	at     Delegation
}

// alias finds the CNAME at name.
func (s *session) alias(ctx context.Context, name string) (link, error) {
	s.shun(name)
	d, err := s.delegation(ctx, name, parent(name))
	if err != nil {
		return link{}, err
	}
	d, msg, err := s.authority(ctx, d, question{name: name, qtype: dns.TypeTXT})
	if err != nil {
		return link{}, err
	}
	target, err := soleAlias(msg, name)
	return link{target, d}, err
}

// soleAlias returns the canonical target of the CNAME at name in an answer, or "" if there is none.
func soleAlias(msg *dns.Msg, name string) (string, error) {
	targets := aliases(msg, name)
	switch {
	case len(targets) == 0:
		return "", nil
	case len(targets) > 1:
		return "", badCNAME(name, "there are %d, where only one may be (RFC 2181 §10.1)", len(targets))
	}
	if _, err := checkName(targets[0]); err != nil {
		return "", badCNAME(name, "it leads to %s, which no record of yours can be named", fault.Excerpt(targets[0]))
	}
	return targets[0], nil
}

// aliases returns the targets of the CNAMEs at name, canonical and each once.
func aliases(msg *dns.Msg, name string) []string {
	var targets []string
	for _, cname := range owned[*dns.CNAME](msg.Answer, name) {
		targets = append(targets, providers.CanonicalName(cname.Target))
	}
	slices.Sort(targets)
	return slices.Compact(targets)
}

// byWildcard reports whether the CNAME at the chain's last name, which is in a zone of ours, is one that a wildcard makes. It is
// if a name beside it that was never made leads to the same target, unless nothing leads there from below it: a name that exists
// ends the wildcard for all names below (RFC 4592 §2.2.1), so it is then a CNAME of its own that happens to be like the
// wildcard's. For that to count, the server must be one whose wildcards hold for names of two labels more, as they should.
func (f aliasChain) byWildcard(ctx context.Context, l link) (bool, error) {
	s, name := f.session, f.here()
	if ok, err := f.ours(ctx, name); err != nil || !ok {
		return false, err
	}
	beside, err := s.leadsTo(ctx, randomLabel(15)+"."+parent(name), l)
	if err != nil && ctx.Err() == nil {
		s.log.Debug("no answer about a wildcard", "name", name, "error", err)
		return false, nil
	}
	if err != nil || !beside {
		return false, err
	}
	below, err := s.leadsTo(ctx, randomLabel(15)+"."+name, l)
	if err != nil || below {
		return below, noWildcardAnswer(name, err)
	}
	further, err := s.leadsTo(ctx, randomLabel(7)+"."+randomLabel(7)+"."+parent(name), l)
	return !further, noWildcardAnswer(name, err)
}

// noWildcardAnswer is the error where a CNAME that may be a wildcard's cannot be told from one of its own.
func noWildcardAnswer(name string, err error) error {
	if silent, ok := errors.AsType[*unansweredError](err); ok {
		return fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: CNAME at %s, is it a wildcard's: %w", name,
			silent)
	}
	return err
}

// leadsTo reports whether a name beside or below another has a CNAME with that one's target. A name that is too long has none. The
// error is an *unansweredError or the cause of ctx's end.
func (s *session) leadsTo(ctx context.Context, name string, l link) (bool, error) {
	if !validName(name) {
		return false, nil
	}
	_, msg, err := s.authority(ctx, l.at, question{name: name, qtype: dns.TypeTXT})
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		return false, err
	}
	return slices.Contains(aliases(msg, name), l.target), nil
}

// randomLabel returns a label that was never given to anything.
func randomLabel(length int) string { return strings.ToLower(rand.Text()[:length]) }
