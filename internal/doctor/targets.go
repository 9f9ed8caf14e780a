package doctor

import (
	"context"
	"slices"

	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
)

func targetKinds() []Kind {
	return []Kind{{
		Code: FoundTarget, Severity: Error, Class: fault.Failed,
		What: fault.Verbatim("%s"),
		Why:  "The next renewal cannot bring the certificate there.",
		Fix:  fault.Verbatim("%s"),
	}}
}

// targetsOf are the targets of the certificates, each once.
func targetsOf(cases []Case) (all []string) {
	for _, c := range cases {
		if !c.ours() || c.Lineage.Unsafe() != nil {
			continue
		}
		for _, text := range c.Settings.Targets {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// target looks, before a renewal, whether a target could take a certificate.
func (v *visit) target(ctx context.Context, text string) {
	err := v.Target(ctx, text)
	switch {
	case err == nil:
		v.good(text, "it can take a certificate")
	case ctx.Err() != nil && v.late(ctx, "target "+text):
	case ctx.Err() == nil:
		v.fail(FoundTarget, text, err, adviceOf(err))
	}
}

// adviceOf is what to do about an error: what it says itself, else what is said of all with its code.
func adviceOf(err error) any {
	if own, ok := target.Advice(err); ok {
		return own
	}
	return next{fault.CodeOf(err)}
}
