package issuance

import (
	"math/rand/v2"
	"time"
)

const (
	// betweenLooks is the least time between two looks at what is pending, of all runs at one CA together: four a second.
	betweenLooks = 250 * time.Millisecond

	firstLook  = 100 * time.Millisecond // after the request that set something going: some CAs are ready at once
	longestAsk = 30 * time.Second       // that an authorization's Retry-After is waited for, and any that makes no sense
	orderAsk   = time.Minute            // the same of an order
)

// between is how long after a look the next one comes, since long as it is that everything was answered. A CA that needs
// seconds is to be seen ready within half of one; one that needs minutes is not to be bothered. Each look is at one resource,
// the order or an authorization, in turn; of a single name one tells what the other does, so half as many do.
func between(since time.Duration, names int) time.Duration {
	var d time.Duration
	switch {
	case since < 15*time.Second:
		d = betweenLooks
	case since < time.Minute:
		d = time.Second
	case since < 5*time.Minute:
		d = 5 * time.Second
	default:
		d = 15 * time.Second
	}
	if names == 1 {
		d = max(d, 2*betweenLooks)
	}
	if since < 15*time.Second {
		return d
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) // many clients may have begun at the same time
}

// wish is how long a Retry-After of a good reply is followed, up to a limit: it is a wish, and some CAs have one of a day
// in replies about what is ready in seconds. 0 is to go by our own pace, as where "0", "-1" or "soon" is asked for.
func wish(asked, limit time.Duration) time.Duration {
	switch {
	case asked > limit:
		return longestAsk
	case asked <= minRetryAfter:
		return 0
	}
	return asked
}
