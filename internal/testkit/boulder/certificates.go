package boulder

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority can sign certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// pki writes certificates and keys into a folder.
type pki struct {
	dir   string
	inner authority // signs what the services show each other
}

// caTemplate is a CA's certificate.
func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{Country: []string{"JP"}, Organization: []string{"wildcard's tests"},
			CommonName: name},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(3 * 365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

// root is a CA that signs itself.
func root(name string, key crypto.Signer) (authority, error) {
	template := caTemplate(name)
	template.ExtKeyUsage = nil
	return sign(template, authority{template, key}, key)
}

// sign makes a certificate for a key.
func sign(template *x509.Certificate, by authority, key crypto.Signer) (authority, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return authority{}, err
	}
	copied := *template
	copied.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, &copied, by.cert, key.Public(), by.key)
	if err != nil {
		return authority{}, fmt.Errorf("sign %s: %w", template.Subject.CommonName, err)
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

func newPKI(dir string) (*pki, error) {
	p := &pki{dir: dir}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if p.inner, err = root("inner CA", key); err != nil {
		return nil, err
	}
	return p, p.write("inner", p.inner)
}

// service makes the certificate NAME.pem and key NAME.key of a service, which is client and server at once.
func (p *pki) service(name string, names []string, ips ...net.IP) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf, err := sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		DNSNames:    names,
		IPAddresses: ips,
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(30 * 24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, p.inner, key)
	if err != nil {
		return err
	}
	return p.write(name, leaf)
}

// cert and key are the paths of what [pki.service] and [pki.issuers] wrote.
func (p *pki) cert(name string) string { return filepath.Join(p.dir, name+".pem") }
func (p *pki) key(name string) string  { return filepath.Join(p.dir, name+".key") }

func (p *pki) write(name string, a authority) error {
	if err := os.WriteFile(p.cert(name), encode("CERTIFICATE", a.cert.Raw), 0o600); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	return os.WriteFile(p.key(name), encode("PRIVATE KEY", der), 0o600)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Names of the certificates that issue, and of those above them. "by" are further certificates of the same key.
const (
	oldest     = "root-x1"       // RSA, signs itself
	older      = "root-x2"       // ECDSA, signs itself
	olderBy    = "root-x2-by-x1" // and by the oldest
	rootE      = "root-ye"
	rootEBy    = "root-ye-by-x2"
	rootR      = "root-yr"
	rootRBy    = "root-yr-by-x1"
	issuerE    = "ye1"
	issuerR    = "yr1"
	issuerBits = 2048
)

// chains are what clients are offered, the default of each issuer first: as Let's Encrypt's since 2026, every alternate ends
// earlier (https://letsencrypt.org/certificates/). The last of each is not sent.
func chains() [][]string {
	return [][]string{
		{issuerE, rootEBy, olderBy, oldest},
		{issuerE, rootEBy, older},
		{issuerE, rootE},
		{issuerR, rootRBy, oldest},
		{issuerR, rootR},
	}
}

// issuers makes the CA's own certificates.
func (p *pki) issuers() error {
	keys := map[string]crypto.Signer{}
	for _, name := range []string{older, rootE, issuerE} {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return err
		}
		keys[name] = key
	}
	for _, name := range []string{oldest, rootR, issuerR} {
		key, err := rsa.GenerateKey(rand.Reader, issuerBits)
		if err != nil {
			return err
		}
		keys[name] = key
	}
	made := map[string]authority{}
	for _, step := range []struct{ file, name, by string }{
		{oldest, oldest, oldest}, {older, older, older}, {olderBy, older, oldest},
		{rootE, rootE, rootE}, {rootEBy, rootE, older}, {rootR, rootR, rootR}, {rootRBy, rootR, oldest},
		{issuerE, issuerE, rootE}, {issuerR, issuerR, rootR},
	} {
		var a authority
		var err error
		if step.name == step.by {
			a, err = root(step.name, keys[step.name])
		} else {
			a, err = sign(caTemplate(step.name), made[step.by], keys[step.name])
		}
		if err != nil {
			return err
		}
		made[step.file] = a
		if err := p.write(step.file, a); err != nil {
			return err
		}
	}
	return nil
}
