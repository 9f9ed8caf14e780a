package issuance_test

import (
	"fmt"
	"testing"
	"time"

	"wildcard/issuance/acmetest"
)

// Row P3: Boulder leaves challenge and authorization pending for as long as a validation takes. Each challenge is answered
// once, whatever it takes.
func TestValidate_StaysPending(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		takes time.Duration
		names int
	}{{0, 2}, {500 * time.Millisecond, 1}, {1500 * time.Millisecond, 2}, {2500 * time.Millisecond, 20}} {
		t.Run(fmt.Sprintf("%d names, %v", test.names, test.takes), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Boulder: true, ValidationTime: acmetest.Takes(test.takes)})
			w.succeeds(manyNames(test.names)...)
			for name, answers := range w.ca.Answers() {
				if len(answers) != 1 || answers[0] != 1 {
					t.Errorf("%s: answered %v times", name, answers)
				}
			}
		})
	}
}
