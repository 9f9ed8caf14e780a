package issuance

import (
	"context"

	"wildcard/providers"
	"wildcard/providers/propagation"
)

// Location is where the TXT record for a domain is to stand, and which account can write it.
type Location struct {
	Route providers.Route
	FQDN  string // CNAMEs followed
}

// Locate finds the location for a domain (without "*."). It creates nothing, and asks no resolver for the challenge's own
// name. Errors are those of FollowCNAME, Route, Advise and, with checkDelegation, of [providers.DelegationChecker].
func Locate(ctx context.Context, router providers.Router, resolver *propagation.Resolver, checkDelegation bool, domain string) (Location, error) {
	return locator{router: router, resolver: resolver, check: checkDelegation}.locate(ctx, domain)
}

type locator struct {
	router   providers.Router
	resolver *propagation.Resolver
	check    bool
	register bool // names at services that work through CNAMEs, for domains that have none
}

func (l locator) locate(ctx context.Context, domain string) (Location, error) {
	name := providers.ChallengeLabel + "." + domain + "."
	fqdn, err := l.resolver.FollowCNAME(ctx, name, l.router.Lists)
	if err != nil {
		if advice := l.router.Advise(ctx, domain, err, l.register); advice != nil {
			return Location{}, advice
		}
		return Location{}, l.explain(ctx, name, err)
	}
	route, err := l.router.Route(ctx, fqdn)
	if err != nil {
		if advice := l.router.Advise(ctx, domain, err, l.register); advice != nil {
			return Location{}, advice
		}
		return Location{}, err
	}
	return Location{route, fqdn}, l.delegation(ctx, route, fqdn)
}

// explain finds the reason behind a CNAME look-up that failed: a zone that no account has, which is most often why no name
// server knows it either, or one that is delegated to servers that do not serve it.
func (l locator) explain(ctx context.Context, name string, err error) error {
	route, routeErr := l.router.Route(ctx, name)
	if providers.CodeOf(routeErr) == providers.CodeNoZone {
		return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "%w (nor is a CNAME found that leads to one: %w)", routeErr, err)
	}
	if routeErr == nil && providers.CodeOf(err) == providers.CodeNoAnswer {
		if why := l.delegation(ctx, route, name); why != nil {
			return why
		}
	}
	return err
}

// delegation refuses to write where nobody would look: into a zone that the DNS delegates to other name servers than the
// account's, or above a child zone that is delegated away.
func (l locator) delegation(ctx context.Context, route providers.Route, fqdn string) error {
	checker, ok := route.Account.Provider.(providers.DelegationChecker)
	if !ok || !l.check {
		return nil
	}
	overridden := len(l.resolver.NameServers) > 0
	public := *l.resolver
	public.NameServers = nil
	delegation, err := public.Delegation(ctx, fqdn)
	switch {
	case err != nil && overridden:
		return nil // name servers that had to be named may belong to a zone that nobody else sees
	case err != nil:
		return err
	case route.Zone == fqdn:
		return nil // a zone of its own for the challenge alone: asking resolvers for its cut would be asking for the challenge
	case len(delegation.Zone) > len(route.Zone) && providers.InZone(delegation.Zone, route.Zone):
		return providers.Errorf(providers.CodeDelegatedElsewhere, providers.Misconfigured,
			"delegation of %s: it is a zone of its own, delegated to %v, but the account lists only %s: add %s to the account, or use the provider that publishes it",
			delegation.Zone, delegation.NameServers, route.Zone, delegation.Zone)
	}
	return checker.CheckDelegation(ctx, route.Zone, delegation.NameServers)
}
