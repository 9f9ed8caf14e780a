package dns01

import (
	"context"
	"strings"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/providers"
)

// mostName is the length of the longest name, without its last dot (RFC 1035 §2.3.4).
const mostName = 253

// Place is where the TXT record for a domain is to stand, and which account can write it.
type Place struct {
	Route providers.Route
	FQDN  string // CNAMEs followed
}

// ChallengeName is where a CA looks for a domain's record: the one place that knows how the methods differ in it.
func ChallengeName(s *Solver, domain string) string {
	if s.Account != "" {
		return providers.AccountChallengeName(s.Account, domain)
	}
	return providers.ChallengeName(domain)
}

// Locate finds the place for a domain (without "*."). It creates no record, and asks no resolver for the challenge's own
// name. Errors are those of FollowCNAME, Route, Advise and, with CheckDelegation, of [providers.DelegationChecker].
func (s *Solver) Locate(ctx context.Context, domain string) (Place, error) {
	name := ChallengeName(s, domain)
	if len(name) > mostName+1 { // only with a label of an account: [providers.ParseDomain] leaves room for the other
		return Place{}, fault.Errorf(fault.CodeBadChallenge, fault.Usage,
			"%s: the name of its record would have %d characters, and a name has at most %d", domain, len(name)-1, mostName)
	}
	fqdn, err := s.FQDN(ctx, domain)
	if err != nil {
		if advice := s.Router.Advise(ctx, domain, name, err, s.Register); advice != nil {
			return Place{}, advice
		}
		return Place{}, s.explain(ctx, name, err)
	}
	place, err := s.PlaceAt(ctx, fqdn)
	if err != nil && place.FQDN == "" {
		if advice := s.Router.Advise(ctx, domain, name, err, s.Register); advice != nil {
			return Place{}, advice
		}
	}
	if err != nil || !s.Foresee {
		return place, err
	}
	if err := s.room(ctx, place); err != nil {
		return place, err
	}
	return place, s.foresee(ctx, place)
}

// PlaceAt is the place of a record whose name is known, CNAMEs followed. With an error it has the account that was found. Errors are
// those of Route and, with CheckDelegation, of [providers.DelegationChecker].
func (s *Solver) PlaceAt(ctx context.Context, fqdn string) (Place, error) {
	route, err := s.Router.Route(ctx, fqdn)
	if err != nil {
		return Place{}, err
	}
	return Place{route, fqdn}, s.delegation(ctx, route, fqdn)
}

// Origin tells what the server has to which a place's record is written, if its service can tell; else it is nil. It is nil, too,
// where the check of the delegation has compared the name servers already.
func (s *Solver) Origin(p Place) propagation.Origin {
	if _, compared := p.Route.Account.Provider.(providers.DelegationChecker); compared && s.CheckDelegation {
		return nil
	}
	switch service := p.Route.Account.Provider.(type) {
	case providers.Origin:
		return func(ctx context.Context) (providers.OriginView, error) { return service.Origin(ctx, p.FQDN) }
	case providers.NameServers:
		hosts := func(ctx context.Context) ([]string, error) { return service.NameServers(ctx, p.Route.Zone) }
		return s.Resolver.OriginOf(hosts, p.Route.Zone, p.FQDN)
	}
	return nil
}

// room refuses a name at which the service takes no further value, since earlier clients have left theirs.
func (s *Solver) room(ctx context.Context, p Place) error {
	limited, ok := p.Route.Account.Provider.(providers.Limited)
	if !ok || limited.MostValues() <= 0 {
		return nil
	}
	values, err := s.Resolver.Texts(ctx, p.FQDN)
	if most := limited.MostValues(); err == nil && len(values) >= most {
		return fault.Errorf(fault.CodeTooManyValues, fault.Misconfigured,
			"TXT %s: %d of %d records at this name, and the service takes no more: delete the old ones", p.FQDN, len(values),
			most)
	}
	return nil
}

// foresee sees beforehand what a wait would find out.
func (s *Solver) foresee(ctx context.Context, p Place) error {
	origin := s.Origin(p)
	if origin == nil {
		return nil
	}
	d, err := s.Resolver.Delegation(ctx, p.FQDN)
	if err != nil {
		return nil //nolint:nilerr // it is told by those who look for name servers
	}
	if err = s.Resolver.Foresee(ctx, d.For(p.Route.Zone), origin); fault.CodeOf(err) == fault.CodeOtherServers {
		return err
	}
	return nil
}

// LocateAt is [Solver.Locate] for a record of another name than a challenge's, which no account registers.
func LocateAt(ctx context.Context, s *Solver, name string) (Place, error) {
	fqdn, err := follow(ctx, s, name)
	if err != nil {
		return Place{}, s.explain(ctx, name, err)
	}
	return s.PlaceAt(ctx, fqdn)
}

// FQDN finds the name of the record for a domain, CNAMEs followed. Errors are those of FollowCNAME.
func (s *Solver) FQDN(ctx context.Context, domain string) (string, error) {
	return follow(ctx, s, ChallengeName(s, domain))
}

// follow finds where a record has to stand, CNAMEs followed.
func follow(ctx context.Context, s *Solver, name string) (string, error) {
	return s.Resolver.FollowCNAME(ctx, name, func(ctx context.Context, fqdn string) (bool, error) {
		if fqdn != name {
			return s.Router.Lists(ctx, fqdn)
		}
		// The challenge's own name may be an account's that can list nothing; a CNAME leads to none of these.
		_, err := s.Router.Route(ctx, name)
		switch fault.CodeOf(err) {
		case fault.CodeNoZone:
			return false, nil
		case fault.CodeAmbiguous: // two could write it, and the CNAME may lead to where one can
			return true, nil
		}
		return err == nil, err
	})
}

// explain finds the reason behind a CNAME look-up that failed: a zone that no account has, which is most often why no name
// server knows it either, or one that is delegated to servers that do not serve it.
func (s *Solver) explain(ctx context.Context, name string, err error) error {
	route, routeErr := s.Router.Route(ctx, name)
	if fault.CodeOf(routeErr) == fault.CodeNoZone {
		return fault.Errorf(fault.CodeNoZone, fault.Misconfigured, "%w (nor is a CNAME found that leads to one: %w)",
			routeErr, err)
	}
	if routeErr == nil && fault.CodeOf(err) == fault.CodeNoAnswer {
		if why := s.delegation(ctx, route, name); why != nil {
			return why
		}
	}
	return err
}

// ChecksDelegation reports whether [Solver.CheckDelegation] makes sense: not where name servers had to be named and the resolvers
// are those of the system, which may know nothing of them.
func ChecksDelegation(nameServers, resolvers []string) bool {
	return len(nameServers) == 0 || len(resolvers) > 0
}

// delegation refuses to write where no CA would look: into a zone that the DNS delegates to other name servers than the
// account's, or above a child zone that is delegated away.
func (s *Solver) delegation(ctx context.Context, route providers.Route, fqdn string) error {
	checker, ok := route.Account.Provider.(providers.DelegationChecker)
	if !ok || !s.CheckDelegation {
		return nil
	}
	overridden := len(s.Resolver.NameServers) > 0
	public := *s.Resolver
	public.NameServers = nil
	delegation, err := public.Delegation(ctx, fqdn)
	switch {
	case err != nil && overridden:
		return nil // name servers that had to be named may belong to a zone that no other resolver sees
	case err != nil:
		return err
	case delegation.Private && delegation.For(route.Zone).Private && route.Zone != delegation.Zone:
		return nil // only our own network knows the zone, and the account's above it is not to be compared with that
	case route.Zone == fqdn, strings.HasPrefix(route.Zone, providers.ChallengeLabel+"."):
		return nil // a zone of its own for the challenge alone: asking resolvers for its cut would be asking for the challenge
	case !delegation.Private && len(delegation.Zone) > len(route.Zone) && providers.InZone(delegation.Zone, route.Zone):
		return fault.Errorf(fault.CodeDelegatedElsewhere, fault.Misconfigured,
			"delegation of %s: it is a zone of its own, delegated to %v, but the account lists only %s: add %s to the account, or use the provider that publishes it",
			delegation.Zone, delegation.NameServers, route.Zone, delegation.Zone)
	}
	delegation = delegation.For(route.Zone)
	hosts := delegation.Delegated // what the zone's own servers list may be an old copy's
	if len(hosts) == 0 {
		hosts = delegation.NameServers
	}
	return checker.CheckDelegation(ctx, route.Zone, hosts)
}
