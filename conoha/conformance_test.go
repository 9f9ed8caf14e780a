package conoha

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("Ver.%d.0", version), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, version)
			w.Switch(func(s *conohatest.Switches) { s.RecordsPerSet = -1 })
			runDir := t.TempDir()
			conformancetest.Run(t, conformancetest.Config{
				Zone: "example.com.",
				Open: func(testing.TB) providers.Provider { return w.open(runDir) },
				Records: func(_ testing.TB, fqdn string) []string {
					return w.values(providers.CanonicalName(fqdn))
				},
				Foreign: func(_ testing.TB, fqdn, value string) func() {
					w.PutRecord("example.com", fqdn, "TXT", value)
					return func() { w.DeleteRecord("example.com", fqdn, "TXT", value) }
				},
				Stall: func(testing.TB) func() {
					return w.Fault(conohatest.Fault{Times: -1, Hang: true}).Remove
				},
				LoseReply: func(testing.TB) {
					w.Fault(conohatest.Fault{Match: create(), After: true, Drop: true})
				},
			})
		})
	}
}

// Every way in which the reference does not know the service has to be borne.
func TestSwitches(t *testing.T) {
	t.Parallel()
	type change = func(*conohatest.Switches)
	for name, change := range map[string]change{
		"defaults":                   func(*conohatest.Switches) {},
		"errors as objects":          func(s *conohatest.Switches) { s.V3Errors = conohatest.ErrorObject },
		"errors wrapped":             func(s *conohatest.Switches) { s.V3Errors = conohatest.ErrorWrapped },
		"401 as text":                func(s *conohatest.Switches) { s.UnauthorizedBody = conohatest.BodyText },
		"401 as JSON":                func(s *conohatest.Switches) { s.UnauthorizedBody = conohatest.BodyJSON },
		"401 empty":                  func(s *conohatest.Switches) { s.UnauthorizedBody = conohatest.BodyEmpty },
		"403 for a token":            func(s *conohatest.Switches) { s.UnauthorizedStatus = 403 },
		"400 for a missing record":   func(s *conohatest.Switches) { s.MissingRecordStatus = 400 },
		"410 for a missing record":   func(s *conohatest.Switches) { s.MissingRecordStatus = 410 },
		"400 for a missing zone":     func(s *conohatest.Switches) { s.MissingZoneStatus = 400 },
		"400 for a malformed id":     func(s *conohatest.Switches) { s.MalformedIDStatus = 400 },
		"TTL of 1":                   func(s *conohatest.Switches) { s.MinTTL = 1 },
		"other default TTL":          func(s *conohatest.Switches) { s.V3DefaultTTL = 60 },
		"PUT with TTL":               func(s *conohatest.Switches) { s.V3PutTTL = true },
		"duplicates are 400":         func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateBadRequest },
		"duplicates are accepted":    func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateAccepted },
		"unknown fields":             func(s *conohatest.Switches) { s.V3UnknownFields = true },
		"lenient":                    func(s *conohatest.Switches) { s.V3Lenient = true },
		"filter without dot":         func(s *conohatest.Switches) { s.V2FilterWithoutDot = true },
		"id and uuid swapped":        func(s *conohatest.Switches) { s.SwapIDs = true },
		"no total":                   func(s *conohatest.Switches) { s.OmitTotalCount = true },
		"pages of one":               func(s *conohatest.Switches) { s.V3PageCap = 1 },
		"pages of one, no total":     func(s *conohatest.Switches) { s.V3PageCap, s.OmitTotalCount = 1, true },
		"small pages by default":     func(s *conohatest.Switches) { s.V3DefaultLimit = 1 },
		"quoted data":                func(s *conohatest.Switches) { s.QuoteTXT = true },
		"names in lower case":        func(s *conohatest.Switches) { s.LowerNames = true },
		"login checks the domain":    func(s *conohatest.Switches) { s.V3CheckDomain = true },
		"short life of tokens":       func(s *conohatest.Switches) { s.TokenLifetime = time.Minute },
		"quoted data and swapped id": func(s *conohatest.Switches) { s.QuoteTXT, s.SwapIDs = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachGeneration(t, func(t *testing.T, w *world) {
				w.Switch(change)
				w.AddZone(w.account.Tenant, "other.example")
				p := w.open("")
				c, sibling := challenge("example.com", 1), challenge("example.com", 2)
				first := w.present(p, c)
				if second := w.present(p, c); second != first {
					t.Errorf("%q, then %q", first, second)
				}
				w.present(p, sibling)
				w.ExpireTokens()
				w.cleanUp(p, c, first)
				w.cleanUp(p, c, first)
				w.cleanUp(p, c, "")
				w.cleanUp(w.open(""), sibling, "")
				if left := w.values(c.FQDN); len(left) > 0 {
					t.Errorf("%q is left", left)
				}
			})
		})
	}
}
