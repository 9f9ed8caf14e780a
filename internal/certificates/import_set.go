package certificates

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/foreign"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

// parsedSet is a certificate of another client's with what it belongs to.
type parsedSet struct {
	set  lineage.Set
	leaf *x509.Certificate
	key  crypto.Signer
}

// certificatesOf are those in a PEM text; what is something else is passed over.
func certificatesOf(text []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, cert)
		}
	}
	return all
}

// setOf makes a set of what another client has: the certificate is the one whose key is there, and its chain is what signed it, of its own
// files first and then of all of the client's.
func setOf(c foreign.Certificate, pool []*x509.Certificate) (p parsedSet, err error) {
	if c.Err != nil {
		return p, cannotImport("%w", c.Err)
	}
	if p.key, err = issuance.ParseKey(c.Key); err != nil {
		return p, cannotImport("%w", err)
	}
	own := slices.Concat(certificatesOf(c.Chain), certificatesOf(c.Issuers))
	public, _ := p.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	for _, cert := range own {
		if public != nil && p.leaf == nil && public.Equal(cert.PublicKey) {
			p.leaf = cert
		}
	}
	switch {
	case len(own) == 0:
		return p, cannotImport("there is no certificate in it")
	case p.leaf == nil:
		return p, cannotImport("its key is not that of the certificate")
	case len(p.leaf.IPAddresses) > 0:
		return p, cannotImport("it is for the address %s, which no DNS record can prove (RFC 8738)", p.leaf.IPAddresses[0])
	case len(p.leaf.EmailAddresses)+len(p.leaf.URIs) > 0 || len(p.leaf.DNSNames) == 0:
		return p, cannotImport("it is for other names than those of hosts, which no DNS record can prove")
	}
	chain := chainOf(p.leaf, own, pool)
	if len(chain) == 0 {
		return p, cannotImport("its chain is not complete: the certificate of its issuer, %s, is in none of the files",
			fault.Excerpt(p.leaf.Issuer.String()))
	}
	key, err := issuance.MarshalKey(p.key)
	if err != nil {
		return p, err
	}
	p.set, err = lineage.NewSet(pemOf(append([]*x509.Certificate{p.leaf}, chain...)), key, p.leaf.DNSNames)
	p.set.Ended = true // an ended one is due at once
	return p, err
}

func pemOf(certs []*x509.Certificate) (text []byte) {
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}

// chainOf is what signed a certificate, what signed that, and so on. A root is in it only if the client has it in the certificate's own
// files.
func chainOf(leaf *x509.Certificate, own, pool []*x509.Certificate) (chain []*x509.Certificate) {
	signs := func(issuer, cert *x509.Certificate) bool {
		return bytes.Equal(cert.RawIssuer, issuer.RawSubject) &&
			issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
	}
	for at := leaf; !bytes.Equal(at.RawIssuer, at.RawSubject) && len(chain) < 10; {
		next := slices.IndexFunc(own, func(cert *x509.Certificate) bool { return signs(cert, at) })
		from := own
		if next < 0 {
			from = pool
			next = slices.IndexFunc(pool, func(cert *x509.Certificate) bool {
				return signs(cert, at) && (len(chain) == 0 || !bytes.Equal(cert.RawIssuer, cert.RawSubject))
			})
		}
		if next < 0 {
			break
		}
		at = from[next]
		chain = append(chain, at)
	}
	return chain
}

// poolOf are all certificates of a client's files that may sign others.
func poolOf(found *foreign.Found) (pool []*x509.Certificate) {
	for _, c := range found.Certificates {
		for _, cert := range slices.Concat(certificatesOf(c.Chain), certificatesOf(c.Issuers)) {
			if cert.IsCA {
				pool = append(pool, cert)
			}
		}
	}
	return pool
}

// namesOf are the names of a certificate, in the order that the client gives them if those are the same.
func namesOf(leaf *x509.Certificate, said []string) ([]string, error) {
	names, err := issuance.ParseNames(leaf.DNSNames)
	if err != nil {
		return nil, err
	}
	if asked, err := issuance.ParseNames(said); err == nil {
		switch {
		case sameNames(asked, names):
			return asked, nil
		case len(asked) > 0 && slices.Contains(names, asked[0]): // the first gives the lineage its name
			rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == asked[0] })
			return append(asked[:1:1], rest...), nil
		}
	}
	return names, nil
}

// isForTries reports whether a certificate is of a CA for tries, by its server or by its issuer's name.
func isForTries(server string, leaf *x509.Certificate) bool {
	issuer := leaf.Issuer.String()
	return issuance.IsStaging(server) || strings.Contains(issuer, "(STAGING)") || strings.Contains(issuer, "Fake LE")
}

func cannotImport(format string, args ...any) error {
	return fault.Errorf(CodeImport, fault.Misconfigured, format, args...)
}
