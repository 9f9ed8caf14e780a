package acmetest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
)

func TestChallenge_WhileValidating(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		way          acmetest.WhileValidating
		reply, later string
	}{
		"Boulder": {acmetest.StaysPending, "pending", "pending"},
		"RFC":     {acmetest.TurnsProcessing, "processing", "processing"},
		"at once": {acmetest.InThePost, "valid", "valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.New(time.Now())
			s := start(t, acmetest.Options{
				Now: c.Now, Deviations: acmetest.Deviations{WhileValidating: test.way},
				ValidationTime: acmetest.Takes(5 * time.Second),
			})
			core := newClient(t, s)
			o, authz := order(t, core, "example.com")
			got, err := core.Challenges.New(dns01(t, authz[0]))
			if err != nil || got.Status != test.reply || got.RetryAfter != "" {
				t.Fatalf("the answer: %+v, %v", got, err)
			}
			c.Advance(5*time.Second - 1)
			a, err := core.Authorizations.Get(o.Authorizations[0])
			i := slices.IndexFunc(a.Challenges, func(c acme.Challenge) bool { return c.Type == "dns-01" })
			if err != nil || i < 0 || a.Challenges[i].Status != test.later {
				t.Errorf("before its time: %+v, %v", a, err)
			}
			c.Advance(1)
			if a, err := core.Authorizations.Get(o.Authorizations[0]); err != nil || a.Status != "valid" {
				t.Errorf("at its time: %+v, %v", a, err)
			}
		})
	}
}

func TestChallenge_SecondAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		way    acmetest.SecondAnswer
		status int // of the refusal
		failed int // validations in the end
		after  time.Duration
	}{
		"another":  {acmetest.StartsAnother, 0, 2, 0},
		"conflict": {acmetest.IsConflict, 409, 1, 0},
		"refused":  {acmetest.IsRefused, 400, 1, 0},
		"ignored":  {acmetest.IsIgnored, 0, 1, 0},
		"anew":     {acmetest.StartsAnew, 0, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.New(time.Now())
			s := start(t, acmetest.Options{
				Now: c.Now, Look: func(string) []string { return nil },
				Deviations: acmetest.Deviations{SecondAnswer: test.way}, ValidationTime: acmetest.Takes(5 * time.Second),
			})
			core := newClient(t, s)
			o, authz := order(t, core, "example.com")
			if _, err := core.Challenges.New(dns01(t, authz[0])); err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Second)
			_, err := core.Challenges.New(dns01(t, authz[0]))
			var problem *acme.ProblemDetails
			if errors.As(err, &problem); (problem == nil) != (test.status == 0) || problem != nil && problem.HTTPStatus != test.status {
				t.Errorf("the second answer: %v", err)
			}
			c.Advance(500 * time.Millisecond) // a quarter of the first one's time is over: what its first look found is told
			a, err := core.Authorizations.Get(o.Authorizations[0])
			if want := map[bool]string{true: "pending", false: "invalid"}[test.after > 0]; err != nil || a.Status != want {
				t.Errorf("%+v, %v", a, err)
			}
			c.Advance(time.Second)
			if n := s.Failed(); n != test.failed {
				t.Errorf("%d failed validations", n)
			}
			if n := s.Answers()["example.com"]; len(n) != 1 || n[0] != 2 {
				t.Errorf("answers: %v", n)
			}
		})
	}
}
