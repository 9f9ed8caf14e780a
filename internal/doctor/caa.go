package doctor

import (
	"context"
	"strings"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

func caaKinds() []Kind {
	return []Kind{
		{
			Code: FoundCAA, Severity: Error, Class: fault.Misconfigured,
			What: "the CAA records of %s do not let %s issue: %s",
			Why:  "The CA must refuse the order (RFC 8659).",
			Fix:  "add a record: %s",
		},
		{
			Code: FoundCAAUnanswered, Severity: Warning,
			What: "CAA of %s cannot be looked up: %s",
			Why:  "A CA that gets no answer either must refuse the order.",
			Fix:  fault.Verbatim("dig %s CAA"),
		},
		{
			Code: FoundCAAUnjudged, Severity: Note,
			What: "%s has CAA records, and %s does not say by which name they are to allow it",
			Why:  "Whether they let it issue cannot be told beforehand.",
			Fix:  "dig %s CAA, and compare with what the CA documents",
		},
	}
}

// caa finds out whether CAA lets the CA issue for the names of a domain, as the CA does: the records of the name itself or,
// if it has none, of the nearest name above that has some (RFC 8659 §3).
func (v *visit) caa(ctx context.Context, c Case, domain string) {
	if !v.first("caa", domain, c.Params.Server) {
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
	found, err := certificates.FindCAA(ctx, resolver, domain)
	at := found.At
	switch {
	case err != nil && v.late(ctx, "CAA of "+domain):
		return
	case err != nil:
		v.find(FoundCAAUnanswered, domain, []any{domain, messages.OneLine(err.Error())}, at)
		return
	}
	identities := ca.CAAIdentities()
	if len(identities) == 0 && len(found.Records) > 0 {
		v.find(FoundCAAUnjudged, domain, []any{at, ca.Server()}, at)
		return
	}
	account := ""
	if stored, err := v.Store.Account(ca.Server(), c.Params.Account); err == nil {
		account = stored.URI
	}
	allowed := true
	for _, name := range c.Domains {
		if issuance.Base(name) != domain {
			continue
		}
		wild := strings.HasPrefix(name, "*.")
		if why := found.Refusal(wild, identities, account, methodOf(c)); why != nil {
			allowed = false
			v.find(FoundCAA, name, []any{at, name, why}, found.Allowing(wild, identities[0], account, methodOf(c)))
		}
	}
	switch {
	case len(found.Records) > 0 && allowed:
		v.good(domain, "the CAA records of %s let %s issue", at, identities[0])
	case len(found.Records) == 0 && account != "" && len(identities) > 0:
		v.good(domain, "no CAA record forbids anything; this one would let your account alone issue: %s",
			certificates.Pin(domain, false, identities[0], account, methodOf(c)))
	case len(found.Records) == 0:
		v.good(domain, "no CAA record forbids anything")
	}
}
