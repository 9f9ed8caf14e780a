package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"wildcard/internal/system/atomicfile"
)

const (
	hooksDir    = "hooks"
	mostHooks   = 16  // that are kept of one lineage
	mostTargets = 256 // likewise
)

// Kinds of what is no hook.
const (
	KindProof  = "proof"  // a look at the servers that are to serve a certificate
	KindTarget = "target" // a target that it was brought to
)

// HookRun is one run of a hook for a lineage.
type HookRun struct {
	Kind    string    `json:"kind"`    // pre, deploy or post; KindProof, KindTarget
	Command string    `json:"command"` // the program of a folder, or the command line; of a proof, the addresses; the target
	Time    time.Time `json:"time"`    // at which it ended
	Seconds float64   `json:"seconds"` // that it took
	Error   string    `json:"error,omitempty"`

	Certificate string `json:"certificate,omitempty"` // SHA-256 of the leaf that it was for, in hexadecimal
}

// HookRuns returns the last run of each hook of a lineage, oldest first. What is damaged counts as none.
func (s *State) HookRuns(name string) ([]HookRun, error) {
	if _, err := s.Documents(pendingDir).path(name); err != nil {
		return nil, err
	}
	text, _, err := atomicfile.Read(s.hooksPath(name), mostDocument)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, failed("hooks: %w", err)
	}
	var runs []HookRun
	if sealed, ok := unseal(bytes.TrimSuffix(text, []byte("\n"))); !ok || json.Unmarshal(sealed, &runs) != nil {
		return nil, nil
	}
	return runs, nil
}

// AddHookRun keeps a run in the place of the last one of the same hook.
func (s *State) AddHookRun(name string, run HookRun) error {
	unlock, err := s.exclusive()
	if err != nil {
		return err
	}
	defer unlock()
	runs, err := s.HookRuns(name)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(r HookRun) bool { return r.Kind == run.Kind && r.Command == run.Command })
	runs = append(runs, run)
	text, err := json.Marshal(latest(runs))
	if err == nil {
		err = s.save(s.hooksPath(name), seal(text))
	}
	if err != nil {
		return failed("hooks: %w", err)
	}
	return nil
}

// latest leaves out the oldest of too many.
func latest(runs []HookRun) []HookRun {
	left := map[bool]int{true: mostTargets, false: mostHooks}
	var kept []HookRun
	for _, run := range slices.Backward(runs) {
		if is := run.Kind == KindTarget; left[is] > 0 {
			left[is]--
			kept = append(kept, run)
		}
	}
	slices.Reverse(kept)
	return kept
}

// RemoveHookRuns forgets those of a lineage; there need not be any.
func (s *State) RemoveHookRuns(name string) error {
	if _, err := s.Documents(pendingDir).path(name); err != nil {
		return err
	}
	if err := atomicfile.Remove("state", s.hooksPath(name)); err != nil {
		return failed("hooks: %w", err)
	}
	return nil
}

func (s *State) hooksPath(name string) string { return s.path(hooksDir, name+".json") }
