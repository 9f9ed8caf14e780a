package issuance

import (
	"testing"
	"time"
)

// What is warned of for several names at once is all there.
func TestRun_WarnedSideBySide(t *testing.T) {
	t.Parallel()
	const names = 200
	r := &run{Issuer: &Issuer{CA: &CA{now: time.Now}}}
	err := r.sideBySide(requestsAtOnce, names, func(int) error {
		r.note(StepOrder, "the CA wants no proof for this order: DNS is not tried")
		return nil
	})
	if err != nil || len(r.result.Warnings) != names {
		t.Errorf("%d warnings of %d: %v", len(r.result.Warnings), names, err)
	}
}
