package issuance_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// answeredOnce fails the test unless each challenge was answered once.
func (w *scripted) answeredOnce() {
	w.t.Helper()
	for name, answers := range w.ca.Answers() {
		if len(answers) != 1 || answers[0] != 1 {
			w.t.Errorf("%s: answered %v times", name, answers)
		}
	}
}

// Row P3: Boulder leaves challenge and authorization pending for as long as a validation takes. Each challenge is answered
// once, whatever it takes, also when nonces are refused, and the records stay until every authorization is final.
func TestValidate_StaysPending(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second, 5 * time.Second, 8 * time.Second, 30 * time.Second, 5 * time.Minute} {
		for _, names := range []int{1, 2, 20} {
			for _, way := range []acmetest.WhileValidating{acmetest.StaysPending, acmetest.TurnsProcessing} {
				t.Run(fmt.Sprintf("%d names, %v, %v", names, takes, way), func(t *testing.T) {
					t.Parallel()
					w := newScripted(t, acmetest.Options{
						ValidationTime: acmetest.Takes(takes), Deviations: acmetest.Deviations{WhileValidating: way},
					})
					n := 0
					w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
						w.mu.Lock()
						n++
						bad := n%20 == 1
						w.mu.Unlock()
						if bad {
							return w.ca.Nonce(acmetest.Problem(400, "badNonce", "no"))
						}
						return r.Next()
					})
					w.succeeds(manyNames(names)...)
					w.answeredOnce()
				})
			}
		}
	}
}

// Other validations of an order that has failed come to their end, with their records.
func TestValidate_OneFails(t *testing.T) {
	t.Parallel()
	var w *scripted
	w = newScripted(t, acmetest.Options{
		ValidationTime: func(name string) time.Duration {
			return map[string]time.Duration{"s2.example.com": time.Second}[name] + 20*time.Second*time.Duration(min(1, len(name)-len("s2.example.com")+1))
		},
		Look: func(fqdn string) []string {
			if fqdn == "_acme-challenge.s2.example.com." {
				return nil
			}
			return w.texts(fqdn)
		},
	})
	err := w.fails(issuance.CodeValidation, fault.Failed, "*.s2.example.com: 403", manyNames(5)...)
	if n := w.ca.Failed(); n != 1 || strings.Count(err.Error(), "unauthorized") != 1 {
		t.Errorf("%d failed validations: %v", n, err)
	}
	w.answeredOnce()
}

// The reply to an answer is lost, or is a failure of the CA's front end: whether it got through shows in the authorization,
// and it is not sent again while a validation may be under way.
func TestAnswer_ReplyLost(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func(*scripted) *acmetest.Reply{
		"dropped": func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} },
		"500": func(w *scripted) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")).With("Retry-After", "60")
		},
		"HTML": func(*scripted) *acmetest.Reply { return acmetest.Text(502, "text/html", "<h1>Bad Gateway</h1>") },
	} {
		for _, takes := range []time.Duration{0, 2 * time.Second, 8 * time.Second, 30 * time.Second} {
			if name == "HTML" && takes > 5*time.Second {
				continue // what has no word of the CA's was not handed on to it
			}
			t.Run(fmt.Sprint(name, takes), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(takes)})
				w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
					r.Next()
					return lost(w)
				})
				w.succeeds(manyNames(3)...)
				w.answeredOnce()
			})
		}
	}
}

// An answer that the CA never got is sent again, three times at most and never within 5 s.
func TestAnswer_NotThrough(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply func(*scripted) *acmetest.Reply
		least time.Duration
	}{
		"dropped": {func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} }, 5 * time.Second},
		"500":     {func(w *scripted) *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")) }, 5 * time.Second},
		"busy": {func(*scripted) *acmetest.Reply {
			return acmetest.Problem(503, "rateLimited", "Service busy").With("Retry-After", "7")
		}, 7 * time.Second},
		"over quota": {func(w *scripted) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "over quota"))
		}, 5 * time.Second},
		"60 s of 500s": {func(w *scripted) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")).With("Retry-After", "60")
		}, time.Minute},
	} {
		for _, times := range []int{1, 3, 4} {
			t.Run(fmt.Sprint(name, times), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(2 * time.Second)})
				var sent []time.Time
				w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
					w.mu.Lock()
					sent = append(sent, w.clock.Now())
					w.mu.Unlock()
					if r.Count <= times {
						return test.reply(w)
					}
					return r.Next()
				})
				_, err := w.obtain("*.example.com")
				if (err == nil) != (times <= 3) || err != nil && fault.ClassOf(err) != fault.Temporary {
					t.Errorf("%d times: %v", times, err)
				}
				if want := min(times+1, 4); len(sent) != want {
					t.Errorf("answered %d times, want %d", len(sent), want)
				}
				for i := 1; i < len(sent); i++ {
					if d := sent[i].Sub(sent[i-1]); d < test.least {
						t.Errorf("again after %v", d)
					}
				}
				if w.ca.Deactivated() != 0 {
					t.Error("an authorization was deactivated")
				}
			})
		}
	}
}

// A refusal that says that the answer is not wanted any more counts as one taken: a look shows why.
func TestAnswer_TakenAlready(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]func() *acmetest.Reply{
		"conflict":        func() *acmetest.Reply { return acmetest.Problem(409, "conflict", "already being validated") },
		"must be pending": func() *acmetest.Reply { return acmetest.Problem(400, "malformed", "authorization must be pending") },
		"no type":         func() *acmetest.Reply { return acmetest.Text(400, "text/plain", "Challenge is not pending.") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(8 * time.Second)})
			w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
				r.Next()
				return w.ca.Nonce(refusal())
			})
			w.succeeds()
			w.answeredOnce()
		})
	}
	t.Run("never taken", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Challenge, acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(403, "unauthorized", "not you")) }))
		w.fails(issuance.CodeUnauthorized, fault.Refused, "not you", "*.example.com")
		if n := w.ca.Count(acmetest.Challenge); n != 1 {
			t.Errorf("%d answers", n)
		}
	})
}

// Row P6: a CA that looks inside the POST says so by an error, and looks again when it is answered again.
func TestAnswer_ValidatesInThePost(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]acmetest.WhileValidating{"step-ca": acmetest.MissStaysPending, "SSL.com": acmetest.MissIsRefused} {
		for misses := range 5 {
			t.Run(fmt.Sprint(name, misses), func(t *testing.T) {
				t.Parallel()
				var w *scripted
				looks := map[string]int{}
				var mu sync.Mutex
				w = newScripted(t, acmetest.Options{
					Deviations: acmetest.Deviations{WhileValidating: way, AfterValid: acmetest.RefusesValid},
					Look: func(fqdn string) []string {
						mu.Lock()
						defer mu.Unlock()
						if looks[fqdn]++; looks[fqdn] <= misses {
							return nil
						}
						return w.texts(fqdn)
					},
				})
				names := []string{"a.example.com", "b.example.com"}
				if misses == 4 {
					w.fails(issuance.CodeValidation, fault.Failed, "a.example.com: 403", names...)
				} else {
					w.succeeds(names...)
				}
				most := 0
				for _, answers := range w.ca.Answers() {
					most = max(most, answers[0])
				}
				if most != min(misses+1, 4) {
					t.Errorf("answered %d times", most)
				}
				if misses > 0 && (w.clock.Longest() < 14*time.Second || !w.noted("asked to look again in 15 s")) {
					t.Errorf("longest wait %v; %v", w.clock.Longest(), w.noted("asked to look again in 15 s"))
				}
			})
		}
	}
}

// Row P4: a Retry-After of a day in a good reply is a wish: ready is found within half a minute.
func TestPoll_RetryAfterOfADay(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []acmetest.Endpoint{acmetest.Authorization, acmetest.Challenge, acmetest.Order, acmetest.Finalize} {
		for _, value := range []string{"300", "86400", "1000000000000000000", "Fri, 31 Dec 9999 23:59:59 GMT"} {
			t.Run(string(endpoint)+value, func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(3 * time.Second)})
				ask := func(r *acmetest.Request) *acmetest.Reply { return r.Next().With("Retry-After", value) }
				w.ca.On(endpoint, ask)
				if endpoint == acmetest.Finalize {
					slow := processing(value)
					w.ca.On(acmetest.Finalize, slow)
					w.ca.On(acmetest.Order, func(r *acmetest.Request) *acmetest.Reply {
						if r.Count > 3 && w.clock.Longest() >= 29*time.Second {
							return r.Next()
						}
						return slow(r)
					})
				}
				w.succeeds()
				if d := w.clock.Longest(); d > 30*time.Second {
					t.Errorf("waited %v at once", d)
				}
				w.answeredOnce()
			})
		}
	}
}

// Every 500 of Boulder's says Retry-After 60: it is survived wherever it comes, and an error in polling is no verdict.
func TestPoll_ServerErrors(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []acmetest.Endpoint{
		acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate, acmetest.NewNonce,
	} {
		t.Run(string(endpoint), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.issuer.CA = w.dialTo(issuance.Options{})
			oops := acmetest.Is(func() *acmetest.Reply {
				return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "oops")).With("Retry-After", "60")
			})
			w.ca.On(endpoint, acmetest.Once(oops, oops))
			w.succeeds("*.example.com")
			w.answeredOnce()
		})
	}
	t.Run("for ten minutes", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		var until time.Time
		down := func(r *acmetest.Request) *acmetest.Reply {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.ca.Answered() > 0 && until.IsZero() {
				until = w.clock.Now().Add(10 * time.Minute)
			}
			if until.IsZero() || w.clock.Now().After(until) {
				return r.Next()
			}
			return &acmetest.Reply{Drop: true}
		}
		w.ca.On(acmetest.Authorization, down)
		w.ca.On(acmetest.Order, down)
		w.succeeds()
		w.answeredOnce()
		if !w.noted("the CA cannot be asked") {
			t.Error("the user is told nothing")
		}
	})
}

// A CA that asks for an hour while it validates is not asked again; the records stay for as long as it may look, and the
// error has the instant.
func TestPoll_AskedToStayAway(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(30 * time.Second)})
	away := acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "slowly")).With("Retry-After", "3600")
	})
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		w.ca.On(acmetest.Order, away)
		w.ca.On(acmetest.Authorization, away)
		return r.Next()
	})
	err := w.fails(issuance.CodeRateLimited, fault.Temporary, "slowly", "*.example.com")
	if left := problemIn(t, err).RetryAfter.Sub(w.clock.Now()); left < 50*time.Minute {
		t.Errorf("come back in %v", left)
	}
	if n := w.ca.Count(acmetest.Order) + w.ca.Count(acmetest.Authorization); n != 1 {
		t.Errorf("%d requests", n)
	}
	w.ca.Validate()
	if n := w.ca.Failed(); n != 0 {
		t.Errorf("%d failed validations: the records went too early", n)
	}
}

// All looks together stay below five a second, whatever the number of names, and each name is looked at.
func TestPoll_Rate(t *testing.T) {
	t.Parallel()
	for _, names := range []int{1, 2, 20, 50} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(30 * time.Second)})
			var mu sync.Mutex
			var looks []time.Time
			seen := map[string]bool{}
			look := func(r *acmetest.Request) *acmetest.Reply {
				mu.Lock()
				defer mu.Unlock()
				if w.ca.Answered() == names {
					looks = append(looks, w.clock.Now())
					seen[r.Path] = true
				}
				return r.Next()
			}
			w.ca.On(acmetest.Authorization, look)
			w.ca.On(acmetest.Order, look)
			w.succeeds(manyNames(names)...)
			for i := 5; i < len(looks); i++ {
				// On a busy machine some arrive late, and the next ones do not.
				if d := looks[i].Sub(looks[i-5]); d < 600*time.Millisecond {
					t.Errorf("six looks within %v", d)
				}
			}
			if len(seen) < min(names, 10) {
				t.Errorf("looked at %v", slices.Sorted(maps.Keys(seen)))
			}
		})
	}
}

// A state that no RFC has is waited for; one that is final is not.
func TestPoll_UnknownState(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"processing", "in-review", "", "queued"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			odd := edited(func(d map[string]any) {
				if d["status"] == "pending" {
					d["status"] = status
				}
			})
			w.ca.On(acmetest.Authorization, odd)
			if status != "processing" { // of an order that means something else
				w.ca.On(acmetest.Order, odd)
			}
			w.succeeds()
			w.answeredOnce()
		})
	}
}

// Why a validation failed decides whether the user or time mends it.
func TestValidate_Reasons(t *testing.T) {
	t.Parallel()
	dns := func(detail string) map[string]any {
		return map[string]any{"type": "urn:ietf:params:acme:error:dns", "detail": detail, "status": 400}
	}
	of := func(kind string) map[string]any {
		return map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": "words of the CA", "status": 403}
	}
	for name, test := range map[string]struct {
		reasons []any
		code    string
		class   fault.Class
	}{
		"within the CA":  {[]any{of("serverInternal")}, issuance.CodeUnavailable, fault.Temporary},
		"limited":        {[]any{of("rateLimited")}, issuance.CodeRateLimited, fault.Temporary},
		"time-out":       {[]any{dns("DNS problem: query timed out looking up TXT for _acme-challenge.example.com")}, issuance.CodeValidation, fault.Temporary},
		"SERVFAIL":       {[]any{dns("During secondary validation: DNS problem: SERVFAIL looking up TXT for x - check")}, issuance.CodeValidation, fault.Temporary},
		"CAA unanswered": {[]any{dns("While processing CAA for example.com: DNS problem: query timed out looking up CAA for com")}, issuance.CodeValidation, fault.Temporary},
		"NXDOMAIN":       {[]any{dns("DNS problem: NXDOMAIN looking up TXT for x - check that a DNS record exists")}, issuance.CodeValidation, fault.Failed},
		"bogus":          {[]any{dns("DNS problem: looking up TXT for x: DNSSEC: Bogus: validation failure")}, issuance.CodeValidation, fault.Failed},
		"wrong value":    {[]any{of("unauthorized")}, issuance.CodeValidation, fault.Failed},
		"CAA":            {[]any{of("caa")}, issuance.CodeCAA, fault.Misconfigured},
		"CAA last":       {[]any{of("unauthorized"), of("serverInternal"), of("caa")}, issuance.CodeCAA, fault.Misconfigured},
		"CAA first":      {[]any{of("caa"), of("unauthorized")}, issuance.CodeCAA, fault.Misconfigured},
		"mixed":          {[]any{of("serverInternal"), of("unauthorized")}, issuance.CodeValidation, fault.Failed},
		"no reason":      {[]any{map[string]any{}}, issuance.CodeValidation, fault.Failed},
		"null":           {[]any{nil}, issuance.CodeValidation, fault.Failed},
		"text":           {[]any{"words of the CA"}, issuance.CodeValidation, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Look: func(string) []string { return nil }})
			w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
				return edited(func(d map[string]any) {
					if d["status"] == "invalid" {
						d["challenges"].([]any)[0].(map[string]any)["error"] = test.reasons[r.Number-1]
					}
				})(r)
			})
			names := []string{"a.example.com", "b.example.com", "c.example.com"}[:len(test.reasons)]
			text := "words of the CA"
			if p, ok := test.reasons[0].(map[string]any); ok && p["type"] == "urn:ietf:params:acme:error:dns" {
				text = p["detail"].(string)
			}
			if name == "no reason" || name == "null" {
				text = "the CA does not say why"
			}
			w.fails(test.code, test.class, text, names...)
		})
	}
}

// Row P27 (a): URLs may be relative to the resource that they are in, and a host may be written in several ways.
func TestURLs(t *testing.T) {
	t.Parallel()
	relative := func(w *scripted) func(d map[string]any) {
		base := "https://" + w.ca.Host()
		cut := func(s any) any { return strings.TrimPrefix(s.(string), base) }
		return func(d map[string]any) {
			for _, member := range []string{"finalize", "certificate"} {
				if d[member] != nil {
					d[member] = cut(d[member])
				}
			}
			for _, member := range []string{"authorizations", "challenges"} {
				list, _ := d[member].([]any)
				for i, item := range list {
					if c, ok := item.(map[string]any); ok {
						c["url"] = cut(c["url"])
					} else {
						list[i] = cut(item)
					}
				}
			}
		}
	}
	w := newScripted(t, acmetest.Options{})
	for _, endpoint := range []acmetest.Endpoint{acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize} {
		w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply {
			reply := r.Next()
			if reply.Status >= 400 {
				return reply
			}
			if location := reply.Header.Get("Location"); location != "" {
				reply.With("Location", strings.TrimPrefix(location, "https://"+w.ca.Host()))
			}
			return reply.Edit(relative(w))
		})
	}
	w.succeeds()
}

// Row M28: a date in another form than RFC 3339's, or a status in quotes, does not spoil what it stands beside.
func TestOddMembers(t *testing.T) {
	t.Parallel()
	for _, date := range []any{"2026-11-28 20:00:00", 1764360000, nil, "1970-01-01T00:00:00Z", "2099-01-01T00:00:00.123456789Z", map[string]any{}} {
		t.Run(fmt.Sprint(date), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			odd := edited(func(d map[string]any) {
				d["expires"], d["x-new"] = date, []int{1}
				if list, ok := d["challenges"].([]any); ok {
					list[0].(map[string]any)["validated"] = date
				}
				if d["token"] != nil {
					d["validated"] = date
				}
			})
			for _, endpoint := range []acmetest.Endpoint{acmetest.Order, acmetest.Authorization, acmetest.Challenge} {
				w.ca.On(endpoint, odd)
			}
			w.succeeds()
			w.answeredOnce()
		})
	}
}

// Rule R23: a run ends before its authorizations do.
func TestLimit_AuthorizationsExpire(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(24 * time.Hour)})
	expires := w.clock.Now().Add(10 * time.Minute)
	w.ca.On(acmetest.Authorization, edited(func(d map[string]any) { d["expires"] = expires.UTC().Format(time.RFC3339) }))
	w.fails(issuance.CodeDeadline, fault.Temporary, "authorizations end at", "*.example.com")
	if left := expires.Sub(w.clock.Now()); left > 62*time.Second || left < 30*time.Second {
		t.Errorf("ended %v before they expire", left)
	}
	if w.ca.Deactivated() != 0 {
		t.Error("an authorization was deactivated")
	}
}

// Rule R19: an authorization or an order that is not found is given up after 5 s, and a new order made.
func TestValidate_NotFound(t *testing.T) {
	t.Parallel()
	missing := func(w *scripted) acmetest.Script {
		return func(r *acmetest.Request) *acmetest.Reply {
			if r.OrderID == 1 {
				return w.ca.Nonce(acmetest.Problem(http.StatusNotFound, "malformed", "no such thing"))
			}
			return r.Next()
		}
	}
	t.Run("order of an earlier run", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.succeeds("example.net")
		w.ca.On(acmetest.Order, missing(w))
		began := w.clock.Now()
		r := request(t, "*.example.com")
		r.Resume = &issuance.Checkpoint{Order: "https://" + w.ca.Host() + "/order/1"}
		if _, err := w.issuer.Obtain(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if took := w.clock.Now().Sub(began); took > 25*time.Second || len(w.ca.Orders()) != 2 {
			t.Errorf("%v, %d orders", took, len(w.ca.Orders()))
		}
	})
	t.Run("authorization while it is polled", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
			reply := r.Next()
			if r.Count == 1 {
				w.ca.Change(1, func(o *acmetest.OrderState) { o.Status = "invalid" })
				w.ca.On(acmetest.Authorization, missing(w))
				w.ca.On(acmetest.Order, missing(w))
			}
			return reply
		})
		w.succeeds("*.example.com")
		if n := len(w.ca.Orders()); n != 2 {
			t.Errorf("%d orders", n)
		}
	})
}

// A look that the run no longer needs, since the CA has taken its order by now, is ended, and is no failed request.
func TestObtain_LookNoLongerNeeded(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	var text bytes.Buffer
	w.issuer.CA = w.dialTo(issuance.Options{Log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	looking, taken := make(chan struct{}), make(chan struct{})
	var look, take sync.Once
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		if r.Count > 2 { // the first two are from before the answers
			look.Do(func() { close(looking) })
			select {
			case <-taken:
			case <-t.Context().Done():
			}
		}
		return r.Next()
	})
	w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
		select {
		case <-looking: // else the CA may have taken the order before the look begins
		case <-t.Context().Done():
		}
		return r.Next()
	})
	w.ca.On(acmetest.Certificate, func(r *acmetest.Request) *acmetest.Reply {
		take.Do(func() { close(taken) })
		return r.Next()
	})
	w.succeeds()
	if log := text.String(); !strings.Contains(log, `status="no longer needed"`) || strings.Contains(log, "error=") {
		t.Errorf("%s", log)
	}
}
