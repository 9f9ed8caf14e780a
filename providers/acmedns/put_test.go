package acmedns

import (
	"slices"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/acmedns/acmednstest"
)

// holds fails the test unless the name has these values, maybe with others that are not in use.
func (w *world) holds(fqdn string, ns ...int) {
	w.t.Helper()
	for _, n := range ns {
		if !slices.Contains(w.Texts(fqdn), challenge(fqdn, n).Value) {
			w.t.Fatalf("value %d is not in %q", n, w.Texts(fqdn))
		}
	}
}

func (w *world) present(fqdn string, n int) {
	w.t.Helper()
	if _, err := w.open().Present(w.t.Context(), challenge(fqdn, n)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) cleanUp(fqdn string, n int) {
	w.t.Helper()
	if err := w.open().CleanUp(w.t.Context(), challenge(fqdn, n), ""); err != nil {
		w.t.Fatal(err)
	}
}

// A certificate with its wildcard costs two updates, in the hooks' processes too, and a repetition none.
func TestTwoValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fqdn := w.register("example.com")
	for _, n := range []int{1, 2, 1, 2, 2, 1} {
		w.present(fqdn, n)
	}
	w.holds(fqdn, 1, 2)
	if n := w.updates(); n != 2 {
		t.Errorf("%d updates", n)
	}
	_, err := w.open().Present(t.Context(), challenge(fqdn, 3))
	w.fails(err, CodeCrowded, providers.Temporary, "both are in use")
	w.holds(fqdn, 1, 2)
	// What is cleaned up makes room, and only that: whichever of the two it is, within one second of the server's clock.
	for next, deleted := range map[int]int{4: 1, 3: 2} {
		w.cleanUp(fqdn, deleted)
		w.present(fqdn, next)
		w.holds(fqdn, next, 3-deleted)
		w.cleanUp(fqdn, next)
		w.present(fqdn, deleted)
		w.holds(fqdn, 1, 2)
	}
}

// Values come and go beside one that is waited for, which is there at every moment.
func TestKeptValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fqdn := w.register("example.com")
	w.present(fqdn, 0)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if !slices.Contains(w.Texts(fqdn), challenge(fqdn, 0).Value) {
					t.Error("for a moment the value is not there")
					return
				}
			}
		}
	})
	for n := 1; n <= 4; n++ {
		w.present(fqdn, n)
		w.holds(fqdn, 0, n)
		w.cleanUp(fqdn, n)
	}
	close(done)
	watch.Wait()
}

// A reply is lost: the update was made, or was not, and the other value stays in either case.
func TestPresent_ReplyLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]acmednstest.Fault{
		"made":     {Drop: true},
		"not made": {Drop: true, Status: 1},
		"proxy":    {Status: 502, Body: "<html>Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			fqdn := w.register("example.com")
			once := func() {
				left := 1
				w.Meet(func(string) *acmednstest.Fault {
					if left--; left < 0 {
						return nil
					}
					return &fault
				})
			}
			once()
			w.present(fqdn, 1) // alone: repeated at once
			w.holds(fqdn, 1)
			once()
			_, err := w.open().Present(t.Context(), challenge(fqdn, 2))
			w.fails(err, providers.CodeUnavailable, providers.Temporary)
			w.holds(fqdn, 1)
			w.present(fqdn, 2)
			w.holds(fqdn, 1, 2)
		})
	}
}

// What a dead process left in use is free after an hour.
func TestPresent_MemoryLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fqdn := w.register("example.com")
	w.present(fqdn, 1)
	w.present(fqdn, 2)
	p := w.open()
	p.now = func() time.Time { return time.Now().Add(inUse + time.Minute) }
	if _, err := p.Present(t.Context(), challenge(fqdn, 3)); err != nil {
		t.Error(err)
	}
	w.holds(fqdn, 3)
}

// Without a run directory a process knows its own values.
func TestNoRunDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fqdn := w.register("example.com")
	p := w.open()
	p.memory = &memory{kept: map[string]held{}}
	for _, n := range []int{1, 2, 1} {
		if _, err := p.Present(t.Context(), challenge(fqdn, n)); err != nil {
			t.Fatal(err)
		}
	}
	w.holds(fqdn, 1, 2)
	if n := w.updates(); n != 2 {
		t.Errorf("%d updates", n)
	}
}

// The values of twenty names side by side.
func TestManyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			fqdn, err := p.CNAMETarget(t.Context(), string(rune('a'+i))+".example.com", true)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 2 {
				if _, err := p.Present(t.Context(), challenge(fqdn, n)); err != nil {
					t.Error(err)
				}
			}
			if got := w.Texts(fqdn); len(got) != 2 {
				t.Errorf("%s holds %q", fqdn, got)
			}
		})
	}
	all.Wait()
}
