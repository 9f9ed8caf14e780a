package acmeserver

import (
	"context"
	"crypto/x509"

	"wildcard/internal/issuance"
)

// Wanted is a certificate that the public CA is asked for.
type Wanted struct {
	Names    []string
	Profile  string
	Replaces string // its name in renewal information; ""
	CSR      []byte // DER; nil to prove the names alone
}

// Issued is what came of it.
type Issued struct {
	Chain      []byte   // PEM
	Alternates [][]byte // PEM
}

// Upstream is the public CA, and the way to it. Whatever it has begun, it takes up again when it is asked for the same after a crash. An
// error of class Temporary passes.
type Upstream interface {
	// Profiles are those of the CA, with what they are; nil if it has none or could not be asked yet.
	Profiles() map[string]string
	// Prove has the CA find names proven, ahead of [Upstream.Issue] for the same.
	Prove(context.Context, Wanted) error
	// Issue gets a certificate, the same one for the same CSR until Delivered.
	Issue(context.Context, Wanted) (Issued, error)
	// Delivered tells that a certificate is kept.
	Delivered(Wanted)
	// RenewalInfo is when the CA suggests to renew a certificate (RFC 9773).
	RenewalInfo(context.Context, *x509.Certificate) (issuance.Window, error)
	// Revoke revokes a certificate for a reason of RFC 5280 §5.3.1.
	Revoke(ctx context.Context, leaf *x509.Certificate, reason uint) error
}
