package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Router finds the account that is to write a name: the account that lists just that name as one of its [CNAMETargets], then
// the longest ZONE= of the specs, then the accounts that list the zone, then the one account that can list none and has no
// ZONE=. Two candidates are an error that names both; none is an error that names the zones there are.
type Router struct {
	Accounts []Account
}

// Route is where a name is to be written.
type Route struct {
	Account Account
	// Zone is the account's zone that holds the name, canonical; "" if the account cannot list zones and its spec has no
	// ZONE=, or if it has only names ([CNAMETargets]), of which the DNS knows no zone.
	Zone string
}

// Route finds the account and zone for fqdn. Lists of zones kept from before are used first; only if they do not hold
// the name are all lists fetched afresh, so that a zone added a minute ago is found.
func (r Router) Route(ctx context.Context, fqdn string) (Route, error) {
	route, err := r.route(ctx, fqdn, false)
	if CodeOf(err) == CodeNoZone {
		route, err = r.route(ctx, fqdn, true)
	}
	return route, err
}

func (r Router) route(ctx context.Context, fqdn string, fresh bool) (Route, error) {
	candidates := slices.DeleteFunc(r.specific(fqdn), isCNAMETargets)
	var (
		best  []Route
		blind []Route // accounts that list nothing and are bound to no zone
		stale bool    // some list is one kept from before
		known []string
		errs  []error
	)
	for _, account := range r.Accounts {
		if !isCNAMETargets(account) {
			continue
		}
		names, err := account.Provider.(CNAMETargets).Zones(ctx, fresh)
		if err != nil {
			errs = append(errs, err)
		}
		stale = stale || !fresh
		known = append(known, names...)
		if slices.Contains(names, CanonicalName(fqdn)) {
			best = append(best, Route{Account: account})
		}
	}
	if len(best) > 0 {
		candidates = nil // no zone is longer than the name
	}
	for _, account := range candidates {
		lister, ok := account.Provider.(Zones)
		if !ok {
			route := Route{Account: account, Zone: account.Spec.Zone}
			if route.Zone == "" {
				blind = append(blind, route)
			} else {
				best = longer(best, route)
			}
			continue
		}
		zones, err := lister.Zones(ctx, fresh)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		stale = stale || !fresh
		known = append(known, zones...)
		if zone := LongestZone(fqdn, zones); zone != "" {
			best = longer(best, Route{Account: account, Zone: zone})
		}
	}
	// An account that did not answer might hold a longer zone; guessing could write into the wrong one.
	if len(errs) > 0 {
		return Route{}, errors.Join(errs...)
	}
	// An account that can list none comes last, so not before the others have listed theirs afresh.
	if len(best) == 0 && !stale {
		best = blind
	}
	return only(best, fqdn, known)
}

// only returns the one of the candidates; known are the zones there are.
func only(candidates []Route, fqdn string, known []string) (Route, error) {
	switch len(candidates) {
	case 0:
		return Route{}, noZone(fqdn, known)
	case 1:
		return candidates[0], nil
	}
	a, b := candidates[0], candidates[1]
	return Route{}, Errorf(CodeAmbiguous, Misconfigured,
		"zone of %s: both %s and %s could hold it; say which with %s=NAME",
		fqdn, a.Account.Label, b.Account.Label, cmp.Or(strings.TrimSuffix(a.Zone, "."), "ZONE"))
}

func isCNAMETargets(account Account) bool {
	_, ok := account.Provider.(CNAMETargets)
	return ok
}

// Advise is for a domain whose challenge, at name, has no place, for the reason that cause says. If an account is there that takes
// challenges through a CNAME ([CNAMETargets]), and the longest ZONE= that holds the domain is its or there is none, the error returned
// is one of [CodeNoCNAME] (Misconfigured) with the CNAME that has to be set. It is nil if there is nothing to advise. Only
// with register set is a name registered for a domain that has none.
func (r Router) Advise(ctx context.Context, domain, name string, cause error, register bool) error {
	able := slices.DeleteFunc(r.specific(name), func(a Account) bool { return !isCNAMETargets(a) })
	switch {
	case CodeOf(cause) != CodeNoZone && CodeOf(cause) != CodeCNAME || len(able) == 0:
		return nil
	case len(able) > 1:
		return Errorf(CodeAmbiguous, Misconfigured, "CNAME at %s: both %s and %s could have the name it leads to; say which with %s=NAME (%w)",
			name, able[0].Label, able[1].Label, domain, cause)
	}
	target, err := able[0].Provider.(CNAMETargets).CNAMETarget(ctx, domain, register)
	if err != nil {
		return err
	}
	why := ""
	if CodeOf(cause) == CodeCNAME || len(r.Accounts) > 1 {
		why = " (" + cause.Error() + ")"
	}
	if target == "" {
		return Errorf(CodeNoCNAME, Misconfigured, "no name is registered yet at %s for %s to lead to with a CNAME: wildcard issue registers one, and says how to set it%s",
			able[0].Label, name, why)
	}
	return Errorf(CodeNoCNAME, Misconfigured, "set this record, once, where the DNS of %s is, then run the same again: %s CNAME %s%s", domain, name, target, why)
}

// specific returns the accounts whose specs have the longest ZONE= that holds fqdn, or else those without any.
func (r Router) specific(fqdn string) []Account {
	longest := ""
	for _, a := range r.Accounts {
		if a.Spec.Zone != "" && InZone(fqdn, a.Spec.Zone) && len(a.Spec.Zone) > len(longest) {
			longest = a.Spec.Zone
		}
	}
	return slices.DeleteFunc(slices.Clone(r.Accounts), func(a Account) bool { return a.Spec.Zone != longest })
}

// longer adds route to the routes with the longest zone so far, or starts anew with it.
func longer(best []Route, route Route) []Route {
	switch {
	case len(best) == 0 || len(route.Zone) > len(best[0].Zone):
		return []Route{route}
	case len(route.Zone) == len(best[0].Zone):
		return append(best, route)
	default:
		return best
	}
}

// Lists reports whether some account lists a zone that holds fqdn, or the very name, or is bound to a zone by ZONE=: the
// condition under which a CNAME may be followed to it.
func (r Router) Lists(ctx context.Context, fqdn string) (bool, error) {
	route, err := r.Route(ctx, fqdn)
	if CodeOf(err) == CodeNoZone {
		return false, nil
	}
	return err == nil && (route.Zone != "" || isCNAMETargets(route.Account)), err
}

// noZone lists the zones there are, but not a thousand of them.
func noZone(fqdn string, known []string) error {
	const most = 20
	slices.Sort(known)
	known = slices.Compact(known)
	list := "no zones at all"
	if len(known) > 0 {
		list = "only " + strings.Join(known[:min(len(known), most)], " ")
	}
	if len(known) > most {
		list += fmt.Sprintf(" and %d more", len(known)-most)
	}
	return Errorf(CodeNoZone, Misconfigured, "zone of %s: the configured accounts list %w", fqdn, Foreign(list))
}
