package propagation

import "time"

const (
	shortest = 250 * time.Millisecond // between two looks at one server while publication is due
	longest  = 5 * time.Second        // between two looks otherwise
)

// interval is the time from one look at a server to the next. It is shortest during the first 5 s, for 10 s after some
// server of the zone gained a value (the others follow), and from 0.8 to 1.5 times the zone's usual delay and 5 s more;
// besides, a twentieth of the time that has passed, so that a value is seen with at most 5 % of its delay added.
// sinceGain is negative if no server gained a value, usual is 0 if it is unknown.
func interval(elapsed, sinceGain, usual time.Duration) time.Duration {
	due, over := usual*8/10, usual*15/10+5*time.Second
	switch {
	case elapsed < 5*time.Second,
		0 <= sinceGain && sinceGain < 10*time.Second,
		usual > 0 && due <= elapsed && elapsed < over:
		return shortest
	}
	pause := min(max(elapsed/20, shortest), longest)
	if elapsed < due {
		pause = max(min(pause, due-elapsed), shortest) // do not sleep into the time when it is due
	}
	return pause
}
