package issuance_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// Row P25: all authorizations are valid, and for a moment the order does not know it: finalize waits, and a refusal that may
// have come too early is looked at once more.
func TestFinalize_TooEarly(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]func() *acmetest.Reply{
		"orderNotReady": func() *acmetest.Reply { return acmetest.Problem(403, "orderNotReady", "not yet") },
		"malformed":     func() *acmetest.Reply { return acmetest.Problem(400, "malformed", "not yet") },
		"unauthorized":  func() *acmetest.Reply { return acmetest.Problem(403, "unauthorized", "not yet") },
		"no document":   func() *acmetest.Reply { return acmetest.Text(403, "text/plain", "not yet") },
	} {
		for _, behind := range []time.Duration{0, time.Second, 10 * time.Second} {
			t.Run(fmt.Sprint(name, behind), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(2 * time.Second)})
				var until time.Time
				w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
					w.mu.Lock()
					defer w.mu.Unlock()
					return r.Next().Edit(func(d map[string]any) {
						if until.IsZero() || w.clock.Now().Before(until) {
							d["status"] = "pending"
						}
					})
				})
				w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
					w.mu.Lock()
					defer w.mu.Unlock()
					if r.Count == 1 {
						until = w.clock.Now().Add(behind)
						return w.ca.Nonce(refusal())
					}
					return r.Next()
				})
				w.succeeds()
				if n := len(w.ca.Orders()); n != 1 {
					t.Errorf("%d orders", n)
				}
			})
		}
	}
	t.Run("refused for good", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(403, "unauthorized", "names differ")) }))
		w.fails(issuance.CodeUnauthorized, fault.Refused, "names differ")
		if n := w.ca.Count(acmetest.Finalize); n != 2 {
			t.Errorf("sent %d times", n)
		}
	})
}

// Rule R18: a finalize that the CA cannot carry out now is sent again when it may be, and what it says is the error.
func TestFinalize_Unavailable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status      int
		kind, after string
		code        string
		sent        int
	}{
		"500":            {500, "serverInternal", "60", issuance.CodeUnavailable, 5},
		"503":            {503, "rateLimited", "30", issuance.CodeRateLimited, 4},
		"without a time": {502, "", "", issuance.CodeUnavailable, 5},
		"for an hour":    {429, "rateLimited", "3600", issuance.CodeRateLimited, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply {
				reply := w.ca.Nonce(acmetest.Problem(test.status, test.kind, "not now"))
				if test.after != "" {
					reply.With("Retry-After", test.after)
				}
				return reply
			}))
			w.fails(test.code, fault.Temporary, "not now")
			if n := w.ca.Count(acmetest.Finalize); n != test.sent {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// A CA that cannot be asked while it issues is asked again, as while it validates; what it does is no worse for that.
func TestFinalize_CannotLook(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func(*scripted) *acmetest.Reply{
		"dropped": func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} },
		"502":     func(*scripted) *acmetest.Reply { return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>") },
		"500": func(w *scripted) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")).With("Retry-After", "60")
		},
	} {
		for _, lasts := range []time.Duration{30 * time.Second, 9 * time.Minute} {
			t.Run(fmt.Sprint(name, lasts), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{})
				var until time.Time
				w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
					w.mu.Lock()
					defer w.mu.Unlock()
					until = w.clock.Now().Add(lasts)
					r.Next()
					return failure(w)
				})
				w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
					w.mu.Lock()
					defer w.mu.Unlock()
					if w.clock.Now().Before(until) {
						return failure(w)
					}
					return r.Next()
				})
				w.succeeds()
				if n := w.ca.Count(acmetest.Finalize); n != 1 || len(w.ca.Orders()) != 1 {
					t.Errorf("sent %d times", n)
				}
				if lasts > time.Minute && !w.noted("the CA cannot be asked") {
					t.Error("the user is told nothing")
				}
			})
		}
	}
	t.Run("for longer than a run takes", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply { return &acmetest.Reply{Drop: true} }))
		w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
			if w.ca.Count(acmetest.Finalize) > 0 {
				return &acmetest.Reply{Drop: true}
			}
			return r.Next()
		})
		began := w.clock.Now()
		w.fails(issuance.CodeUnreachable, fault.Temporary, "order")
		if took := w.clock.Now().Sub(began); took > 31*time.Minute {
			t.Errorf("took %v", took)
		}
	})
	t.Run("refused for good", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply { return &acmetest.Reply{Drop: true} }))
		w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
			if w.ca.Count(acmetest.Finalize) > 0 {
				return w.ca.Nonce(acmetest.Problem(403, "unauthorized", "not yours"))
			}
			return r.Next()
		})
		w.fails(issuance.CodeUnauthorized, fault.Refused, "not yours")
	})
}

// Row P27 (b): an order that is valid before it names the certificate is looked at again.
func TestFinalize_ValidWithoutCertificate(t *testing.T) {
	t.Parallel()
	for _, polls := range []int{1, 3} {
		w := newScripted(t, acmetest.Options{})
		without := func(d map[string]any) { delete(d, "certificate") }
		w.ca.On(acmetest.Finalize, edited(without))
		n := 0
		w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
			return r.Next().Edit(func(d map[string]any) {
				if d["status"] == "valid" {
					if n++; n <= polls {
						without(d)
					}
				}
			})
		})
		w.succeeds()
	}
	w := newScripted(t, acmetest.Options{})
	for _, endpoint := range []acmetest.Endpoint{acmetest.Finalize, acmetest.Order} {
		w.ca.On(endpoint, edited(func(d map[string]any) { delete(d, "certificate") }))
	}
	w.fails(issuance.CodeReply, fault.Failed, "names no certificate")
}

// Row P27 (e): what a body is shows in it, not in its type; a page for people is none.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"text/plain", "application/x-pem-file", "application/octet-stream", "application/x-x509-ca-cert", "", "nonsense"} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			for _, endpoint := range []acmetest.Endpoint{
				acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate,
			} {
				w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply { return r.Next().With("Content-Type", media) })
			}
			w.succeeds()
		})
	}
}

// Rule R17: two runs with two keys may have one order, which another run has finalized: a new one is made, once.
func TestFinalize_ByAnotherRun(t *testing.T) {
	t.Parallel()
	for _, always := range []bool{false, true} {
		t.Run(fmt.Sprint(always), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			chain, err := w.ca.Issue(other.Public(), []string{"example.com"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
				reply := r.Next()
				if always || r.Count == 1 {
					return w.ca.Nonce(acmetest.Problem(http.StatusForbidden, "orderNotReady", `the order is "valid"`))
				}
				return reply
			})
			w.ca.On(acmetest.Certificate, func(r *acmetest.Request) *acmetest.Reply {
				reply := r.Next()
				if always || r.Count == 1 {
					reply.Body = append(bytes.Clone(chain), w.ca.ChainPEM()...)
				}
				return reply
			})
			if always {
				w.fails(issuance.CodeCertificate, fault.Failed, "another key", "example.com")
			} else {
				w.succeeds("example.com")
			}
			if n := len(w.ca.Orders()); n != 2 || !w.noted("a key of its own") {
				t.Errorf("%d orders", n)
			}
		})
	}
}
