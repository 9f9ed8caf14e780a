//go:build boulder

package boulder

import (
	"fmt"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/boulder"
)

// A certificate is issued, revoked, renewed for that, and once more by hand, however long the CA takes to validate, and each challenge is
// answered once. The authorizations of the first order do for the others.
func TestIssue_SlowValidation(t *testing.T) {
	t.Parallel()
	for _, variant := range boulder.Variants() {
		for _, validation := range validations() {
			for _, n := range []int{1, 2, 20} {
				t.Run(fmt.Sprintf("%s, %v, %d names", variant, validation, n), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, variant, conohatest.Options{})
					w.ca.Slow(w.zone, validation)
					w.issue(n)
					first := w.certificate(n)
					w.answeredOnce(n)
					w.nothingLeft()

					w.wildcard("revoke", "--yes", "--reason", "superseded", w.zone)
					w.wildcard("renew", "--no-jitter")
					second := w.certificate(n)
					w.wildcard("renew", "--force", "--cert-name", w.zone)
					third := w.certificate(n)
					if first.SerialNumber.Cmp(second.SerialNumber) == 0 || second.SerialNumber.Cmp(third.SerialNumber) == 0 {
						t.Errorf("serial numbers %x, %x, %x", first.SerialNumber, second.SerialNumber, third.SerialNumber)
					}
					w.answeredOnce(n)
					w.nothingLeft()
				})
			}
		}
	}
}
