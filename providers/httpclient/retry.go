package httpclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"wildcard/internal/system/wait"
	"wildcard/providers"
)

// Tries is how often a request is sent in all that may be repeated without harm.
const Tries = 4

// Repeat calls work, which may be done again without harm, until it succeeds or fails for a reason that does not pass by itself; at
// most [Tries] times.
func (c *Client) Repeat(ctx context.Context, work func() error) error {
	for try := 1; ; try++ {
		err := work()
		if err == nil || providers.CodeOf(err) != providers.CodeUnavailable || try == Tries {
			return err
		}
		if !c.Wait(ctx, try, err) {
			if ctx.Err() != nil {
				return Unavailable(context.Cause(ctx))
			}
			return err
		}
	}
}

// Wait waits after failure number try: longer each time, never all clients at the same instant, and as long as the service asks for
// within reason. It returns false, at once, if ctx ends before the wait would.
func (c *Client) Wait(ctx context.Context, try int, err error) bool {
	pause := c.Pause << (try - 1)
	pause = pause/2 + rand.N(pause/2+1)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		pause = max(pause, min(refused.RetryAfter, c.MaxPause))
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	return wait.For(ctx, pause) == nil
}

// retryAfter reads the header of RFC 9110 §10.2.3, in both of its forms.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
