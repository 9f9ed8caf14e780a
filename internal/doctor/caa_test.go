package doctor

import (
	"testing"

	"wildcard/internal/certificates"
	"wildcard/internal/issuance"
)

// The nearest name upwards that has records counts, and those of a CNAME's target are the name's own (RFC 8659 §3).
func TestCAAClimbs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.PutRecord(apex, apex, "CAA", `0 issue "another.example"`)
	w.conoha.PutRecord(apex, "allowed."+apex, "CAA", `0 issue "`+identity+`"`)
	w.conoha.PutRecord(apex, "alias."+apex, "CNAME", "allowed."+apex+".")
	for domain, allowed := range map[string]bool{
		"a.b." + apex: false, "allowed." + apex: true, "deep.below.allowed." + apex: true, "alias." + apex: true, "below.alias." + apex: true,
	} {
		resolver, err := w.doctor.Resolver(w.certificate().Settings)
		w.check(err)
		found, err := certificates.FindCAA(t.Context(), resolver, domain)
		if domain == "below.alias."+apex { // does not exist, nor does CAA climb through the alias's target but through its name
			if err != nil || found.At != "alias."+apex {
				t.Errorf("%s: at %s, %v", domain, found.At, err)
			}
			continue
		}
		if err != nil || (found.Refusal(false, []string{identity}, "", issuance.DNS01) == nil) != allowed {
			t.Errorf("%s: %v, %v", domain, found, err)
		}
	}
}
