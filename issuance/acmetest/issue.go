package acmetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

func (s *Server) makeIssuers() error {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if s.signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	if s.root, err = newIssuer("acmetest root", rootKey.Public(), nil, rootKey); err != nil {
		return err
	}
	if s.intermediate, err = newIssuer("acmetest intermediate", s.signer.Public(), s.root, rootKey); err != nil {
		return err
	}
	s.issuerPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.intermediate.Raw})
	return nil
}

func newIssuer(name string, public crypto.PublicKey, parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-100 * 365 * 24 * time.Hour), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Issue makes a certificate for any key and names, as PEM without its issuer ([Server.ChainPEM]); change may spoil it.
func (s *Server) Issue(key crypto.PublicKey, names []string, change func(*x509.Certificate)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issueLeaf(key, names, change)
}

// ChainPEM is the intermediate certificate that follows each of the CA's.
func (s *Server) ChainPEM() []byte { return append([]byte(nil), s.issuerPEM...) }

func (s *Server) issue(key crypto.PublicKey, names []string, change func(*x509.Certificate)) ([]byte, error) {
	leaf, err := s.issueLeaf(key, names, change)
	return append(leaf, s.issuerPEM...), err
}

func (s *Server) issueLeaf(key crypto.PublicKey, names []string, change func(*x509.Certificate)) ([]byte, error) {
	s.serial++
	template := &x509.Certificate{
		SerialNumber: new(big.Int).Add(big.NewInt(1<<40), big.NewInt(s.serial)), DNSNames: names,
		NotBefore: s.options.Now().Add(-time.Minute), NotAfter: s.options.Now().Add(s.options.Validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.intermediate, key, s.signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
