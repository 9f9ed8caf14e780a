package state_test

import (
	"testing"
	"time"

	"wildcard/internal/state"
)

func open(t *testing.T, dir string) *state.State {
	t.Helper()
	s, err := state.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func record(t *testing.T, s *state.State, a state.Attempt) {
	t.Helper()
	if a.Lineage == "" {
		a.Lineage = "example.com"
	}
	if a.Server == "" {
		a.Server, a.Account = "https://ca.example/directory", "https://ca.example/acct/1"
	}
	if a.Outcome == "" {
		a.Outcome = state.Failed
	}
	if err := s.Record(a); err != nil {
		t.Fatal(err)
	}
}

func intent(now time.Time) state.Intent {
	return state.Intent{
		Lineage: "example.com", Server: "https://ca.example/directory", Account: "https://ca.example/acct/1",
		Domains: []string{"*.example.com", "example.com"}, Now: now, Unattended: true,
	}
}
