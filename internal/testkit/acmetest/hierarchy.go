package acmetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"time"
)

// issuer is a certificate that signs others, with its key.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// hierarchy is made as Let's Encrypt's Generation Y (letsencrypt.org/certificates, 2026-07): a certificate for an ECDSA key, its
// issuer, Root YE signed by Root X2, and Root X2 signed by Root X1: four certificates, and every alternate is the default chain
// without its end. One for an RSA key has three: its issuer, and Root YR signed by Root X1.
type hierarchy struct {
	x1, x2, ye   issuer // self-signed
	intermediate issuer
	above        []*x509.Certificate // the intermediate's chain
	rsa          func() (issuer, []*x509.Certificate, error)
}

func newHierarchy() (*hierarchy, error) {
	h := &hierarchy{}
	var err error
	made := func(name string, parent issuer) (i issuer) {
		if err == nil {
			i, err = newIssuer(name, parent, nil)
		}
		return i
	}
	h.x1 = made("acmetest Root X1", issuer{})
	h.x2 = made("acmetest Root X2", issuer{})
	h.ye = made("acmetest Root YE", issuer{})
	h.intermediate = made("acmetest YE1", h.ye)
	if err != nil {
		return nil, err
	}
	for _, cross := range []struct{ of, by issuer }{{h.ye, h.x2}, {h.x2, h.x1}} {
		signed, err := newIssuer(cross.of.certificate.Subject.CommonName, cross.by, cross.of.key)
		if err != nil {
			return nil, err
		}
		h.above = append(h.above, signed.certificate)
	}
	var once sync.Once
	var intermediate issuer
	var above []*x509.Certificate
	h.rsa = func() (issuer, []*x509.Certificate, error) {
		once.Do(func() { intermediate, above, err = h.rsaBranch() })
		return intermediate, above, err
	}
	return h, nil
}

// rsaBranch is made when it is first wanted, as its keys cost time.
func (h *hierarchy) rsaBranch() (intermediate issuer, above []*x509.Certificate, err error) {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return intermediate, nil, err
		}
	}
	yr, err := newIssuer("acmetest Root YR", h.x1, keys[0])
	if err != nil {
		return intermediate, nil, err
	}
	intermediate, err = newIssuer("acmetest YR1", yr, keys[1])
	return intermediate, []*x509.Certificate{yr.certificate}, err
}

// newIssuer makes a certificate that may sign others; without a parent it signs itself, without a key it has a new one.
func newIssuer(name string, parent issuer, key crypto.Signer) (i issuer, err error) {
	if i.key = key; key == nil {
		if i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return i, err
		}
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-100 * 365 * day), NotAfter: time.Now().Add(100 * 365 * day),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	signer, above := i.key, template
	if parent.key != nil {
		signer, above = parent.key, parent.certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, i.key.Public(), signer)
	if err != nil {
		return i, err
	}
	i.certificate, err = x509.ParseCertificate(der)
	return i, err
}

// newSerial is 18 random bytes that are positive (boulder ca/ca.go).
func newSerial() *big.Int {
	raw := make([]byte, 18)
	_, _ = rand.Read(raw) // never fails
	raw[0] = raw[0]&0x7f | 1
	return new(big.Int).SetBytes(raw)
}

// chainFor is who signs a certificate for a key, and what follows the issuer.
func (h *hierarchy) chainFor(key crypto.PublicKey) (issuer, []*x509.Certificate, error) {
	if _, is := key.(*rsa.PublicKey); is {
		return h.rsa()
	}
	return h.intermediate, h.above, nil
}

// IssuerPEM is what to trust for the certificates that the CA issues: its roots.
func (s *Server) IssuerPEM() []byte {
	return pemOf(s.hierarchy.x1.certificate, s.hierarchy.x2.certificate, s.hierarchy.ye.certificate)
}

// ChainPEM is what follows each certificate for an ECDSA key.
func (s *Server) ChainPEM() []byte {
	return s.joined(append([]*x509.Certificate{s.hierarchy.intermediate.certificate}, s.hierarchy.above...)...)
}

// pemOf is certificates one after the other.
func pemOf(certificates ...*x509.Certificate) (text []byte) {
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}
