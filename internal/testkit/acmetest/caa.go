package acmetest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// lookCAA asks from one perspective whether CAA lets this CA issue: the name and all its parents at once, the top-level domain
// too; the nearest that has records decides, and what could not be found out below it is a failure (boulder va/caa.go).
func (s *Server) lookCAA(v *validation, perspective int) map[string]any {
	if s.resolver == nil || s.options.Deviations.NoCAA {
		return nil
	}
	name := v.authz.name()
	labels := strings.Split(v.authz.Name, ".")
	answers := make([]Answer, len(labels))
	var all sync.WaitGroup
	for i := range labels {
		all.Go(func() { answers[i] = s.resolve(perspective, strings.Join(labels[i:], "."), dns.TypeCAA) })
	}
	all.Wait()
	for i, answer := range answers {
		at := strings.Join(labels[i:], ".")
		if text := answer.problem(at, dns.TypeCAA); text != "" {
			return problem(http.StatusBadRequest, "dns", fmt.Sprintf("While processing CAA for %s: %s", name, text))
		}
		if len(answer.Records) == 0 {
			continue
		}
		if s.forbids(v.authz, answer.Records) {
			return problem(http.StatusForbidden, "caa",
				fmt.Sprintf("While processing CAA for %s: CAA record for %s prevents issuance", name, at))
		}
		return nil
	}
	return nil
}

// forbids reports whether a set of CAA records keeps this CA from issuing (RFC 8659 §4, §5; RFC 8657).
func (s *Server) forbids(a *authorization, records []dns.RR) bool {
	var issue, wild []string
	for _, rr := range records {
		caa, is := rr.(*dns.CAA)
		if !is {
			continue
		}
		switch strings.ToLower(caa.Tag) {
		case "issue":
			issue = append(issue, caa.Value)
		case "issuewild":
			wild = append(wild, caa.Value)
		case "iodef", "issuemail", "issuevmc":
		default:
			if caa.Flag&(128|1) != 0 {
				return true
			}
		}
	}
	if a.Wildcard && len(wild) > 0 {
		issue = wild
	}
	for _, value := range issue {
		if s.mayIssue(a, value) {
			return false
		}
	}
	return len(issue) > 0
}

// mayIssue reports whether an issue property names this CA, and if it has parameters, this account and dns-01.
func (s *Server) mayIssue(a *authorization, value string) bool {
	domain, parameters, _ := strings.Cut(value, ";")
	if identities, _ := s.meta()["caaIdentities"].([]any); !containsText(identities, strings.TrimSpace(domain)) {
		return false
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		tag, text, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch tag {
		case "accounturi":
			if text != a.account.url {
				return false
			}
		case "validationmethods":
			if !strings.Contains(","+text+",", ",dns-01,") {
				return false
			}
		}
	}
	return true
}

func containsText(list []any, text string) bool {
	for _, entry := range list {
		if strings.EqualFold(fmt.Sprint(entry), text) {
			return true
		}
	}
	return false
}
