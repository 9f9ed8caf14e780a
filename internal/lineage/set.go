package lineage

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
)

// Set is one certificate with all that belongs to it, as PEM.
type Set struct {
	Key   []byte   // private key, PKCS #8; nil in [Lineage.Renew] keeps the key that is live (--reuse-key)
	Cert  []byte   // the certificate alone
	Chain []byte   // its issuers, nearest first
	Names []string // names that the certificate must have, all and no others; nil is not checked
	Ended bool     // it may have ended: another client's, as it is
}

// NewSet takes apart what a CA delivers: the certificate followed by its chain. As in certbot, a certificate without issuers
// is refused, and text between the blocks is dropped (certbot/crypto_util.py, cert_and_chain_from_fullchain). Errors are
// CodeBadSet.
func NewSet(fullchain, key []byte, names []string) (Set, error) {
	set := Set{Key: key, Names: names}
	for block, rest := pem.Decode(fullchain); block != nil; block, rest = pem.Decode(rest) {
		text := pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})
		if set.Cert == nil {
			set.Cert = text
		} else {
			set.Chain = append(set.Chain, text...)
		}
	}
	if _, err := set.parse(); err != nil {
		return Set{}, badSet(err)
	}
	return set, nil
}

func badSet(err error) error {
	return fault.Errorf(CodeBadSet, fault.Failed, "lineage: certificate: %w", err)
}

// Fullchain returns the certificate and its chain, what most servers want.
func (s Set) Fullchain() []byte { return slices.Concat(s.Cert, s.Chain) }

// parse checks that the parts make a set: PEM throughout, each certificate signed by the next (certbot checks the first link,
// crypto_util.py, verify_renewable_cert_sig), and the key the certificate's own.
func (s Set) parse() (*x509.Certificate, error) {
	leaf, err := parseCerts(s.Cert)
	if err != nil {
		return nil, err
	}
	chain, err := parseCerts(s.Chain)
	switch {
	case err != nil:
		return nil, fmt.Errorf("chain: %w", err)
	case len(leaf) != 1:
		return nil, fmt.Errorf("%d certificates where one should be", len(leaf))
	}
	for i, cert := range append(leaf, chain[:len(chain)-1]...) {
		issuer := chain[i]
		if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
			return nil, fmt.Errorf("chain: certificate %d is not the issuer of the one before", i+1)
		}
		if err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			return nil, fmt.Errorf("chain: certificate %d did not sign the one before: %w", i+1, err)
		}
	}
	if _, err := tls.X509KeyPair(s.Cert, s.Key); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return leaf[0], nil
}

// check is what a set must pass before it gets a number: as parse, with the names asked for and not yet at its end.
func (s Set) check(now time.Time) error {
	leaf, err := s.parse()
	if err != nil {
		return badSet(err)
	}
	if s.Names != nil && !slices.Equal(sorted(s.Names), sorted(leaf.DNSNames)) {
		return badSet(fmt.Errorf("it has the names %s, not %s", strings.Join(leaf.DNSNames, " "), strings.Join(s.Names, " ")))
	}
	if !leaf.NotAfter.After(leaf.NotBefore) || !s.Ended && !leaf.NotAfter.After(now) {
		return badSet(fmt.Errorf("it is valid from %s to %s and now is %s: is the clock right?",
			leaf.NotBefore.Format(time.RFC3339),
			leaf.NotAfter.Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	return nil
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parseCerts reads certificates and nothing else.
func parseCerts(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("it is not PEM, or PEM of something else") // which may be a key: never quoted
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs, text = append(certs, cert), rest
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("no certificate")
	}
	return certs, nil
}
