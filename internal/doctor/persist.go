package doctor

import (
	"context"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
	"wildcard/internal/persist"
)

func persistKinds() []Kind {
	return []Kind{
		{
			Code: FoundPersist, Severity: Error, Class: fault.Misconfigured,
			What: "%s",
			Why:  "The last renewal needed no credentials, by such a record. The next one needs them again, or fails.",
			Fix:  fault.Verbatim("wildcard persist set %s"),
		},
		{
			Code: FoundPersistEnds, Severity: Warning,
			What: "the record at %s ends on %s",
			Why:  "That is before the renewal after next, which then needs the credentials of a DNS service again, or fails.",
			Fix:  fault.Verbatim("wildcard persist set %s"),
		},
	}
}

// methodOf is how a case's names are proven: that of the last renewal counts, if it was left to us.
func methodOf(c Case) issuance.Method {
	return certificates.MethodFor(c.Settings, c.Settings.ProvenBy != "")
}

// standing finds out whether the names of a domain have their persistent record, and for how long, where renewals count on it.
func standing(ctx context.Context, v *visit, c Case, domain string) {
	if methodOf(c) != issuance.Persist || !v.first("persist", domain, c.Params.Server, c.Params.Account) {
		return
	}
	resolver, err := v.Resolver(c.Settings)
	if err != nil {
		return // "domain" says so
	}
	ca, err := v.CA(ctx, c.Params.Server, c.Settings.CABundle)
	if err != nil {
		return // "ca" says so
	}
	account, err := v.Store.Account(ca.Server(), c.Params.Account)
	if err != nil {
		return // "ca" says so
	}
	view, err := persist.Look(ctx, resolver, domain)
	if err != nil && v.late(ctx, "the persistent record of "+domain) {
		return
	}
	if view.Unknown(err) {
		v.good(domain, "no name server could be asked for %s: the CA finds out", persist.Name(domain)) // as in a renewal
		return
	}
	for _, name := range c.Domains {
		if issuance.Base(name) != domain {
			continue
		}
		q, unsaid := ca.PersistQuestion(issuance.Account{URI: account.URI, Key: account.Key}, name)
		if unsaid != nil {
			v.fail(FoundPersist, name, unsaid, quoted(c.Domains))
			return
		}
		found, ok := view.Judge(q)
		if err == nil && (!ok || found.Verdict != persist.Fits) {
			err = issuance.Unfit(name, q, found, ok)
		}
		if err != nil {
			v.fail(FoundPersist, name, err, quoted(c.Domains))
			return
		}
		if until := found.Record.Until; !until.IsZero() && until.Before(afterNext(c, q.At)) {
			v.find(FoundPersistEnds, name, []any{persist.Name(domain), messages.Instant(until)}, quoted(c.Domains))
			return
		}
	}
	v.good(domain, "%s lets the account %s prove it", persist.Name(domain), account.URI)
}

// afterNext is about when the renewal after next is: a certificate is renewed when a third of its life is left.
func afterNext(c Case, now time.Time) time.Time {
	if c.Lineage == nil || c.Lineage.Leaf == nil {
		return now.Add(60 * 24 * time.Hour)
	}
	leaf := c.Lineage.Leaf
	return leaf.NotAfter.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}
