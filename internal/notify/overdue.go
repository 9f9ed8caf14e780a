package notify

import "time"

// OverdueAt is when a certificate that was due at one instant and ends at another has gone without a renewal for too long:
// when a third of the time between the two has passed. That leaves two thirds of it to act, whatever the certificate's
// life: one of 90 days is due 30 days before its end and overdue 10 days later, one of six days is due 80 hours before its
// end and overdue 27 hours later.
func OverdueAt(due, notAfter time.Time) time.Time {
	return due.Add(notAfter.Sub(due) / 3)
}

// stageAt is how near the end of a certificate that should have been renewed is: 0 is far, 4 is past.
func stageAt(due, notAfter, now time.Time) int {
	if notAfter.IsZero() {
		return 0
	}
	const day = 24 * time.Hour
	room, left, stage := notAfter.Sub(due), notAfter.Sub(now), 0
	for _, limit := range []time.Duration{min(7*day, room/2), min(3*day, room/4), min(day, room/8), 0} {
		if left <= limit {
			stage++
		}
	}
	return stage
}
