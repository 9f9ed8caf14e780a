package conformance

import (
	"context"
	"slices"
	"testing"
)

// A test is a reporter.
var _ Reporter = testing.TB(nil)

func TestTry(t *testing.T) {
	t.Parallel()
	var order []string
	var ended bool
	failures := Try(t.Context(), func(r Reporter) {
		r.Cleanup(func() { order = append(order, "first in") })
		r.Cleanup(func() { order = append(order, "last in"); r.Fatalf("in cleanup") })
		r.Cleanup(func() { ended = r.Context().Err() != nil; panic("at the door") })
		r.Errorf("%d", 1)
		r.Fatalf("two")
		order = append(order, "after Fatalf")
	})
	if want := []string{"1", "two", "panic: at the door", "in cleanup"}; !slices.Equal(failures, want) {
		t.Errorf("failures %q, want %q", failures, want)
	}
	if want := []string{"last in", "first in"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	if !ended {
		t.Error("the context is good for longer than the check")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if failures := Try(ctx, func(r Reporter) { r.Logf("nothing"); <-r.Context().Done() }); len(failures) > 0 {
		t.Errorf("%q", failures)
	}
}
