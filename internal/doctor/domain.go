package doctor

import (
	"context"
	"slices"
	"sync"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

func domainKinds() []Kind { return slices.Concat(placeKinds(), serverKinds(), delegationKinds()) }

// placeKinds are of where the record is to stand.
func placeKinds() []Kind {
	return []Kind{
		{
			Code: FoundName, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "The record that proves the name can be put nowhere.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundDelegation, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "What is written to this account is never seen by the CA.",
			Fix:  "set the name servers at the registrar of %s, or use the service that publishes it (--provider)",
		},
	}
}

// serverKinds are of one name server's answers.
func serverKinds() []Kind {
	return []Kind{
		{
			Code: FoundServerSilent, Severity: Warning,
			What: "%s does not answer over UDP: %s",
			Why:  "The CA may happen to ask this one, and every run waits for it.",
			Fix:  fault.Verbatim("dig +norecurse @%s %s SOA"),
		},
		{
			Code: FoundServerTCP, Severity: Warning,
			What: "%s does not answer over TCP: %s",
			Why:  "Large answers come over TCP only (RFC 7766); a CA that needs one gets none.",
			Fix:  "dig +tcp +norecurse @%s %s SOA, and let port 53 TCP through to it",
		},
		{
			Code: FoundServerLame, Severity: Warning,
			What: "%s is delegated %s and does not serve it: %s",
			Why:  "A CA that asks this one finds nothing, and the validation may fail.",
			Fix:  "take it out of the delegation, or add the zone to it: dig +norecurse @%s %s SOA",
		},
		{
			Code: FoundServerHost, Severity: Warning,
			What: "the name server %s has no address",
			Why:  "It cannot be asked, and look-ups that try it are slow.",
			Fix:  "dig %s A, then fix the delegation of %s",
		},
		{
			Code: FoundServerModest, Severity: Warning,
			What: "the answers of %s about %s never claim authority (no AA bit)",
			Why:  "Some resolvers take such a server for one that does not serve the zone.",
			Fix:  "let it answer with authority: dig +norecurse @%s %s SOA has to show the flag aa",
		},
		{
			Code: FoundServerOnlyTXT, Severity: Note,
			What: "%s answers questions for TXT records, but not for the SOA record of %s: %s",
			Why:  "The challenge is seen all the same; a CA also asks for CAA records, which have to be answered.",
			Fix:  fault.Verbatim("dig +norecurse @%s %s SOA"),
		},
	}
}

// delegationKinds are of the name servers together, and of whether they can be asked from here.
func delegationKinds() []Kind {
	return []Kind{
		{
			Code: FoundServerSets, Severity: Warning,
			What: "the parent of %s delegates to %s, but the zone on %s lists %s",
			Why:  "The CA may ask any of these, so every run waits for all of them.",
			Fix:  "make both the same: NS records in %s, and name servers at its registrar",
		},
		{
			Code: FoundServerBehind, Severity: Warning,
			What: "%s has an older copy of %s than another name server: serial %s, not %s",
			Why:  "The wait for what does not get there fails, and a CA that asks this one does not see the record.",
			Fix:  "let it have the zone, or take it out of the delegation: dig +norecurse @%s %s SOA",
		},
		{
			Code: FoundResolverBehind, Severity: Note,
			What: "the resolvers still know %s as name servers of %s; its parent delegates to %s",
			Why:  "What the parent says counts: nothing fails because of it here, but others with such resolvers still ask the old ones.",
			Fix:  "wait until the resolvers have forgotten, or let them forget %s",
		},
		{
			Code: FoundPrivate, Severity: Warning,
			What: "the servers above %s say that there is no such zone: only this network knows it",
			Why:  "A public CA finds nothing there. A CA of your own network may.",
			Fix:  "delegate %s, or use a CA that sees it (--server)",
		},
		{
			Code: FoundBlocked, Severity: Warning,
			What: "no name server of %s can be asked from here: port 53 is closed, UDP and TCP",
			Why:  "What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundIntercepted, Severity: Warning,
			What: "something answers on port 53 in the place of the name servers of %s",
			Why:  "What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it.",
			Fix:  fault.Verbatim("%s"),
		},
	}
}

// place is where the record of a domain is to stand, for [visit.probes].
type place struct {
	dns01.Place
	domain string
	solver *dns01.Solver
}

// domain finds where the record of a domain is to stand and looks at the zone and the name servers there.
func (v *visit) domain(ctx context.Context, c Case, domain string) {
	router, err := v.Router(c.Settings)
	if err != nil {
		return // "settings" says so
	}
	resolver, err := v.Resolver(c.Settings)
	if err != nil {
		v.fail(FoundName, domain, err, next{fault.CodeOf(err)})
		return
	}
	solver := &dns01.Solver{
		Router: router, Resolver: resolver, CheckDelegation: c.CheckDelegation, Foresee: true, Journal: v.Journal, Log: v.Log,
	}
	if methodOf(c) == issuance.DNSAccount {
		account, err := v.Store.Account(c.Params.Server, c.Params.Account)
		if err != nil {
			return // "ca" says so
		}
		solver.Account = account.URI
	}
	at, err := solver.Locate(ctx, domain)
	if err != nil && v.late(ctx, domain) {
		return
	}
	switch fault.CodeOf(err) {
	case "":
	case fault.CodeCredentials, fault.CodeUnavailable, fault.CodeService:
		return // "settings" says so, once for all names
	case fault.CodeDelegatedElsewhere:
		v.fail(FoundDelegation, domain, err, domain)
		return
	default:
		v.fail(FoundName, domain, err, next{fault.CodeOf(err)})
		return
	}
	if err != nil {
		v.fail(FoundName, domain, err, next{})
		return
	}
	v.found(place{at, domain, solver})
	v.good(domain, "record %s in zone %s, by %s", at.FQDN, dash(at.Route.Zone), at.Route.Account.Label)
	d, err := resolver.Delegation(ctx, at.FQDN)
	switch {
	case err != nil && v.late(ctx, domain):
		return
	case err != nil:
		v.fail(FoundName, at.FQDN, err, next{fault.CodeOf(err)})
		return
	}
	d = d.For(at.Route.Zone)
	if d.Zone == "" && at.Route.Zone != at.FQDN { // name servers that were named
		d.Zone = at.Route.Zone
	}
	v.place(ctx, c, resolver, d, at.FQDN, domain)
}

// place looks at the zone and the name servers of a record, and at what stands at its name.
func (v *visit) place(ctx context.Context, c Case, resolver *propagation.Resolver, d propagation.Delegation,
	fqdn, domain string) {
	var group sync.WaitGroup
	for _, look := range []func(){
		func() {
			if d.Zone != "" && v.first("name servers", d.Zone) {
				v.nameServers(ctx, resolver, d, fqdn)
			}
		},
		func() {
			if d.Zone != "" && v.first("dnssec", d.Zone) {
				v.dnssec(ctx, resolver, d.Zone)
			}
		},
		func() {
			if v.first("records", fqdn) {
				v.records(ctx, resolver, c, fqdn)
			}
		},
	} {
		group.Go(func() {
			defer v.caught("the zone of " + domain)
			look()
		})
	}
	group.Wait()
}

func (v *visit) found(p place) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.places = append(v.places, p)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
