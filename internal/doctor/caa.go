package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
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
	at, records, err := relevant(ctx, resolver, domain)
	switch {
	case err != nil && v.late(ctx, "CAA of "+domain):
		return
	case err != nil:
		v.find(FoundCAAUnanswered, domain, []any{domain, messages.OneLine(err.Error())}, at)
		return
	case len(records) == 0:
		v.good(domain, "no CAA record forbids anything")
		return
	}
	identities := ca.CAAIdentities()
	if len(identities) == 0 {
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
		if why := refusal(records, wild, identities, account, methodOf(c)); why != nil {
			allowed = false
			v.find(FoundCAA, name, []any{at, name, why}, allowing(at, wild, identities[0]))
		}
	}
	if allowed {
		v.good(domain, "the CAA records of %s let %s issue", at, identities[0])
	}
}

// relevant returns the CAA records that count for a domain, and whose they are. Resolvers follow CNAMEs, as RFC 8659 §3 has
// it; the way up is that of the domain itself.
func relevant(ctx context.Context, resolver *propagation.Resolver,
	domain string) (at string, records []*dns.CAA, err error) {
	for name := domain; name != ""; _, name, _ = strings.Cut(name, ".") {
		msg, err := resolver.LookUp(ctx, propagation.Query{Name: name, Type: dns.TypeCAA})
		switch {
		case err != nil:
			return name, nil, err
		case msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError:
			return name, nil, fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "the resolver answers %s",
				dns.RcodeToString[msg.Rcode])
		}
		for _, rr := range msg.Answer {
			if record, ok := rr.(*dns.CAA); ok {
				records = append(records, record)
			}
		}
		if len(records) > 0 {
			return name, records, nil
		}
	}
	return domain, nil, nil
}

// refusal says why a CA that goes by these identities may not issue by a method for the account; nil if it may. For wildcards
// issuewild counts in place of issue, if there is one (RFC 8659 §4.3). Without an account yet, accounturi forbids.
func refusal(records []*dns.CAA, wild bool, identities []string, account string,
	method issuance.Method) *messages.Message {
	var issue, issuewild []*dns.CAA
	for _, r := range records {
		switch tag := strings.ToLower(r.Tag); {
		case tag == "issue":
			issue = append(issue, r)
		case tag == "issuewild":
			issuewild = append(issuewild, r)
		case r.Flag&0x80 != 0 && tag != "iodef" && tag != "issuemail" && tag != "issuevmc" && tag != "contactemail" &&
			tag != "contactphone":
			return because("there is a critical property %s that no CA needs to know", fault.Excerpt(r.Tag))
		}
	}
	counts := issue
	if wild && len(issuewild) > 0 {
		counts = issuewild
	}
	if len(counts) == 0 {
		return nil // nothing restricts this kind of name
	}
	// The most that a record allows is what is worth telling: a wrong account more than a CA that is another one's.
	var why *messages.Message
	for _, r := range counts {
		reason, ours := forbids(r.Value, identities, account, method)
		if reason == nil {
			return nil
		}
		if why == nil || ours {
			why = reason
		}
	}
	return why
}

// forbids says why the value of one issue or issuewild property does not allow it (RFC 8659 §4.2, RFC 8657), and whether it
// names the CA at all.
func forbids(value string, identities []string, account string,
	method issuance.Method) (why *messages.Message, ours bool) {
	parts := strings.Split(value, ";")
	issuer := strings.TrimSpace(parts[0])
	if issuer == "" {
		return because("no CA may"), false
	}
	if !slices.ContainsFunc(identities, func(id string) bool {
		return strings.EqualFold(strings.TrimSuffix(id, "."), strings.TrimSuffix(issuer, "."))
	}) {
		return because("only %s may", fault.Excerpt(issuer)), false
	}
	for _, parameter := range parts[1:] {
		if strings.TrimSpace(parameter) == "" {
			continue
		}
		tag, text, ok := strings.Cut(parameter, "=")
		text = strings.TrimSpace(text)
		switch tag = strings.ToLower(strings.TrimSpace(tag)); {
		case !ok:
			return because("the parameters of %s cannot be read", fault.Excerpt(value)), true
		case tag == "accounturi" && text != account:
			return because("only the account %s may", fault.Excerpt(text)), true
		case tag == "validationmethods" &&
			!slices.Contains(strings.Split(strings.ReplaceAll(text, " ", ""), ","), string(method)):
			return because("only after a validation by %s", fault.Excerpt(text)), true
		}
	}
	return nil, true
}

// allowing is a record that would let the CA issue.
func allowing(at string, wild bool, identity string) string {
	tag := "issue"
	if wild {
		tag = "issuewild"
	}
	return at + `. CAA 0 ` + tag + ` "` + identity + `"`
}
