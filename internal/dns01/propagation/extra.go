package propagation

import (
	"context"
	"strconv"
	"time"

	"wildcard/internal/fault"
)

// MostExtraWait is the longest that may be waited beyond publication: authorizations may live no longer than an hour.
const MostExtraWait = MostLimit

// ParseExtraWait reads the value of --extra-wait: whole seconds, from 0, up to [MostExtraWait]. The error is of
// [fault.CodeBadSettings].
func ParseExtraWait(text string) (time.Duration, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > int(MostExtraWait.Seconds()) {
		return 0, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s: want seconds, from 0 to %d",
			fault.Excerpt(text), int(MostExtraWait.Seconds()))
	}
	return time.Duration(n) * time.Second, nil
}

// ExtraWait waits for servers that cannot be asked from here: the other machines behind an anycast address or a load balancer,
// which may get the record later than the one that answers us. It returns after d, or the cause of ctx's end. told is called
// with what is left, at first and then every second; it may be nil.
func ExtraWait(ctx context.Context, d time.Duration, told func(left time.Duration)) error {
	if d <= 0 {
		return nil
	}
	end := time.Now().Add(d)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		if told != nil {
			told(time.Until(end))
		}
		select {
		case <-ticks.C:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
