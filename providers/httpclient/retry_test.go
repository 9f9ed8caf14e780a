package httpclient

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wildcard/providers"
)

func TestWait_DeadlineIsNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New("test", "", time.Minute, nil, nil)
		c.MaxPause = 2 * time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if c.Wait(ctx, 1, &RefusedError{Status: 503, RetryAfter: 2 * time.Hour}) || time.Since(began) > 0 {
			t.Error("it waited longer than its caller can")
		}
		cancel()
		if c.Wait(ctx, 1, nil) {
			t.Error("it waited for a caller who has given up")
		}
	})
}

func TestRepeat(t *testing.T) {
	busy := func(after time.Duration) error { return Unavailable(&RefusedError{Status: 503, RetryAfter: after}) }
	for name, c := range map[string]struct {
		errs        []error
		calls       int
		least, most time.Duration
	}{
		"success":                 {[]error{nil}, 1, 0, 0},
		"refusal":                 {[]error{providers.Errorf(providers.CodeCredentials, providers.Refused, "401")}, 1, 0, 0},
		"lost once":               {[]error{Unavailable(&LostError{Err: errors.New("reset")}), nil}, 2, 250 * time.Millisecond, 500 * time.Millisecond},
		"busy for good":           {[]error{busy(0), busy(0), busy(0), busy(0), nil}, Tries, 1750 * time.Millisecond, 3500 * time.Millisecond},
		"busy, and says how long": {[]error{busy(7 * time.Second), nil}, 2, 7 * time.Second, 7 * time.Second},
		"busy for a day":          {[]error{busy(24 * time.Hour), nil}, 2, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, began := 0, time.Now()
				err := New("test", "", time.Minute, nil, nil).Repeat(t.Context(), func() error { calls++; return c.errs[calls-1] })
				if took := time.Since(began); calls != c.calls || !errors.Is(err, c.errs[calls-1]) || took < c.least || took > c.most {
					t.Errorf("%v after %d calls and %v", err, calls, took)
				}
			})
		})
	}
}

func TestRepeat_ContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		err := New("test", "", time.Minute, nil, nil).Repeat(ctx, func() error { return Unavailable(errors.New("busy")) })
		if !errors.Is(err, context.Canceled) || providers.CodeOf(err) != providers.CodeUnavailable {
			t.Error(err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999": 24 * time.Hour,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {later}}); got < 50*time.Minute || got > time.Hour {
		t.Errorf("%q: %v", later, got)
	}
}
