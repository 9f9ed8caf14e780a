//go:build failpoint

package cli

import (
	"slices"
	"testing"

	"wildcard/internal/persist"
	"wildcard/internal/system/failpoint/sweep"
	"wildcard/internal/testkit/acmetest"
)

// Whatever happens to "persist set", and wherever: the next one leaves one record, which stays, and those of others.
func TestSweepPersistSet(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard persist set", Least: 20, Every: map[sweep.Action]int{sweep.Kill: 1, sweep.Term: 4, sweep.ENOSPC: 4, sweep.EIO: 4}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := persistWorld(t, acmetest.PersistPlain)
		w.putOthers()
		w.stays = true
		w.struck(p, 0, "persist", "set", "*.example.com")
		w.start("clean").end()
		if there := w.texts(persist.Name("example.com")); len(there) != len(others()) && len(there) != len(others())+1 {
			t.Errorf("half a record: %q", there)
		}
		w.start("persist", "set", "*.example.com").end().exits(0)
		w.start("clean").end().exits(0, "stays")
		w.standsOnce()
		w.start("persist", "remove", "--yes", "*.example.com").end().exits(0, "removed")
		w.othersAlone()
	})
}

// The same for "persist remove": the next run of any command finishes it.
func TestSweepPersistRemove(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard persist remove", Least: 8, Every: map[sweep.Action]int{sweep.Kill: 1, sweep.Term: 2, sweep.ENOSPC: 2, sweep.EIO: 2}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := persistWorld(t, acmetest.PersistPlain)
		w.putOthers()
		w.stays = true
		w.start("persist", "set", "*.example.com").end().exits(0)
		w.struck(p, 0, "persist", "remove", "--yes", "*.example.com")
		w.start("clean").end()
		w.start("persist", "remove", "--yes", "*.example.com").end().exits(0)
		w.othersAlone()
		w.start("clean").end().exits(0, "the journal is empty")
	})
}

// standsOnce fails the test unless the records of others and one of ours are there.
func (w *world) standsOnce() {
	w.t.Helper()
	if there := w.texts(persist.Name("example.com")); len(there) != len(others())+1 {
		w.t.Errorf("records: %q", there)
	}
}

func (w *world) othersAlone() {
	w.t.Helper()
	there := w.texts(persist.Name("example.com"))
	if !slices.Equal(slices.Sorted(slices.Values(there)), slices.Sorted(slices.Values(others()))) {
		w.t.Errorf("records: %q", there)
	}
}
