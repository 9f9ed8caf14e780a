package issuance

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"wildcard/providers"
)

const (
	maxCertificates = 10
	maxChain        = 128 << 10 // bytes; real chains have some 6,000
	clockTolerance  = 10 * time.Minute
)

// Expectation is what a certificate must be.
type Expectation struct {
	Key   crypto.PublicKey
	Names []string // all of them and no others
	Now   time.Time
}

// CheckChain checks what a CA delivered (RFC 8555 §7.4.2): PEM with certificates and nothing else, the certificate first,
// each one signed by the next, for this key, with these names, valid now. Errors are CodeCertificate.
func CheckChain(chain []byte, e Expectation) (*x509.Certificate, error) {
	certificates, err := parseChain(chain)
	if err != nil {
		return nil, err
	}
	leaf := certificates[0]
	key, ok := leaf.PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
	switch {
	case !ok || e.Key == nil || !key.Equal(e.Key):
		return nil, badCertificate("it is for another key")
	case !sameNames(leaf.DNSNames, e.Names) || len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) > 0:
		return nil, badCertificate("its names are %s", printable(strings.Join(leaf.DNSNames, " "), 200))
	case leaf.NotBefore.After(e.Now.Add(clockTolerance)):
		return nil, badCertificate("it is not valid before %s; it is %s now", leaf.NotBefore.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
	case !leaf.NotAfter.After(e.Now):
		return nil, badCertificate("it was valid until %s; it is %s now", leaf.NotAfter.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
	case len(certificates) == 1:
		return nil, badCertificate("its issuer is missing")
	}
	for i, c := range certificates[:len(certificates)-1] {
		if err := c.CheckSignatureFrom(certificates[i+1]); err != nil {
			return nil, badCertificate("its chain breaks after %s: %s", printable(c.Subject.String(), 80), printable(err.Error(), 80))
		}
	}
	return leaf, nil
}

func parseChain(chain []byte) ([]*x509.Certificate, error) {
	if len(chain) > maxChain {
		return nil, badCertificate("%d bytes are more than a certificate and its chain have", len(chain))
	}
	var certificates []*x509.Certificate
	rest := chain
	for len(bytes.TrimSpace(rest)) > 0 {
		if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("-----BEGIN CERTIFICATE-----")) {
			return nil, badCertificate("it is not PEM with certificates alone: %s", printable(string(rest[:min(len(rest), 200)]), 80))
		}
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, badCertificate("it is not PEM with certificates alone")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, badCertificate("%s", printable(err.Error(), 120))
		}
		if certificates = append(certificates, c); len(certificates) > maxCertificates {
			return nil, badCertificate("more than %d certificates", maxCertificates)
		}
	}
	if len(certificates) == 0 {
		return nil, badCertificate("it is empty")
	}
	return certificates, nil
}

func badCertificate(format string, args ...any) error {
	return providers.Errorf(CodeCertificate, providers.Failed, "acme: certificate: "+format, args...)
}

// topIs reports whether a chain leads up to the wanted name: the issuer of its last certificate has it as common name, or
// any certificate of the chain is issued by it (certbot/crypto_util.py, find_chain_with_issuer).
func topIs(chain []byte, want string) bool {
	certificates, err := parseChain(chain)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(certificates, func(c *x509.Certificate) bool { return c.Issuer.CommonName == want })
}
