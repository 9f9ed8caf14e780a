package persist

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/net/idna"
)

// Shape is how a record names the account.
type Shape string

// The shapes, by the draft that has them.
const (
	Plain  Shape = "-01" // by its URL
	Hashed Shape = "-02" // by a hash
)

// CA is how a CA reads records.
type CA struct {
	Issuers []string // names that it goes by: normalized, the first one is written
	Prefix  string   // accountHashPrefix; "" is shape Plain
}

// Shape is the one that the CA takes.
func (ca CA) Shape() Shape {
	if ca.Prefix != "" {
		return Hashed
	}
	return Plain
}

// Account is an account at a CA.
type Account struct {
	URI        string
	Thumbprint string // of its key, see [Thumbprint]
}

// Thumbprint is that of an account's key (RFC 7638), as key authorizations have it.
func Thumbprint(key crypto.Signer) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// anyDomain stands for the domain in a hash that serves every domain.
const anyDomain = "*"

// hashed is the accounturi of shape Hashed.
func (ca CA) hashed(a Account, domain string) string {
	sum := sha256.Sum256(append([]byte{byte(len(domain))}, domain+a.Thumbprint+a.URI...))
	return ca.Prefix + "sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// accounts are the values of accounturi that stand for an account, the one to write first.
func (ca CA) accounts(a Account, domain string) []string {
	if ca.Shape() == Plain {
		return []string{a.URI}
	}
	return []string{ca.hashed(a, domain), ca.hashed(a, anyDomain)}
}

// Make is the record that lets an account prove a domain; until may be zero. The CA must have an issuer.
func (ca CA) Make(a Account, domain string, wildcard bool, until time.Time) Record {
	return Record{Issuer: ca.Issuers[0], Account: ca.accounts(a, domain)[0], Wildcard: wildcard, Until: until,
		limited: !until.IsZero()}
}

// Verdict is what a record is to an account and a name.
type Verdict string

// The verdicts, from the best to the least.
const (
	Fits         Verdict = "fits"
	Ended        Verdict = "ended"         // persistUntil is over
	NoWildcard   Verdict = "no-wildcard"   // it has no policy=wildcard, which the name needs
	OtherShape   Verdict = "other-shape"   // the account's, as the CA took it before
	OtherAccount Verdict = "other-account" // of the same CA
	Malformed    Verdict = "malformed"     // it names the CA, and some CA refuses it as it is written
	OtherCA      Verdict = "other-ca"
)

func rank(v Verdict) int {
	return slices.Index([]Verdict{Fits, Ended, NoWildcard, OtherShape, OtherAccount, Malformed, OtherCA}, v)
}

// Question is for whom and what a record is to hold.
type Question struct {
	CA       CA
	Account  Account
	Domain   string // without "*."
	Wildcard bool
	At       time.Time
}

// Judge says what one TXT record is to the question, and why where it is malformed.
func (q Question) Judge(text string) (Record, Verdict, error) {
	r, err := Parse(text)
	issuer, normalErr := Normal(r.Issuer)
	switch {
	case normalErr != nil || !slices.Contains(q.CA.Issuers, issuer):
		return r, OtherCA, nil
	case err != nil:
		return r, Malformed, err
	case issuer != r.Issuer: // Pebble compares octets
		return r, Malformed, fmt.Errorf("the issuer is to be written %s", issuer)
	case q.CA.Shape() == Hashed && r.Account == q.Account.URI:
		return r, OtherShape, nil
	case q.CA.Shape() == Hashed && !strings.HasPrefix(r.Account, q.CA.Prefix):
		return r, OtherAccount, nil // malformed to the draft; of an account in the older shape, most likely
	case !slices.Contains(q.CA.accounts(q.Account, q.Domain), r.Account):
		return r, OtherAccount, nil
	case q.Wildcard && !r.Wildcard:
		return r, NoWildcard, nil
	case r.Ended(q.At):
		return r, Ended, nil
	}
	return r, Fits, nil
}

// Finding is what a record is to a question.
type Finding struct {
	Text    string
	Record  Record
	Verdict Verdict
	Why     error // of Malformed
}

// Best is what the best of several records is: any one that fits is enough. ok is false if there is none.
func (q Question) Best(texts []string) (best Finding, ok bool) {
	for _, text := range texts {
		r, v, err := q.Judge(text)
		f := Finding{text, r, v, err}
		if !ok || rank(v) < rank(best.Verdict) || v == best.Verdict && later(r, best.Record) {
			best, ok = f, true
		}
	}
	return best, ok
}

// later reports whether a record holds for longer than another.
func later(a, b Record) bool {
	switch {
	case !b.limited:
		return false
	case !a.limited:
		return true
	}
	return a.Until.After(b.Until)
}

// Normal is an issuer's name as it is written: lower case, A-labels, without a dot at the end, at most 253 octets.
func Normal(issuer string) (string, error) {
	name, err := idna.Lookup.ToASCII(strings.ToLower(issuer))
	if err != nil {
		return "", fmt.Errorf("the issuer is no domain name: %w", err)
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return "", fmt.Errorf("the issuer is no domain name: it has %d octets", len(name))
	}
	return name, nil
}
