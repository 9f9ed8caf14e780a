package state

import "time"

const (
	noOrder  = 10 * time.Minute // the longest back-off after a failure that cost no order
	shortest = 5 * time.Minute  // the least that a certificate's rest of life shortens it to
)

// ladder is how long nothing is tried after the first failure in a row, the second, and so on; the last step holds for all that
// follow. It is the least time between two tries: the timer of the packages comes by every 6 hours (package units), and
// what "serve" was asked for is tried again by rules of its own (acmeserver, work.go).
func ladder() []time.Duration {
	return []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, 24 * time.Hour}
}

// backOff is how long a lineage that failed is not tried again by itself.
func backOff(last Attempt, i Intent) error {
	if last.Outcome != Failed {
		return nil
	}
	steps := ladder()
	wait := steps[min(max(last.Failures, 1), len(steps))-1]
	if !last.Ordered {
		wait = min(wait, noOrder)
	}
	if !i.NotAfter.IsZero() {
		wait = min(wait, max(shortest, i.NotAfter.Sub(i.Now)/10))
	}
	from := last.Time.Add(wait)
	if !from.After(i.Now) {
		return nil
	}
	return later(CodeBackOff, from, "%d attempts failed so far, the last one by: %s; --force tries at once",
		last.Failures, last.Text)
}
