package certificates

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"wildcard/internal/state"
)

// Prove has the CA find the names of a request proven, for a signing request that comes later: [Manager.Obtain] with that CSR, the same
// names, profile and replaced certificate takes up the order that Prove leaves ready, so that the certificate takes seconds.
// Request.CSR is not looked at. Proven twice without a CSR between, the names have one order.
func Prove(ctx context.Context, m *Manager, r Request) error {
	r.CSR, r.proofOnly = nil, true
	_, err := m.Obtain(ctx, r)
	return err
}

// outside reports whether a request is for what is no lineage.
func (r Request) outside() bool { return r.CSR != nil || r.proofOnly }

func (o *order) outside() bool { return o.csr != nil || o.proofOnly }

// proofName is the name under which the proof of a request's names is remembered.
func (r Request) proofName() string {
	names := slices.Sorted(slices.Values(r.Names))
	about := strings.Join(append(names, r.Server.Value, r.Profile.Value, r.Replaces), "\n")
	digest := sha256.Sum256([]byte(about))
	return "proof-" + hex.EncodeToString(digest[:8])
}

// takeProof makes the order that Prove left that of a CSR. It is there twice should the run end between the two: the CA gives one of
// them the certificate, and another order to the one that comes later.
func (a *attempt) takeProof() (pending state.Pending, err error) {
	err = a.m.locked(a.proof, func() error {
		proven, ok, err := a.m.State.Pending(a.proof)
		if err != nil || !ok {
			return err
		}
		proven.CSR = a.csr
		if !a.usable(proven) {
			return a.m.State.RemovePending(a.proof)
		}
		if err := a.m.State.SavePending(a.name, proven); err != nil {
			return err
		}
		pending = proven
		return a.m.State.RemovePending(a.proof)
	})
	return pending, err
}
