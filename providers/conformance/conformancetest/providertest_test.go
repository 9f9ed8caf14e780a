package conformancetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

// shelf is a DNS service with one zone, and its own provider.
type shelf struct {
	mu     sync.Mutex
	texts  map[string][]string
	silent bool
	lose   bool
	asked  []string // of what can be arranged
}

func (s *shelf) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	name := strings.ToLower(c.FQDN)
	if _, err := providers.ParseValue(c.Value); err != nil || !providers.InZone(name, "example.com.") {
		return "", errors.New("shelf: refused")
	}
	return "", s.change(ctx, func() {
		if !slices.Contains(s.texts[name], c.Value) {
			s.texts[name] = append(s.texts[name], c.Value)
		}
	})
}

func (s *shelf) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	return s.change(ctx, func() { s.remove(strings.ToLower(c.FQDN), c.Value) })
}

func (s *shelf) change(ctx context.Context, how func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || ctx.Err() != nil {
		return errors.New("shelf: no answer")
	}
	how()
	if s.lose {
		s.lose = false
		return errors.New("shelf: lost")
	}
	return nil
}

func (s *shelf) remove(name, value string) {
	s.texts[name] = slices.DeleteFunc(s.texts[name], func(v string) bool { return v == value })
}

// arrange notes what a test of the suite asked for, and does it.
func (s *shelf) arrange(t testing.TB, what string, how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what+" in "+t.Name())
	how()
}

// All that a test can arrange reaches the suite, each time with the check's own test.
func TestRun(t *testing.T) {
	t.Parallel()
	s := &shelf{texts: map[string][]string{}}
	conformancetest.Run(t, conformancetest.Config{
		Zone: "example.com.",
		Open: func(t testing.TB) providers.Provider { s.arrange(t, "open", func() {}); return s },
		Records: func(_ testing.TB, fqdn string) []string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return slices.Clone(s.texts[strings.ToLower(fqdn)])
		},
		Foreign: func(t testing.TB, fqdn, value string) func() {
			s.arrange(t, "foreign", func() { s.texts[fqdn] = append(s.texts[fqdn], value) })
			return func() { s.arrange(t, "remove", func() { s.remove(fqdn, value) }) }
		},
		Stall: func(t testing.TB) func() {
			s.arrange(t, "stall", func() { s.silent = true })
			return func() { s.arrange(t, "resume", func() { s.silent = false }) }
		},
		LoseReply: func(t testing.TB) { s.arrange(t, "lose", func() { s.lose = true }) },
	})
	for _, want := range []string{
		"open in TestRun/present_adds_the_value", "foreign in TestRun/records_of_others_stay", "remove in TestRun/records_of_others_stay",
		"stall in TestRun/a_silent_service_does_not_outlast_the_deadline", "resume in TestRun/a_silent_service_does_not_outlast_the_deadline",
		"lose in TestRun/a_lost_reply_makes_no_second_record",
	} {
		if !slices.Contains(s.asked, want) {
			t.Errorf("not %q: %q", want, s.asked)
		}
	}
	for name, left := range s.texts {
		if len(left) > 0 {
			t.Errorf("left at %s: %q", name, left)
		}
	}
}
