package issuance

import (
	"slices"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/fault"
)

// reason is why an authorization is invalid.
func reason(a acme.Authorization) *Problem {
	for _, c := range a.Challenges {
		if c.Error != nil {
			return reasonOf(c.Error)
		}
	}
	return reasonOf(nil)
}

// reasonOf is the reason that an error member gives; some CAs leave it empty, or out.
func reasonOf(d *acme.ProblemDetails) *Problem {
	if d == nil || d.Type == "" && d.Detail == "" && len(d.SubProblems) == 0 {
		return &Problem{Detail: noReason}
	}
	return problemOf(d)
}

// noReason stands for the words of a CA that has none.
const noReason = "the CA does not say why"

// reasonsInOrder takes the reason of failures that have none from their order, where some CAs have it.
func (r *run) reasonsInOrder(url string, e *ValidationError) {
	without := func(f ValidationFailure) bool { return f.Reason.Detail == noReason }
	if !slices.ContainsFunc(e.Failures, without) {
		return
	}
	order, err := r.session.getOrder(url, once)
	if err != nil || order.Error == nil {
		return
	}
	for i, f := range e.Failures {
		if without(f) {
			e.Failures[i].Reason = reasonOf(order.Error)
		}
	}
}

// problemOf makes a Problem of lego's.
func problemOf(d *acme.ProblemDetails) *Problem {
	p := &Problem{Status: d.HTTPStatus, Type: problemType(d.Type), Detail: printable(d.Detail, maxDetail)}
	for _, sub := range d.SubProblems {
		if len(p.Names) == 100 {
			break
		}
		p.Names = append(p.Names,
			SubProblem{printable(sub.Identifier.Value, 100), problemType(sub.Type), printable(sub.Detail, 200)})
	}
	return p
}

// failed is the error of a validation that failed for some names, whatever else went wrong.
func (e *ValidationError) failed() error {
	code, class := "", fault.Temporary
	for _, f := range e.Failures {
		c, k := f.Reason.verdict()
		switch {
		case c == CodeCAA, code == "":
			code, class = c, k
		case code != CodeCAA && k != fault.Temporary:
			code, class = c, k // what does not pass by itself counts more than what does
		}
		if code == CodeCAA {
			break
		}
	}
	return fault.Errorf(code, class, "acme: validation: %w", e)
}

// verdict is what the reason of a failed validation says to our user (RFC 8555 §6.7, §8.2; the texts are those of Boulder's
// va/ and bdns/problem.go). What went wrong inside the CA, or between it and the name servers, may pass by itself.
func (p *Problem) verdict() (code string, class fault.Class) {
	types := []string{p.Type}
	for _, sub := range p.Names {
		types = append(types, sub.Type)
	}
	for _, t := range types {
		if t == "caa" {
			return CodeCAA, fault.Misconfigured
		}
	}
	switch {
	case p.Type == "serverInternal":
		return CodeUnavailable, fault.Temporary
	case p.Type == "rateLimited":
		return CodeRateLimited, fault.Temporary
	case p.Type == "dns" && passes(p.Detail), p.Type == "connection" && passes(p.Detail):
		return CodeValidation, fault.Temporary
	}
	return CodeValidation, fault.Failed
}

// passes reports whether a look-up that failed got no answer, rather than a wrong one: all that a CA's problem of type "dns"
// has to tell the two apart is its text. A signature that is wrong (DNSSEC) does not become right by itself.
func passes(detail string) bool {
	detail = strings.ToLower(detail)
	for _, lasting := range []string{"nxdomain", "no such host", "no txt record", "dnssec", "bogus"} {
		if strings.Contains(detail, lasting) {
			return false
		}
	}
	for _, passing := range []string{
		"timed out", "timeout", "time-out", "servfail", "server failure", "networking error", "cached error",
		"no reachable authority",
		"network error", "connection refused", "temporary failure", "server misbehaving",
	} {
		if strings.Contains(detail, passing) {
			return true
		}
	}
	return false
}

// nameForCAA adds to an error that a CAA record is to blame for, how the CA is called in such records.
func (i *Issuer) nameForCAA(err error) error {
	names := i.CA.CAAIdentities()
	if len(names) == 0 || fault.CodeOf(err) != CodeCAA {
		return err
	}
	return fault.Errorf(CodeCAA, fault.ClassOf(err), "%w; in CAA records this CA is called %s", err,
		printable(names[0], 100))
}
