package lineage

import (
	"testing"
	"time"
)

// TestBefore has the intervals of certbot's guide and of its tests (storage_test.py, test_time_interval_judgments), and what is none.
func TestBefore(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"30 days": "2027-02-13T12:00:00Z", "45": "2027-01-29T12:00:00Z", " 1 week ": "2027-03-08T12:00:00Z", "6 months 1 week": "2026-09-08T12:00:00Z",
		"3 days 12 hours": "2027-03-12T00:00:00Z", "10days": "2027-03-05T12:00:00Z", "1 Week, 2 Days and 3 hours": "2027-03-06T09:00:00Z", "90 minutes": "2027-03-15T10:30:00Z",
		"1 year": "2026-03-15T12:00:00Z", "30s": "2027-03-15T11:59:30Z",
	} {
		if got, ok := Before(at, text); !ok || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "soon", "days", "-3 days", "3 days 4", "3 fortnights", "and", "3 and", "0 days", "1.5 days", "99999999999999999999 days", "tomorrow, 3 days"} {
		if got, ok := Before(at, text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}
