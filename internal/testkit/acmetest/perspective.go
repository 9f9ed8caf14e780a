package acmetest

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// perspectives is how many look beside the primary one: the Baseline Requirements want four since 2026-06-15.
const perspectives = 4

// lookIn carries out the next phase of a validation and returns why it fails; nil is a success.
func (s *Server) lookIn(v *validation) map[string]any {
	switch {
	case v.trouble:
		return problem(http.StatusInternalServerError, "serverInternal", "Could not communicate with VA")
	case v.kind != "dns-01" && v.kind != accountKind && v.kind != persistKind:
		return problem(http.StatusBadRequest, "connection", "127.0.0.1: Fetching "+v.authz.Name+": Connection refused")
	}
	look := s.lookTXT
	if v.kind == persistKind {
		look = s.lookPersist
	}
	switch v.next {
	case primaryTXT:
		return look(v, 0)
	case remoteTXT:
		return s.remote(func(perspective int) map[string]any { return look(v, perspective) })
	case primaryCAA:
		return s.lookCAA(v, 0)
	default:
		return s.remote(func(perspective int) map[string]any { return s.lookCAA(v, perspective) })
	}
}

const accountKind = "dns-account-01"

// accountLabel is the first label of the name at which an account's challenges are looked for (pebble 2.10.1 va.go,
// validateDNSAccount01).
func accountLabel(account string) string {
	digest := sha256.Sum256([]byte(account))
	return "_" + strings.ToLower(base32.StdEncoding.EncodeToString(digest[:10]))
}

// remote asks all remote perspectives at once. One may fail, and two where there are more than five (Baseline Requirements
// §3.2.2.9).
func (s *Server) remote(look func(perspective int) map[string]any) map[string]any {
	n := s.options.Deviations.Perspectives
	if n == 0 {
		n = perspectives
	}
	if n < 0 {
		return nil
	}
	found := make([]map[string]any, n)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { found[i] = look(i + 1) })
	}
	all.Wait()
	allowed := 1
	if n > 5 {
		allowed = 2
	}
	found = slices.DeleteFunc(found, func(problem map[string]any) bool { return problem == nil })
	if len(found) <= allowed {
		return nil
	}
	found[0]["detail"] = fmt.Sprint("During secondary validation: ", found[0]["detail"])
	return found[0]
}

// lookTXT looks for the value of a challenge from one perspective (boulder va/dns.go).
func (s *Server) lookTXT(v *validation, perspective int) map[string]any {
	if s.resolver == nil {
		return nil
	}
	name := "_acme-challenge." + v.authz.Name
	if v.kind == accountKind {
		name = accountLabel(v.authz.account.url) + "." + name
	}
	answer := s.resolve(perspective, name, dns.TypeTXT)
	if text := answer.problem(name, dns.TypeTXT); text != "" {
		return problem(http.StatusBadRequest, "dns", text)
	}
	var values []string
	for _, rr := range answer.Records {
		if txt, is := rr.(*dns.TXT); is {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	switch {
	case slices.Contains(values, v.value):
		return nil
	case len(values) == 0:
		return problem(http.StatusForbidden, "unauthorized", "No TXT record found at "+name)
	}
	wrong, more := values[0], ""
	if len(wrong) > 100 {
		wrong = wrong[:100] + "..."
	}
	if len(values) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(values)-1)
	}
	return problem(http.StatusForbidden, "unauthorized",
		fmt.Sprintf("Incorrect TXT record %q%s found at %s", wrong, more, name))
}
