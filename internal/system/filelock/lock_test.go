package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"wildcard/internal/fault"
)

// Threads and processes take turns: every New stands for a process.
func TestLock_ManyHolders(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	shared := New(dir, "test")
	value := 0 // which the race detector watches, too
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			locks := shared
			if i%2 == 0 {
				locks = New(dir, "test")
			}
			unlock, err := locks.Lock(t.Context(), "key")
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			held, err := os.ReadFile(filepath.Join(dir, "value"))
			if err != nil && value > 0 || len(held) != value {
				t.Errorf("%d in the file, %d in memory, %v", len(held), value, err)
			}
			value++
			if err := os.WriteFile(filepath.Join(dir, "value"), make([]byte, value), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if value != 20 {
		t.Errorf("%d", value)
	}
}

// Who waits leaves when its context ends, and the lock is free for the next one.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	mine := New(dir, "test")
	for name, other := range map[string]*Locks{"thread": mine, "process": New(dir, "test")} {
		unlock, err := mine.Lock(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := other.Lock(ctx, "key")
			ended <- err
		}()
		cancel()
		if err := <-ended; fault.CodeOf(err) != fault.CodeUnavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		unlock()
		again, err := other.Lock(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		again()
	}
}

func TestUnusableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locks := New(filepath.Join(file, "run"), "test")
	for range 2 { // a failure holds nothing
		if _, err := locks.Lock(t.Context(), "key"); fault.CodeOf(err) != fault.CodeState {
			t.Error(err)
		}
	}
}

// Without a folder it still keeps threads apart.
func TestThreadsOnly(t *testing.T) {
	t.Parallel()
	locks := New("", "test")
	n := 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			unlock, err := locks.Lock(t.Context(), "key")
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			n++
		})
	}
	all.Wait()
	if n != 50 {
		t.Errorf("%d", n)
	}
}
