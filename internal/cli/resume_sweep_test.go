//go:build failpoint

package cli

import (
	"fmt"
	"testing"
	"time"
)

// TestResume_Killed with each lag at each moment, in the time that servers take.
func TestSweep_Resume(t *testing.T) {
	t.Parallel()
	for _, m := range moments() {
		for _, lag := range []time.Duration{0, 2 * time.Second, 5 * time.Second} {
			t.Run(fmt.Sprintf("%s, servers lag %v", m.name, lag), func(t *testing.T) {
				t.Parallel()
				newLaggingWorld(t, lag).killed(m)
			})
		}
	}
}
