package state_test

import (
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/state"
)

// TestBackOff: Fault #66: an issuance that fails each run is tried after 1, 10 and 100 minutes, then daily; sooner if little
// life is left or nothing was ordered; at once by a person or by force; and a success ends it.
func TestBackOff(t *testing.T) {
	t.Parallel()
	left := func(d time.Duration) func(*state.Intent) {
		return func(i *state.Intent) { i.NotAfter = i.Now.Add(d) }
	}
	tests := []struct {
		name     string
		failures int
		ordered  bool
		change   func(*state.Intent)
		wait     time.Duration
	}{
		{"first", 1, true, nil, time.Minute},
		{"second", 2, true, nil, 10 * time.Minute},
		{"third", 3, true, nil, 100 * time.Minute},
		{"fourth", 4, true, nil, 24 * time.Hour},
		{"ninth", 9, true, nil, 24 * time.Hour},
		{"nothing ordered", 9, false, nil, 10 * time.Minute},
		{"ten hours left", 9, true, left(10 * time.Hour), time.Hour},
		{"expired", 9, true, left(-time.Hour), 5 * time.Minute},
		{"a person", 9, true, func(i *state.Intent) { i.Unattended = false }, 0},
		{"force", 9, true, func(i *state.Intent) { i.Force = true }, 0},
		{"another lineage", 9, true, func(i *state.Intent) { i.Lineage = "example.org" }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			for n := range test.failures {
				record(t, s, state.Attempt{Time: noon().Add(time.Duration(n-test.failures+1) * 48 * time.Hour), Ordered: test.ordered, Code: "acme.order-invalid", Text: "because"})
			}
			check := func(after time.Duration) error {
				i := intent(noon())
				if test.change != nil {
					test.change(&i)
				}
				i.Now = noon().Add(after)
				if !i.NotAfter.IsZero() {
					test.change(&i)
				}
				return s.Check(i)
			}
			if test.wait > 0 {
				err := check(0)
				if fault.CodeOf(err) != state.CodeBackOff || fault.ClassOf(err) != fault.Temporary || !strings.Contains(err.Error(), "because") {
					t.Errorf("at once: %v", err)
				}
				if !strings.Contains(err.Error(), noon().Add(test.wait).Format("15:04:05")) {
					t.Errorf("%v does not name %v", err, noon().Add(test.wait))
				}
			}
			if err := check(test.wait); err != nil {
				t.Errorf("after %v: %v", test.wait, err)
			}
			record(t, s, state.Attempt{Time: noon().Add(time.Second), Outcome: state.Succeeded})
			if err := check(2 * time.Second); err != nil {
				t.Errorf("after a success: %v", err)
			}
		})
	}
}

// TestFailedValidations has the CA's own limit never reached: three failed validations of an identifier within an hour are
// the end, for every run.
func TestFailedValidations(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	i := intent(noon())
	i.Unattended, i.Force = false, true
	for n, names := range [][]string{{"*.example.com", "example.com"}, {"*.example.com"}, {"other.example.org", "*.Example.com", "other.example.org"}} {
		if err := s.Check(i); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
		record(t, s, state.Attempt{Time: noon().Add(time.Duration(n-20) * time.Minute), Lineage: "any", FailedValidations: names})
	}
	err := s.Check(i)
	if fault.CodeOf(err) != state.CodeValidations || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("after three: %v", err)
	}
	if want := "not before 2026-11-24 12:40:00 UTC"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	i.Now = noon().Add(40 * time.Minute)
	if err := s.Check(i); err != nil {
		t.Errorf("an hour after the first: %v", err)
	}
	for what, change := range map[string]func(*state.Intent){
		"without star":    func(i *state.Intent) { i.Domains = []string{"example.com"} },
		"another name":    func(i *state.Intent) { i.Domains = []string{"other.example.org"} },
		"another account": func(i *state.Intent) { i.Account = "https://ca.example/acct/2" },
		"another CA":      func(i *state.Intent) { i.Server = "https://staging.example/directory" },
	} {
		i := intent(noon())
		change(&i)
		if err := s.Check(i); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestRateLimited has what a CA asked for obeyed, by people too, unless they insist.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	record(t, s, state.Attempt{Time: noon(), Code: "acme.rate-limited", Text: "429 rateLimited: too many", NotBefore: noon().Add(3 * time.Hour)})
	i := intent(noon().Add(2 * time.Hour))
	i.Unattended = false
	if err := s.Check(i); fault.CodeOf(err) != state.CodeRateLimited || !strings.Contains(err.Error(), "2026-11-24 15:00:00 UTC") {
		t.Errorf("before: %v", err)
	}
	i.Force = true
	if err := s.Check(i); err != nil {
		t.Errorf("with force: %v", err)
	}
	i.Force, i.Now = false, noon().Add(3*time.Hour)
	if err := s.Check(i); err != nil {
		t.Errorf("after: %v", err)
	}
	record(t, s, state.Attempt{Time: noon(), Lineage: "absurd", NotBefore: noon().AddDate(10, 0, 0)})
	i = intent(noon().Add(time.Hour))
	i.Lineage, i.Unattended = "absurd", false
	if err := s.Check(i); fault.CodeOf(err) != state.CodeRateLimited || !strings.Contains(err.Error(), "2026-11-26 00:00:00 UTC") {
		t.Errorf("ten years of patience, an hour later: %v", err)
	}
	i.Now = noon().Add(36 * time.Hour)
	if err := s.Check(i); err != nil {
		t.Errorf("ten years of patience, a day and a half later: %v", err)
	}
	for _, asked := range []time.Duration{25*time.Hour + time.Minute, 33*time.Hour + 36*time.Minute, 34*time.Hour + 37*time.Minute} {
		record(t, s, state.Attempt{Time: noon(), Lineage: asked.String(), NotBefore: noon().Add(asked)})
		i.Lineage, i.Now = asked.String(), noon().Add(asked-time.Minute)
		if err := s.Check(i); fault.CodeOf(err) != state.CodeRateLimited {
			t.Errorf("a minute before %v have passed: %v", asked, err)
		}
		i.Now = noon().Add(asked)
		if err := s.Check(i); err != nil {
			t.Errorf("%v later: %v", asked, err)
		}
	}
}

// TestWrongClock: Fault #143: what was written under a clock that was ten years ahead stops no run.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ahead := noon().AddDate(10, 0, 0)
	for range 5 {
		record(t, s, state.Attempt{Time: ahead, Ordered: true, FailedValidations: []string{"example.com"}, NotBefore: ahead.Add(time.Hour)})
	}
	if err := s.Check(intent(noon())); err != nil {
		t.Errorf("now: %v", err)
	}
	if h, err := s.Last("example.com", noon()); err != nil || !h.Last.Time.IsZero() {
		t.Errorf("last: %v %v", h, err)
	}
	record(t, s, state.Attempt{Time: noon(), Ordered: true})
	if err := s.Check(intent(noon())); fault.CodeOf(err) != state.CodeBackOff || !strings.Contains(err.Error(), "12:01:00") {
		t.Errorf("after a failure of now: %v", err)
	}
}
