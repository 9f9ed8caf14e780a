package settings

import (
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestReader_Duration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 7 * time.Second, "30": 30 * time.Second, " 90 ": 90 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond,
		"86400": 24 * time.Hour, "0": 0, "-1": 0, "86401": 0, "25h": 0, "1us": 0, "soon": 0, "9999999999999999999": 0, "1e3": 0,
	} {
		r := Reader{Set: Set{environ: variables{"X": NewSecret(text)}}, Service: "test"}
		if got := r.Duration(7*time.Second, "X"); want != 0 && (got != want || r.Err != nil) {
			t.Errorf("%q: %v, %v, want %v", text, got, r.Err, want)
		}
		if want == 0 && (fault.CodeOf(r.Err) != fault.CodeBadSettings || !strings.HasPrefix(r.Err.Error(), "test: X: ")) {
			t.Errorf("%q: %v", text, r.Err)
		}
	}
}

func TestReader_Seconds(t *testing.T) {
	for text, want := range map[string]int{"": 7, "60": 60, " 61 ": 61, "2147483647": 1<<31 - 1, "59": 0, "2147483648": 0, "1m": 0, "-60": 0} {
		r := Reader{Set: Set{source: variables{"Y": NewSecret(text)}}, Service: "test"}
		if got := r.Seconds(7, 60, "X", "Y"); want != 0 && (got != want || r.Err != nil) {
			t.Errorf("%q: %v, %v, want %v", text, got, r.Err, want)
		}
		if want == 0 && !strings.HasPrefix(r.Err.Error(), "test: X: ") {
			t.Errorf("%q: %v", text, r.Err)
		}
	}
}

func TestReader_FirstErrorStays(t *testing.T) {
	r := Reader{Set: Set{environ: variables{"X": NewSecret("x"), "Y": NewSecret("y")}}, Service: "test"}
	r.Duration(0, "X")
	r.Seconds(0, 0, "Y")
	if r.Err == nil || !strings.Contains(r.Err.Error(), "X") {
		t.Error(r.Err)
	}
}
