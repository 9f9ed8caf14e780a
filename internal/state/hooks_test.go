package state_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"wildcard/internal/state"
)

// N25: the last run of each hook is kept, not too many of them; what is damaged is none, and is written anew.
func TestHookRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if runs, err := s.HookRuns("example.com"); len(runs) != 0 || err != nil {
		t.Fatalf("none: %v %v", runs, err)
	}
	for i := range 40 {
		run := state.HookRun{Kind: "deploy", Command: fmt.Sprint("hook ", i%20), Time: noon(), Seconds: float64(i)}
		if err := s.AddHookRun("example.com", run); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := open(t, dir).HookRuns("example.com")
	if err != nil || len(runs) != 16 || runs[15].Seconds != 39 || runs[0].Seconds != 24 {
		t.Errorf("%v %+v", err, runs)
	}
	if err := os.WriteFile(filepath.Join(dir, "hooks", "example.com.json"), []byte("00000000 []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if runs, err := s.HookRuns("example.com"); len(runs) != 0 || err != nil {
		t.Errorf("damaged: %v %v", runs, err)
	}
	if err := s.AddHookRun("example.com", state.HookRun{Kind: "pre", Command: "true"}); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.RemoveHookRuns("example.com"); err != nil {
			t.Error(err)
		}
	}
	if runs, err := s.HookRuns("example.com"); len(runs) != 0 || err != nil {
		t.Errorf("removed: %v %v", runs, err)
	}
	for _, name := range []string{"", "../x", ".x"} {
		if err := s.AddHookRun(name, state.HookRun{}); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}
