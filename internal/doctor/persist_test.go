package doctor

import (
	"os"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/lineage"
	"wildcard/internal/persist"
)

// provenBy makes the certificate one that was renewed by a persistent record, whose end is given; "" is that there is none any more.
func (w *world) provenBy(end string) {
	w.t.Helper()
	w.update(func(_ *lineage.Conf, s *lineage.Settings) error { s.ProvenBy = "dns-persist-01"; return nil })
	if end != "" {
		w.conoha.PutRecord(apex, persist.Name(apex), "TXT", identity+";accounturi="+w.account.URI+";policy=wildcard"+strings.TrimSuffix(end, "-"))
	}
}

// With the record and without credentials, all is well. CAA has to allow the method that is used.
func TestStanding_CredentialsHaveLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provenBy("-")
	w.check(os.Remove(w.envFile()))
	if report := w.examine(); len(report.Findings) > 0 {
		t.Errorf("%v", codes(report))
	}
	w = newWorld(t)
	w.provenBy("-")
	w.conoha.PutRecord(apex, apex, "CAA", `0 issue "`+identity+`; validationmethods=dns-01"`)
	if report := w.examine(); !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Code == FoundCAA }) {
		t.Errorf("CAA for dns-01 alone: %v", codes(report))
	}
}

// Another account's, and one that the CA took in another shape.
func TestStanding_OfAnother(t *testing.T) {
	t.Parallel()
	for _, text := range []string{";accounturi=https://ca.example/acct/9;policy=wildcard", ";policy=wildcard", ";accounturi=URI", ";accounturi=URI;policy=wildcard;"} {
		w := newWorld(t)
		w.provenBy("")
		w.conoha.PutRecord(apex, persist.Name(apex), "TXT", identity+strings.ReplaceAll(text, "URI", w.account.URI))
		report := w.examine()
		i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == FoundPersist })
		if i < 0 || !strings.Contains(report.Findings[i].Fix.String(), "wildcard persist set '*."+apex+"' "+apex) {
			t.Errorf("%s: %v", text, report.Findings)
		}
	}
}
