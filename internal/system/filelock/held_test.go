package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
