package acmetest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// certificate is one that was issued.
type certificate struct {
	serial  string // hexadecimal
	leaf    *x509.Certificate
	names   []string // of the order
	account *account
	order   *OrderState
	chains  [][]byte // PEM, the default first
	revoked bool
}

// backdated is by how much a certificate is older than it is, so that clocks that lag take it; less of lives that no CA gives.
const backdated = time.Hour

// issueFor makes the certificate of an order.
func (s *Server) issueFor(o *OrderState) error {
	p, _ := profile(o.Profile)
	d := s.options.Deviations
	names := o.Names
	if d.AddsNames != nil {
		names = d.AddsNames(slices.Clone(names))
	}
	signer, above, err := s.hierarchy.chainFor(o.CSR.PublicKey)
	if d.ChainOfOne {
		signer = s.hierarchy.x1
	}
	if err != nil {
		return err
	}
	leaf, err := s.leaf(signer, o.CSR.PublicKey, names, p, nil)
	if err != nil {
		return err
	}
	c := &certificate{serial: fmt.Sprintf("%036x", leaf.SerialNumber), leaf: leaf, names: o.Names, account: o.account,
		order: o}
	whole := append([]*x509.Certificate{leaf, signer.certificate}, above...)
	switch {
	case d.ChainOfOne:
		c.chains = [][]byte{s.joined(leaf)}
	case d.ShortChain:
		c.chains = [][]byte{s.joined(whole[:2]...)}
	case d.RootIncluded:
		c.chains = [][]byte{s.joined(append(whole, s.hierarchy.x1.certificate)...)}
	default:
		for n := len(whole); n >= 2; n-- {
			c.chains = append(c.chains, s.joined(whole[:n]...))
		}
	}
	s.countCertificate(o.Names, o.exempt)
	s.certificates = append(s.certificates, c)
	o.Chain, o.serial = c.chains[0], c.serial
	return nil
}

// joined is a chain as Boulder sends it: an empty line before each certificate but the first.
func (s *Server) joined(chain ...*x509.Certificate) []byte {
	var parts [][]byte
	for _, c := range chain {
		text := pemOf(c)
		if s.options.Deviations.TextBeforePEM {
			text = append([]byte("subject="+c.Subject.String()+"\nissuer="+c.Issuer.String()+"\n"), text...)
		}
		parts = append(parts, text)
	}
	return bytes.Join(parts, []byte("\n"))
}

// leaf signs a certificate; change may spoil it.
func (s *Server) leaf(signer issuer, key crypto.PublicKey, names []string, p Profile,
	change func(*x509.Certificate)) (*x509.Certificate, error) {
	validity := s.options.Validity
	if validity == 0 {
		validity = p.Validity
	}
	begins := s.options.Now().Add(-min(backdated, validity/100)).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: newSerial(), DNSNames: names,
		NotBefore: begins, NotAfter: begins.Add(validity - time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if !p.NoCommonNames && len(names) > 0 && len(names[0]) <= 64 {
		template.Subject.CommonName = names[0]
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, key, signer.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Issue makes a certificate for any key and names, as PEM without its issuer ([Server.ChainPEM]); change may spoil it. The CA does
// not know it afterwards.
func (s *Server) Issue(key crypto.PublicKey, names []string, change func(*x509.Certificate)) ([]byte, error) {
	p, _ := profile("")
	c, err := s.leaf(s.hierarchy.intermediate, key, names, p, change)
	if err != nil {
		return nil, err
	}
	return pemOf(c), nil
}

// bySerial is a certificate; nil if there is none.
func (s *Server) bySerial(serial string) *certificate {
	i := slices.IndexFunc(s.certificates, func(c *certificate) bool { return strings.EqualFold(c.serial, serial) })
	if i < 0 {
		return nil
	}
	return s.certificates[i]
}

// getCertificate sends a chain: SERIAL the default one, SERIAL/N another (RFC 8555 §7.4.2).
func (s *Server) getCertificate(by *account, rest []string) *Reply {
	c := s.bySerial(rest[0])
	n := 0
	if len(rest) > 1 {
		if _, err := fmt.Sscanf(rest[1], "%d", &n); err != nil || n < 0 {
			return Problem(http.StatusBadRequest, "malformed", "Chain ID must be a non-negative integer")
		}
	}
	switch {
	case c == nil || c.order.Status == "processing":
		return Problem(http.StatusNotFound, "malformed", "Certificate not found")
	case c.account != by:
		return Problem(http.StatusForbidden, "unauthorized", "Account in use did not issue specified certificate")
	case n >= len(c.chains):
		return Problem(http.StatusNotFound, "malformed", "Unknown issuance chain")
	}
	chain := c.chains[n]
	if n == 0 {
		chain = c.order.Chain
	}
	r := Text(http.StatusOK, "application/pem-certificate-chain", string(chain))
	for i := range c.chains {
		if i != n {
			r.Header.Add("Link", "<"+s.url(Certificate, c.serial, i)+`>;rel="alternate"`)
		}
	}
	return r
}
