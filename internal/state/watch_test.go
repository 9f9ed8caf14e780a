package state_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"wildcard/internal/state"
)

// What was told is there for the next run; what is damaged counts as nothing, and never ends a run.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if w, err := s.Watch(); err != nil || !w.LastRun.IsZero() || len(w.Lineages) != 0 {
		t.Errorf("before the first run: %+v %v", w, err)
	}
	change := func(w *state.Watch) {
		w.LastRun = noon()
		w.Lineages["example.com"] = &state.Complaint{Since: noon().Add(-time.Hour), Told: noon(), Stage: 2}
	}
	if err := s.ChangeWatch(change); err != nil {
		t.Fatal(err)
	}
	w, err := open(t, dir).Watch()
	if c := w.Lineages["example.com"]; err != nil || c == nil || c.Stage != 2 || !c.Told.Equal(noon()) || !w.LastRun.Equal(noon()) {
		t.Errorf("%+v %v", w, err)
	}
	path := filepath.Join(dir, "watch.json")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for _, damage := range []string{"", "00000000 {}\n", "{", "c0ffee"} {
		if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if w, err := s.Watch(); err != nil || !w.LastRun.IsZero() || w.Lineages == nil {
			t.Errorf("%q: %+v %v", damage, w, err)
		}
	}
	if err := s.ChangeWatch(change); err != nil {
		t.Error(err)
	}
}

// Recent is the end of one lineage's history; its last failure is known after a success too, also when the ledger is written anew.
func TestRecent(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	at := noon()
	record(t, s, state.Attempt{Time: at, Code: "first"})
	record(t, s, state.Attempt{Time: at.Add(time.Hour), Lineage: "example.net", Code: "other"})
	record(t, s, state.Attempt{Time: at.Add(2 * time.Hour), Code: "second"})
	record(t, s, state.Attempt{Time: at.Add(3 * time.Hour), Outcome: state.Succeeded})
	record(t, s, state.Attempt{Time: at.Add(100 * 24 * time.Hour), Code: "of a wrong clock"})
	recent, err := s.Recent("example.com", at.Add(4*time.Hour), 2)
	if err != nil || len(recent) != 2 || recent[0].Code != "second" || recent[1].Outcome != state.Succeeded {
		t.Errorf("%+v %v", recent, err)
	}
	h, err := s.Last("example.com", at.Add(4*time.Hour))
	if err != nil || h.LastFailure.Code != "second" || h.Last.Outcome != state.Succeeded {
		t.Errorf("%+v %v", h, err)
	}
}
