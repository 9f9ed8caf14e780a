package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"wildcard/internal/fault"
)

// Who has a key keeps out threads and processes alike (each NewHeld stands for one) and is named to those who wait; who wants another
// key does not wait.
func TestHeld_Turns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "orders")
	mine := NewHeld(dir, "order")
	for name, other := range map[string]*Held{"thread": mine, "process": NewHeld(dir, "order")} {
		unlock, err := mine.Lock(t.Context(), "a", "web (PID 12)", func(string) { t.Error("nobody has it") })
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			free, err := other.Lock(t.Context(), fmt.Sprintf("b%d", n), "", func(string) { t.Error("keys share a lock") })
			if err != nil {
				t.Fatal(err)
			}
			free()
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := other.Lock(ctx, "a", "", func(string) { cancel() }); fault.CodeOf(err) != fault.CodeUnavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		var holders []string
		again, err := other.Lock(t.Context(), "a", "w", func(holder string) { holders = append(holders, holder); unlock() })
		if err != nil || len(holders) != 1 || holders[0] != "web (PID 12)" {
			t.Fatalf("%s: waited for %q, %v", name, holders, err)
		}
		if _, err := mine.Lock(ctx, "a", "", func(holder string) { holders = append(holders, holder) }); err == nil || holders[1] != "w" {
			t.Errorf("%s: waited for %q, %v", name, holders, err)
		}
		again()
	}
}

// TestHeld_FilesGo has many locks leave no file behind, and those who wait for one that is removed keep each other out all the same.
func TestHeld_FilesGo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "orders")
	var inside, most atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 25 {
				unlock, err := NewHeld(dir, "order").Lock(t.Context(), fmt.Sprint("key", n%2), "", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if n%2 == 0 { // two of this key at once would be seen
					most.Store(max(most.Load(), inside.Add(1)))
					runtime.Gosched()
					inside.Add(-1)
				}
				unlock()
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || most.Load() != 1 {
		t.Errorf("%d at once, %d files left, %v", most.Load(), len(left), err)
	}
}

// TestHeld_FileStays has the file of a process that was killed: it is taken, and goes.
func TestHeld_FileStays(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "orders")
	locks := NewHeld(dir, "order")
	unlock, err := locks.Lock(t.Context(), "a", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	unlock()
	file := filepath.Join(dir, names[0].Name())
	if err := os.WriteFile(file, []byte("one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if unlock, err = locks.Lock(t.Context(), "a", "", func(string) { t.Error("waited for the dead") }); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestHeld_UnusableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewHeld(filepath.Join(file, "orders"), "order").Lock(t.Context(), "a", "", nil); fault.CodeOf(err) != fault.CodeState {
		t.Error(err)
	}
}

// TestHeld_FileDeletedByOthers has the file of a lock deleted under its holder: when that one ends, the file of the next holder stays.
func TestHeld_FileDeletedByOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "orders")
	held := NewHeld(dir, "order")
	first, err := held.Lock(t.Context(), "key", "first", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	second, err := held.Lock(t.Context(), "key", "second", nil)
	if err != nil {
		t.Fatal(err)
	}
	first()
	if there, err := os.ReadDir(dir); err != nil || len(there) != 1 {
		t.Errorf("the second one's file is gone: %v", err)
	}
	second()
	if there, err := os.ReadDir(dir); err != nil || len(there) != 0 {
		t.Errorf("%d files left, %v", len(there), err)
	}
}
