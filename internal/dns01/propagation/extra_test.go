package propagation

import (
	"context"
	"errors"
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestParseExtraWait(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"0": 0, "15": 15 * time.Second, "3000": MostExtraWait} {
		if got, err := ParseExtraWait(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "3001", "15s", "1.5", "ten", "99999999999999999999"} {
		_, err := ParseExtraWait(text)
		wantError(t, err, fault.CodeBadSettings, fault.Misconfigured, "from 0 to 3000")
	}
}

func TestExtraWait(t *testing.T) {
	t.Parallel()
	const d = 50 * time.Millisecond
	began := time.Now()
	var left []time.Duration
	if err := ExtraWait(t.Context(), d, func(l time.Duration) { left = append(left, l) }); err != nil || time.Since(began) < d {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if len(left) == 0 || left[0] > d {
		t.Errorf("left: %v", left)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := ExtraWait(ctx, time.Hour, func(time.Duration) { cancel(errStop) }); !errors.Is(err, errStop) {
		t.Error(err)
	}
}
