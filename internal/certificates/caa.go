package certificates

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// CAA are the CAA records that count for a domain: its own or, if it has none, those of the nearest name above that has some.
type CAA struct {
	At      string // whose they are
	Records []*dns.CAA
}

// FindCAA asks for the CAA records that count for a domain. Resolvers follow CNAMEs, as RFC 8659 §3 has it; the way up is that of the
// domain itself. With an error At is the name for which there was no answer.
func FindCAA(ctx context.Context, resolver *propagation.Resolver, domain string) (found CAA, err error) {
	for name := domain; name != ""; _, name, _ = strings.Cut(name, ".") {
		msg, err := resolver.LookUp(ctx, propagation.Query{Name: name, Type: dns.TypeCAA})
		switch {
		case err != nil:
			return CAA{At: name}, err
		case msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError:
			return CAA{At: name}, fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "the resolver answers %s",
				dns.RcodeToString[msg.Rcode])
		}
		for _, rr := range msg.Answer {
			if record, ok := rr.(*dns.CAA); ok {
				found.Records = append(found.Records, record)
			}
		}
		if len(found.Records) > 0 {
			found.At = name
			return found, nil
		}
	}
	return CAA{At: domain}, nil
}

// Refusal says why a CA that goes by these identities may not issue by a method for the account; nil if it may. For wildcards
// issuewild counts in place of issue, if there is one (RFC 8659 §4.3). Without an account yet, accounturi forbids.
func (c CAA) Refusal(wild bool, identities []string, account string, method issuance.Method) *messages.Message {
	var issue, issuewild []*dns.CAA
	for _, r := range c.Records {
		switch tag := strings.ToLower(r.Tag); {
		case tag == "issue":
			issue = append(issue, r)
		case tag == "issuewild":
			issuewild = append(issuewild, r)
		case r.Flag&0x80 != 0 && tag != "iodef" && tag != "issuemail" && tag != "issuevmc" && tag != "contactemail" &&
			tag != "contactphone":
			return becauseOf("there is a critical property %s that no CA needs to know", fault.Excerpt(r.Tag))
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
		return becauseOf("no CA may"), false
	}
	if !slices.ContainsFunc(identities, func(id string) bool {
		return strings.EqualFold(strings.TrimSuffix(id, "."), strings.TrimSuffix(issuer, "."))
	}) {
		return becauseOf("only %s may", fault.Excerpt(issuer)), false
	}
	for _, parameter := range parts[1:] {
		if strings.TrimSpace(parameter) == "" {
			continue
		}
		tag, text, ok := strings.Cut(parameter, "=")
		text = strings.TrimSpace(text)
		switch tag = strings.ToLower(strings.TrimSpace(tag)); {
		case !ok:
			return becauseOf("the parameters of %s cannot be read", fault.Excerpt(value)), true
		case tag == "accounturi" && text != account:
			return becauseOf("only the account %s may", fault.Excerpt(text)), true
		case tag == "validationmethods" &&
			!slices.Contains(strings.Split(strings.ReplaceAll(text, " ", ""), ","), string(method)):
			return becauseOf("only after a validation by %s", fault.Excerpt(text)), true
		}
	}
	return nil, true
}

// becauseOf is a reason that is part of a sentence.
func becauseOf(english messages.Text, args ...any) *messages.Message {
	m := messages.New(english, args...)
	return &m
}

// Pin is a record at a name that lets the account alone issue there, and by the method alone (RFC 8657).
func Pin(at string, wild bool, identity, account string, method issuance.Method) string {
	return caaRecord(at, wild, identity+"; accounturi="+account+"; validationmethods="+string(method))
}

// Allowing is a record that would let the CA issue, and no more than the records there mean to allow: where one of them names an account or
// methods, it does so too. An account that is not known yet is left to be filled in.
func (c CAA) Allowing(wild bool, identity, account string, method issuance.Method) string {
	value := identity
	if c.limits("accounturi") {
		value += "; accounturi=" + cmp.Or(account, "URL-OF-YOUR-ACCOUNT")
	}
	if c.limits("validationmethods") {
		value += "; validationmethods=" + string(method)
	}
	return caaRecord(c.At, wild, value)
}

// limits reports whether a record that allows something has the parameter.
func (c CAA) limits(parameter string) bool {
	has := func(text string) bool {
		name, _, _ := strings.Cut(text, "=")
		return strings.EqualFold(strings.TrimSpace(name), parameter)
	}
	return slices.ContainsFunc(c.Records, func(r *dns.CAA) bool {
		tag := strings.ToLower(r.Tag)
		return (tag == "issue" || tag == "issuewild") && slices.ContainsFunc(strings.Split(r.Value, ";")[1:], has)
	})
}

func caaRecord(at string, wild bool, value string) string {
	tag := "issue"
	if wild {
		tag = "issuewild"
	}
	return strings.TrimSuffix(at, ".") + `. CAA 0 ` + tag + ` "` + value + `"`
}

// caa finds out for which names CAA forbids the order, as far as that is to be told: doctor says what gives no answer.
func (p *planning) caa(ctx context.Context, records []PlannedRecord) (problems []error) {
	ctx, cancel := context.WithTimeout(ctx, planLimit)
	defer cancel()
	ca, err := p.m.Services.CA(ctx, p.o.params.Server, p.o.settings.CABundle)
	if err != nil || len(ca.CAAIdentities()) == 0 {
		return nil // "ca" says so
	}
	resolver, err := p.m.Services.Resolver(p.o.settings)
	if err != nil {
		return nil // "records" says so
	}
	refused := make([][]error, len(records))
	lookUps(len(records), func(i int) {
		r := records[i]
		if found, err := FindCAA(ctx, resolver, r.Domain); err == nil {
			refused[i] = found.refused(r, ca.CAAIdentities(), p.plan.Account, MethodFor(p.o.settings, r.Standing))
		}
	})
	return slices.Concat(refused...)
}

// refused has an error for each name of a record that the CA may not issue.
func (c CAA) refused(r PlannedRecord, identities []string, account string, method issuance.Method) (all []error) {
	for _, name := range r.Names {
		wild := strings.HasPrefix(name, "*.")
		if why := c.Refusal(wild, identities, account, method); why != nil {
			all = append(all, fault.Errorf(issuance.CodeCAA, fault.Misconfigured,
				"the CAA records of %s do not let %s issue: %s: add a record: %s", strings.TrimSuffix(c.At, "."), name, why,
				c.Allowing(wild, identities[0], account, method)))
		}
	}
	return all
}
