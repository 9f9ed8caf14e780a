package doctor

import (
	"slices"
	"strings"
	"testing"

	"wildcard/internal/lineage"
	"wildcard/providers"
)

// The record of dns-account-01 is looked at where it will stand, and CAA has to allow that method.
func TestDomain_DNSAccount(t *testing.T) {
	t.Parallel()
	chosen := func() *world {
		w := newWorld(t)
		w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.Challenge = "dns-account-01"; return nil })
		return w
	}
	w := chosen()
	report := w.examine()
	at := "record " + providers.AccountChallengeName(w.account.URI, apex) + " in zone"
	if len(report.Findings) > 0 || !slices.ContainsFunc(report.Good, func(f Finding) bool { return strings.HasPrefix(f.What.String(), at) }) {
		t.Errorf("%v; no %q in %+v", codes(report), at, report.Good)
	}
	w = chosen()
	w.conoha.PutRecord(apex, apex, "CAA", `0 issue "`+identity+`; validationmethods=dns-01"`)
	if report := w.examine(); !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Code == FoundCAA }) {
		t.Errorf("CAA for dns-01 alone: %v", codes(report))
	}
}
