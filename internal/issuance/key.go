package issuance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"strings"

	"wildcard/internal/fault"
)

// KeyType is a kind of certificate key.
type KeyType string

// The kinds of keys.
const (
	ECDSA256 KeyType = "ecdsa-p256"
	ECDSA384 KeyType = "ecdsa-p384"
	RSA2048  KeyType = "rsa-2048"
	RSA3072  KeyType = "rsa-3072"
	RSA4096  KeyType = "rsa-4096"
)

// ParseKeyType reads a kind of key as wildcard, certbot, lego and acme.sh write it: "ecdsa", "p256", "ec256", "ec-256",
// "secp384r1", "rsa", "rsa2048", "rsa-4096". Errors are CodeUsage.
func ParseKeyType(s string) (KeyType, error) {
	switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) {
	case "ecdsa", "ecdsap256", "p256", "ec256", "ecdsa256", "secp256r1":
		return ECDSA256, nil
	case "ecdsap384", "p384", "ec384", "ecdsa384", "secp384r1":
		return ECDSA384, nil
	case "rsa", "rsa2048", "2048":
		return RSA2048, nil
	case "rsa3072", "3072":
		return RSA3072, nil
	case "rsa4096", "4096":
		return RSA4096, nil
	}
	return "", fault.Errorf(fault.CodeUsage, fault.Usage, "key type %s: must be ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096", fault.Excerpt(s))
}

// GenerateKey makes a key.
func (t KeyType) GenerateKey() (crypto.Signer, error) {
	switch t {
	case ECDSA384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// MarshalKey writes a private key as PEM, PKCS #8.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKey reads a private key from PEM: PKCS #8, PKCS #1 or SEC 1. What stands before it is passed over, as the EC PARAMETERS that
// openssl ecparam -genkey writes, or certificates.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	for block != nil && !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "private key: not PEM")
	}
	var key any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
			"private key: neither PKCS #8, PKCS #1 nor SEC 1") // not the parser's words, which might quote
	}
	return signer, nil
}

// maxCommonName is the longest common name in octets (RFC 5280 appendix A.1, ub-common-name).
const maxCommonName = 64

// newCSR makes a certificate signing request with all names (RFC 8555 §7.4). Where the CA wants a common name it is the
// first name that is short enough for one; elsewhere there is no subject, since a common name is of no use.
func newCSR(key crypto.Signer, names []string, commonName bool) ([]byte, error) {
	request := x509.CertificateRequest{DNSNames: names}
	if commonName {
		for _, name := range names {
			if len(name) <= maxCommonName {
				request.Subject = pkix.Name{CommonName: name}
				break
			}
		}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &request, key)
	if err != nil {
		return nil, fault.Errorf(CodeInternal, fault.Internal, "certificate signing request: %w", err)
	}
	return csr, nil
}
