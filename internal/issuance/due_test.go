package issuance_test

import (
	"crypto/x509"
	"testing"
	"time"

	"wildcard/internal/issuance"
)

// When certificates are due, and when overdue: what renew, list --check, doctor and the notifications go by.
func TestDueAt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for what, test := range map[string]struct{ life, chosen, due, overdue time.Duration }{
		"90 days":                    {90 * day, -1, 60 * day, 70 * day},
		"45 days":                    {45 * day, -1, 30 * day, 35 * day},
		"ten days":                   {9 * day, -1, 4*day + 12*time.Hour, 6 * day},
		"six days":                   {6 * day, -1, 3 * day, 4 * day},
		"chosen":                     {90 * day, 50 * day, 50 * day, 63*day + 8*time.Hour},
		"chosen at once":             {90 * day, 0, 0, 30 * day},
		"chosen too late":            {90 * day, 89 * day, 85*day + 12*time.Hour, 87 * day},
		"chosen after the end":       {90 * day, 100 * day, 85*day + 12*time.Hour, 87 * day},
		"chosen before it was there": {90 * day, -2 * day, -2 * day, 28*day + 16*time.Hour},
	} {
		leaf := &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(test.life)}
		var chosen time.Time
		if test.chosen != -1 {
			chosen = begin.Add(test.chosen)
		}
		due := issuance.DueAt(leaf, chosen)
		if got := due.Sub(begin); got != test.due {
			t.Errorf("%s: due after %v, want %v", what, got, test.due)
		}
		if got := issuance.OverdueAt(due, leaf.NotAfter).Sub(begin); got != test.overdue {
			t.Errorf("%s: overdue after %v, want %v", what, got, test.overdue)
		}
	}
}
