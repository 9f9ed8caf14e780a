package persist

import (
	"context"
	"slices"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
)

// View is what the name servers have at the name of a domain's record.
type View struct {
	Domain  string
	FQDN    string // CNAMEs followed
	Answers []propagation.Answer
}

// Look asks every address of the name servers, once. Errors are those of finding them; that one does not answer is in the view.
func Look(ctx context.Context, resolver *propagation.Resolver, domain string) (View, error) {
	name := Name(domain)
	v := View{Domain: domain, FQDN: name}
	// The end of a CNAME may lie anywhere: nothing is written there.
	anywhere := func(_ context.Context, at string) (bool, error) { return at != name, nil }
	end, err := resolver.FollowCNAME(ctx, name, anywhere)
	if err != nil {
		return v, err
	}
	v.FQDN = end
	d, err := resolver.Delegation(ctx, end)
	if err != nil {
		return v, err
	}
	v.Answers, err = resolver.Everywhere(ctx, d, end)
	return v, err
}

// Texts are all values that some server has, each once.
func (v View) Texts() (all []string) {
	for _, a := range v.Answers {
		for _, text := range a.Texts {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// Answered reports whether any server did.
func (v View) Answered() bool {
	return slices.ContainsFunc(v.Answers, func(a propagation.Answer) bool { return a.Err == nil })
}

// Unknown reports whether nothing is known of a record because no name server could be asked; err is that of [Look].
func (v View) Unknown(err error) bool {
	return fault.CodeOf(err) == fault.CodeNoAnswer || err == nil && !v.Answered()
}

// Judge is what the worst server has for a question: the CA may ask any of them. ok is false if one has nothing at all, or none
// answered.
func (v View) Judge(q Question) (worst Finding, ok bool) {
	for _, a := range v.Answers {
		if a.Err != nil {
			continue
		}
		f, some := q.Best(a.Texts)
		switch {
		case !some:
			return Finding{}, false
		case !ok || rank(f.Verdict) > rank(worst.Verdict):
			worst, ok = f, true
		}
	}
	return worst, ok
}
