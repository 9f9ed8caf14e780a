package issuance

import (
	"crypto/x509"
	"time"
)

// DueAt is when a certificate is to be renewed: at the instant that was chosen in the CA's window (RFC 9773 §4.2), though with no
// less than a twentieth of its life left; if the CA said nothing (chosen is zero), with a third of its life left, or half of a life
// under ten days.
func DueAt(leaf *x509.Certificate, chosen time.Time) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	latest := leaf.NotAfter.Add(-life / 20)
	switch {
	case chosen.IsZero() && life < 10*24*time.Hour:
		return leaf.NotAfter.Add(-life / 2)
	case chosen.IsZero():
		return leaf.NotAfter.Add(-life / 3)
	case chosen.Before(latest):
		return chosen
	}
	return latest
}

// OverdueAt is when a certificate that was due at one instant and ends at another has been without a renewal for too long:
// when a third of the time between the two has passed. That leaves two thirds of it to act, whatever the certificate's
// life: one of 90 days is due 30 days before its end and overdue 10 days later, one of six days is due 80 hours before its
// end and overdue 27 hours later.
func OverdueAt(due, notAfter time.Time) time.Time {
	return due.Add(notAfter.Sub(due) / 3)
}
