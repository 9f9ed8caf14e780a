package issuance_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// The CA has the answer, whose reply was a front end's failure, and so are the replies to the looks for a while: a look that
// tells nothing is no reason to answer again.
func TestAnswer_LookTellsNothing(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func(*scripted) *acmetest.Reply{
		"HTML":    func(*scripted) *acmetest.Reply { return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>") },
		"500":     func(w *scripted) *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")) },
		"dropped": func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} },
		"missing": func(w *scripted) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(404, "malformed", "no such authorization"))
		},
		"busy": func(*scripted) *acmetest.Reply {
			return acmetest.Problem(503, "rateLimited", "Service busy").With("Retry-After", "20")
		},
	} {
		for _, lasts := range []time.Duration{7 * time.Second, 50 * time.Second} {
			if name == "missing" && lasts > 5*time.Second {
				lasts = 4 * time.Second // longer it is deleted
			}
			for _, names := range [][]string{{"*.example.com"}, {"*.example.com", "example.com", "a.example.net"}} {
				t.Run(fmt.Sprint(name, lasts, len(names)), func(t *testing.T) {
					t.Parallel()
					w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(time.Second)})
					var first time.Time
					w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
						w.mu.Lock()
						defer w.mu.Unlock()
						r.Next()
						if first.IsZero() {
							first = w.clock.Now()
						}
						return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>")
					})
					w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
						w.mu.Lock()
						defer w.mu.Unlock()
						if !first.IsZero() && w.clock.Now().Sub(first) < 5*time.Second+lasts {
							return failure(w)
						}
						return r.Next()
					})
					result := w.succeeds(names...)
					w.answeredOnce()
					if len(result.Spent) > 0 {
						t.Errorf("spent %v", result.Spent)
					}
				})
			}
		}
	}
}

// An answer that failed and that nothing came of, as a later look shows, is none that the CA counts: not where all goes well in
// the end, nor where it does not. One that the CA looked for in vain is.
func TestAnswer_Counted(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func(*scripted) *acmetest.Reply{
		"HTML":    func(*scripted) *acmetest.Reply { return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>") },
		"500":     func(w *scripted) *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")) },
		"dropped": func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} },
	} {
		for _, times := range []int{1, 3} {
			for _, good := range []bool{true, false} {
				t.Run(fmt.Sprint(name, times, good), func(t *testing.T) {
					t.Parallel()
					o := acmetest.Options{}
					if !good {
						o.Look = func(string) []string { return nil }
					}
					w := newScripted(t, o)
					w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
						if r.Count <= times {
							return failure(w)
						}
						return r.Next()
					})
					if good {
						if result := w.succeeds("*.example.com"); len(result.Spent) > 0 {
							t.Errorf("spent %v", result.Spent)
						}
						return
					}
					err := w.fails(issuance.CodeValidation, fault.Failed, "*.example.com", "*.example.com")
					if f := failuresIn(t, err); len(f) != 1 || f[0].Answers != 1 {
						t.Errorf("%+v", f)
					}
				})
			}
		}
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Challenge, acmetest.Is(func() *acmetest.Reply { return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>") }))
		result, err := w.obtain("*.example.com")
		if err == nil || len(result.Spent) > 0 {
			t.Errorf("spent %v: %v", result.Spent, err)
		}
	})
}

// A limit of more than a day, as Let's Encrypt's for five certificates with the same names (33 h 36 min), has the CA's own instant:
// from its text if its header is longer than one is followed, or out of all reason.
func TestRateLimit_OfMoreThanADay(t *testing.T) {
	t.Parallel()
	const boulder = "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after %s UTC: " +
		"see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers"
	for name, test := range map[string]struct {
		away   time.Duration // of the instant in the text
		header string
		least  time.Duration // of what is told
		most   time.Duration
	}{
		"33 hours":          {33 * time.Hour, "119000", 33 * time.Hour, 34 * time.Hour},
		"seven days":        {7 * 24 * time.Hour, "604800", 7 * 24 * time.Hour, 7*24*time.Hour + time.Minute},
		"within a day":      {22 * time.Hour, "80000", 22 * time.Hour, 23 * time.Hour},
		"odd header":        {30 * time.Hour, "1000000000000000000", 30 * time.Hour, 31 * time.Hour},
		"header far behind": {time.Hour, "119000", 23 * time.Hour, 34 * time.Hour},
		"without a text":    {0, "119000", 23 * time.Hour, 34 * time.Hour},
		"without a header":  {33 * time.Hour, "", 33 * time.Hour, 34 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			detail := "too many certificates"
			now := w.clock.Now()
			if test.away > 0 {
				detail = fmt.Sprintf(boulder, now.Add(test.away+2*time.Second).UTC().Format(time.DateTime))
			}
			w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
				reply := w.ca.Nonce(acmetest.Problem(http.StatusTooManyRequests, "rateLimited", detail))
				if test.header != "" {
					reply.With("Retry-After", test.header)
				}
				return reply
			}))
			err := w.fails(issuance.CodeRateLimited, fault.Temporary, "not before", "*.example.com")
			at := problemIn(t, err).RetryAfter
			if left := at.Sub(now); left < test.least || left > test.most+time.Minute {
				t.Errorf("come back in %v: %v", left, err)
			}
		})
	}
}

// failuresIn are the failed validations of an error.
func failuresIn(t testing.TB, err error) []issuance.ValidationFailure {
	t.Helper()
	failed, ok := errors.AsType[*issuance.ValidationError](err)
	if !ok {
		t.Fatalf("no failed validation in %v", err)
	}
	return failed.Failures
}

// An order that cannot go on is made anew, but not if a validation of it has failed: the next order would meet the same, and the
// caller has to know of the first.
func TestValidate_FailsInOrderThatIsLost(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"deactivated", "expired", "revoked"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Look: func(string) []string { return nil }})
			w.ca.On(acmetest.Authorization, edited(func(d map[string]any) {
				if d["wildcard"] != true && w.ca.Answered() == 2 {
					d["status"] = status
				}
			}))
			err := w.fails(issuance.CodeValidation, fault.Failed, "*.example.com: 403")
			if f := failuresIn(t, err); len(f) != 1 || f[0].Name != "*.example.com" {
				t.Errorf("%+v", f)
			}
			if n := len(w.ca.Orders()); n != 1 {
				t.Errorf("%d orders", n)
			}
		})
	}
}
