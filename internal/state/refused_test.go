package state_test

import (
	"os"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/state"
)

// TestRefused: report P23. A certificate that was issued and refused holds the same request up until it is forgotten; its file is
// private, and has key and certificate as they are.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	asked := state.Refused{Time: noon(), Server: "https://ca.example/directory", Domains: []string{"*.example.com"}, Profile: "classic", KeyType: "ecdsa-p256", Reason: "nobody asked for example.com"}
	if err := s.Held("example.com", asked); err != nil {
		t.Errorf("nothing was refused: %v", err)
	}
	if _, ok, err := s.Refused("example.com"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	key, chain := "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
	for range 2 { // the second replaces the first
		if err := s.KeepRefused("example.com", asked, []byte(key), []byte(chain)); err != nil {
			t.Fatal(err)
		}
	}
	path := s.RefusedPath("example.com")
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(text), "\n"+key+chain) {
		t.Errorf("%s, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got, ok, err := s.Refused("example.com"); err != nil || !ok || got.Reason != asked.Reason || !got.Time.Equal(asked.Time) {
		t.Errorf("%+v %v %v", got, ok, err)
	}
	for what, change := range map[string]func(r *state.Refused){
		"other names": func(r *state.Refused) { r.Domains = []string{"*.example.com", "example.com"} }, "another CA": func(r *state.Refused) { r.Server = "https://other.example/" },
		"another profile": func(r *state.Refused) { r.Profile = "" }, "another kind of key": func(r *state.Refused) { r.KeyType = "rsa-2048" },
	} {
		other := asked
		change(&other)
		if err := s.Held("example.com", other); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	again := asked
	again.Domains = []string{"*.example.com", "*.example.com"}
	err = s.Held("example.com", again)
	if fault.CodeOf(err) != state.CodeHeld || fault.ClassOf(err) != fault.Failed {
		t.Fatalf("the same: %v", err)
	}
	for _, want := range []string{"2026-11-24 12:00 UTC", asked.Reason, path, "--force"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	if holds, err := s.Holds(); err != nil || len(holds) != 1 || fault.CodeOf(holds["example.com"]) != state.CodeHeld {
		t.Errorf("%v, %v", holds, err)
	}
	if err := s.Held("example.org", asked); err != nil {
		t.Errorf("another lineage: %v", err)
	}
	if err := os.WriteFile(path, []byte("{damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Held("example.com", asked); fault.CodeOf(err) != state.CodeHeld {
		t.Errorf("damaged: %v", err)
	}
	for range 2 {
		if err := s.RemoveRefused("example.com"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Held("example.com", asked); err != nil {
		t.Errorf("forgotten: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", ".x"} {
		if err := s.KeepRefused(name, asked, nil, nil); fault.CodeOf(err) != fault.CodeState {
			t.Errorf("%q: %v", name, err)
		}
	}
}
