package propagation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// maxHops is how many CNAMEs in a row are followed, and referrals likewise.
const maxHops = 8

// FollowCNAME returns where the TXT record of the challenge at fqdn must stand: fqdn itself, or the end of the chain of
// CNAMEs that begins there (RFC 8555 §8.4 lets CAs follow them). Only authoritative name servers are asked, each link's
// own; the first that answers with authority is believed, and "no answer" is never taken for "no CNAME".
//
// A chain of more than 8 CNAMEs, a loop, a target that is no host name, and one of which allowed says no (it reports
// whether a zone of ours holds the target) are errors of [providers.CodeCNAME] (Misconfigured): a forged answer can delay
// but never redirect a write. If no name server answers with authority, the error is [providers.CodeNoAnswer] (Temporary).
//
// Without a way out on port 53 CNAMEs are not looked up, since a resolver would remember that the name does not exist:
// if Servers has only https:// URLs, or has some and no name server answers anything at all, fqdn is returned as it is.
// That does not hold with [Resolver.NameServers], which must also answer for the zones that CNAMEs lead to.
func (r *Resolver) FollowCNAME(ctx context.Context, fqdn string, allowed func(ctx context.Context, target string) (bool, error)) (string, error) {
	s, err := r.open()
	if err != nil {
		return "", err
	}
	defer s.close()
	name, err := checkName(fqdn)
	if err != nil {
		return "", err
	}
	if len(s.nameServers)+len(s.resolvers) == 0 {
		s.log.Info("CNAME not looked up: there are only resolvers over HTTPS, which would remember its absence", "fqdn", name)
		return name, nil
	}
	chain := []string{name}
	for {
		target, err := s.alias(ctx, name)
		if silent, ok := errors.AsType[*unansweredError](err); ok {
			if len(chain) == 1 && !silent.reached && s.mayAskHTTPS() {
				s.log.Warn("CNAME not looked up: no name server can be reached on port 53", "fqdn", name)
				return name, nil
			}
			return "", providers.Errorf(providers.CodeNoAnswer, providers.Temporary, "propagation: CNAME at %s: %w", name, err)
		}
		if err != nil {
			return "", err
		}
		if target == "" {
			return name, nil
		}
		switch {
		case slices.Contains(chain, target):
			return "", badCNAME(name, "it leads round in a circle, to %s: remove it, or let it end at a name in a zone of yours", target)
		case len(chain) > maxHops:
			return "", badCNAME(name, "it is one more than the %d that are followed: let %s lead directly to a name in a zone of yours", maxHops, chain[0])
		}
		switch ok, err := allowed(ctx, target); {
		case err != nil:
			return "", err
		case !ok:
			return "", badCNAME(name, "it leads to %s, which is in no zone of the configured accounts: add the account that holds it (--provider), or remove the CNAME", target)
		}
		s.log.Debug("CNAME", "from", name, "to", target)
		chain = append(chain, target)
		name = target
	}
}

func badCNAME(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeCNAME, providers.Misconfigured, "propagation: CNAME at %s: %s", name, fmt.Sprintf(format, args...))
}

// alias returns the canonical target of the CNAME at name, or "" if there is none.
func (s *session) alias(ctx context.Context, name string) (string, error) {
	s.shun(name)
	d, err := s.delegation(ctx, name, parent(name))
	if err != nil {
		return "", err
	}
	_, msg, err := s.authority(ctx, d, question{name: name, qtype: dns.TypeCNAME})
	if err != nil {
		return "", err
	}
	var targets []string
	for _, cname := range owned[*dns.CNAME](msg.Answer, name) {
		targets = append(targets, providers.CanonicalName(cname.Target))
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	switch {
	case len(targets) == 0:
		return "", nil
	case len(targets) > 1:
		return "", badCNAME(name, "there are %d, where only one may be (RFC 2181 §10.1)", len(targets))
	}
	if _, err := checkName(targets[0]); err != nil {
		return "", badCNAME(name, "it leads to %s, which no record of yours can be named", providers.Excerpt(targets[0]))
	}
	return targets[0], nil
}
