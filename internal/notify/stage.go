package notify

import "time"

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
