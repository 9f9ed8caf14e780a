package settings

import (
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 7 * time.Second, "30": 30 * time.Second, " 90 ": 90 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond,
		"86400": 24 * time.Hour, "0": 0, "-1": 0, "86401": 0, "25h": 0, "1us": 0, "soon": 0, "9999999999999999999": 0, "1e3": 0,
	} {
		s := Set{environ: variables{"X": NewSecret(text)}}
		got, err := s.Duration("X", 7*time.Second)
		if got != want || (err != nil) != (want == 0) || err != nil && fault.CodeOf(err) != fault.CodeBadSettings {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}
