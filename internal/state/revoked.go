package state

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"wildcard/internal/system/atomicfile"
)

const (
	revokedFile = "revoked.jsonl"
	mostRevoked = 4 << 20
)

// Revocation is that a certificate was revoked from this machine.
type Revocation struct {
	Issuer   string    `json:"issuer"` // its distinguished name in DER, hexadecimal; with the serial number it is one certificate (RFC 5280 §4.1.2.2)
	Serial   string    `json:"serial"` // hexadecimal
	Time     time.Time `json:"time"`
	NotAfter time.Time `json:"not_after"`        // the certificate's end
	ByKey    bool      `json:"by_key,omitempty"` // by the key itself, which the CA trusts no more
}

// AddRevoked keeps that a certificate was revoked. Of one that was revoked before, the first time stays.
func (s *State) AddRevoked(leaf *x509.Certificate, now time.Time, byKey bool) error {
	unlock, err := s.exclusive()
	if err != nil {
		return err
	}
	defer unlock()
	all, err := s.revocations()
	if err != nil {
		return err
	}
	added := Revocation{Issuer: hex.EncodeToString(leaf.RawIssuer), Serial: leaf.SerialNumber.Text(16),
		Time: now.UTC().Truncate(time.Second), NotAfter: leaf.NotAfter.UTC(), ByKey: byKey}
	var text []byte
	for _, r := range all {
		switch {
		case r.isOf(leaf):
			added.Time, added.ByKey = r.Time, r.ByKey || byKey
			continue
		case now.After(r.NotAfter):
			continue
		}
		if text, err = appendSealed(text, r); err != nil {
			return err
		}
	}
	if text, err = appendSealed(text, added); err != nil {
		return err
	}
	if err := s.save(s.path(revokedFile), text); err != nil {
		return failed("%w", err)
	}
	return nil
}

// Revoked reports whether a certificate was revoked from this machine. A nil State knows of none.
func (s *State) Revoked(leaf *x509.Certificate) (Revocation, bool, error) {
	if s == nil || leaf == nil {
		return Revocation{}, false, nil
	}
	all, err := s.revocations()
	if err != nil {
		return Revocation{}, false, err
	}
	for _, r := range all {
		if r.isOf(leaf) {
			return r, true, nil
		}
	}
	return Revocation{}, false, nil
}

// AnyRevoked reports whether any certificate was revoked from this machine that has not expired long since. A nil State knows of
// none.
func (s *State) AnyRevoked() (bool, error) {
	if s == nil {
		return false, nil
	}
	all, err := s.revocations()
	return len(all) > 0, err
}

func (r Revocation) isOf(leaf *x509.Certificate) bool {
	return r.Serial == leaf.SerialNumber.Text(16) && r.Issuer == hex.EncodeToString(leaf.RawIssuer)
}

// revocations reads them. A damaged line is reported to the log and passed over; the others count.
func (s *State) revocations() ([]Revocation, error) {
	text, _, err := atomicfile.Read(s.path(revokedFile), mostRevoked)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, failed("%w", err)
	}
	var all []Revocation
	bad := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var r Revocation
		if sealed, ok := unseal(line); !ok || json.Unmarshal(sealed, &r) != nil {
			bad++
			continue
		}
		all = append(all, r)
	}
	if bad > 0 {
		s.log.Warn("state: lines of the revoked certificates are damaged and skipped", "file", s.path(revokedFile),
			"lines", bad)
	}
	return all, nil
}

func appendSealed(text []byte, r Revocation) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, failed("%w", err)
	}
	return append(text, seal(line)...), nil
}
