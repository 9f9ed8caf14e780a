package issuance

import (
	"crypto/x509"
	"time"
)

// DueAt is when a certificate is to be renewed: at the instant that was chosen in the CA's window (RFC 9773 §4.2), though with no
// less than a twentieth of its life left; if the CA said nothing (chosen is zero), at [RenewalTime].
func DueAt(leaf *x509.Certificate, chosen time.Time) time.Time {
	latest := LastCall(leaf)
	switch {
	case chosen.IsZero():
		return RenewalTime(leaf)
	case chosen.Before(latest):
		return chosen
	}
	return latest
}

// OverdueAt is when a certificate that was due at one instant and ends at another has gone without a renewal for too long:
// when a third of the time between the two has passed. That leaves two thirds of it to act, whatever the certificate's
// life: one of 90 days is due 30 days before its end and overdue 10 days later, one of six days is due 80 hours before its
// end and overdue 27 hours later.
func OverdueAt(due, notAfter time.Time) time.Time {
	return due.Add(notAfter.Sub(due) / 3)
}
