package issuance

import (
	"math/rand/v2"
	"time"
)

const (
	// Looks at what is pending, of all runs at one CA together.
	looksInTime = 5
	lookSpan    = time.Second + 20*time.Millisecond // so that they are not more when they arrive

	firstLook  = 50 * time.Millisecond  // after the request that set something going: some CAs are ready at once
	secondLook = 150 * time.Millisecond // after the same request
	longestAsk = 30 * time.Second       // that an authorization's Retry-After is waited for, and any that makes no sense
	orderAsk   = time.Minute            // the same of an order
)

// cadence is how often the order and the authorizations are looked at. The order tells by one request whether all names are
// proven; an authorization, which of them, and why one is not.
type cadence struct {
	order         time.Duration // between two looks at the order; 0 is never
	authorization time.Duration // between two looks at any authorization
}

// cadenceOf is the cadence since long after everything was answered. A CA that needs seconds is to be seen ready within a
// quarter of one; one that needs minutes is not to be bothered. useful is whether the order may be asked.
func cadenceOf(since time.Duration, names int, useful bool) cadence {
	c := cadence{220 * time.Millisecond, 2200 * time.Millisecond}
	switch {
	case since >= 5*time.Minute:
		c = cadence{30 * time.Second, 30 * time.Second}
	case since >= time.Minute:
		c = cadence{10 * time.Second, 10 * time.Second}
	case since >= 15*time.Second:
		c = cadence{2 * time.Second, 2 * time.Second}
	case names == 1: // either tells what the other does
		c = cadence{440 * time.Millisecond, 440 * time.Millisecond}
	}
	if !useful {
		c.order, c.authorization = 0, c.order
	}
	if since >= 15*time.Second { // many clients may have begun at the same time
		f := 0.8 + 0.4*rand.Float64()
		c.order, c.authorization = time.Duration(f*float64(c.order)), time.Duration(f*float64(c.authorization))
	}
	return c
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
