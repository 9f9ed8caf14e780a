package issuance

import (
	"errors"
	"strings"

	"wildcard/internal/fault"
)

// helped adds to the error of a validation what helps, by the way in which the first name that failed was to be proven.
func (r *run) helped(err error) error {
	failed, ok := errors.AsType[*ValidationError](err)
	if !ok {
		return err
	}
	for _, f := range failed.Failures {
		for _, rec := range r.records {
			if rec.name != f.Name {
				continue
			}
			if with := rec.way.failed(r, rec, f, err); with != err { //nolint:errorlint // the same one
				return with
			}
		}
	}
	return err
}

// unseenElsewhere adds what helps where the CA found no record, or an older one, if it asks other machines than we do: behind one
// address there may be many (anycast, load balancers), and only one of them answers us.
func unseenElsewhere(r *run, _ *record, f ValidationFailure, err error) error {
	if !notFound(f.Reason) {
		return err
	}
	return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err),
		"%w; the name servers that could be asked from here had it: "+
			"if others answer the CA (anycast), wait longer before it looks, with --extra-wait SECONDS (now %d)", err, int(r.ExtraWait.Seconds()))
}

// notFound reports whether a CA says that it saw no record of a challenge, or only others. Boulder says NXDOMAIN with the type
// dns, and "No TXT record found" and "Incorrect TXT record" with unauthorized (va/dns.go); other CAs use words of the kind, Pebble the number of NXDOMAIN.
func notFound(p *Problem) bool {
	if p == nil {
		return false
	}
	detail := strings.ToLower(p.Detail)
	for _, words := range []string{"nxdomain", "no txt record", "incorrect txt record", "not found", "no such",
		"no valid txt", "does not exist", "did not match", "response: 3"} {
		if strings.Contains(detail, words) {
			return true
		}
	}
	return false
}
