package issuance

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	maxCertificates = 10
	maxChain        = 128 << 10 // bytes; real chains have some 6,000
	clockTolerance  = 10 * time.Minute
)

// Expectation is what a certificate must be.
type Expectation struct {
	Key   crypto.PublicKey
	Names []string // all of them; what a CA may add to them, see [NamesFit]
	Now   time.Time
	Roots *x509.CertPool // where the issuer of a certificate that comes alone is looked for; nil is nowhere
	Alone bool           // a certificate may come without its issuer
}

// Delivered is what a CA delivered and was found good.
type Delivered struct {
	Chain []byte // PEM: the certificate, then its issuers, each one the issuer of that before
	Leaf  *x509.Certificate
	Notes []messages.Message // what was otherwise than asked for
}

// RefusedCertificate is a certificate that the CA issued for our key and that is not what was asked for. It is inside of
// errors of CodeCertificate: since it was issued, it counts, and another order may bring another one like it.
type RefusedCertificate struct {
	Chain  []byte // as it was delivered
	Reason string
	Passes bool // what is wrong is around the certificate, its chain or the clock, and may not be when it is fetched again
}

func (r *RefusedCertificate) Error() string { return r.Reason }

// CheckChain checks what a CA delivered (RFC 8555 §7.4.2): PEM with certificates, the certificate first, for this key, with
// these names, valid now; and reduces it to one path of issuers. Text between the blocks, a certificate that comes twice,
// and a root behind an issuer of its own are left out. Errors are CodeCertificate; with a [RefusedCertificate] inside if the
// certificate is ours.
func CheckChain(chain []byte, e Expectation) (Delivered, error) {
	certificates, err := parseChain(chain)
	if err != nil {
		return Delivered{}, err
	}
	leaf := certificates[0]
	key, ok := leaf.PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
	if !ok || e.Key == nil || !key.Equal(e.Key) {
		return Delivered{}, badCertificate("it is for another key")
	}
	refuse := func(format string, args ...any) (Delivered, error) {
		refused := &RefusedCertificate{Chain: chain, Reason: fmt.Sprintf(format, args...)}
		return Delivered{}, fault.Errorf(CodeCertificate, fault.Failed, "acme: certificate: %w", refused)
	}
	refuseForNow := func(format string, args ...any) (Delivered, error) {
		refused := &RefusedCertificate{Chain: chain, Reason: fmt.Sprintf(format, args...), Passes: true}
		return Delivered{}, fault.Errorf(CodeCertificate, fault.Failed, "acme: certificate: %w", refused)
	}
	d := Delivered{Leaf: leaf}
	missing, added := difference(leaf.DNSNames, e.Names)
	switch {
	case len(missing) > 0:
		return refuse("its names are %s: %s is missing", listed(leaf.DNSNames), listed(missing))
	case !NamesFit(leaf.DNSNames, e.Names):
		return refuse("its names are %s: %s was not asked for", listed(leaf.DNSNames), listed(added))
	case len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) > 0:
		return refuse("its names are %s, and there are others than DNS names", listed(leaf.DNSNames))
	case leaf.NotBefore.After(e.Now.Add(clockTolerance)):
		return refuseForNow("it is not valid before %s; it is %s now", leaf.NotBefore.UTC().Format(time.RFC3339),
			e.Now.UTC().Format(time.RFC3339))
	case !leaf.NotAfter.After(e.Now):
		return refuseForNow("it was valid until %s; it is %s now", leaf.NotAfter.UTC().Format(time.RFC3339),
			e.Now.UTC().Format(time.RFC3339))
	}
	for _, name := range added {
		d.Notes = append(d.Notes, messages.New("the CA put %s on the certificate, too", printable(name, 100)))
	}
	path, broken := pathOf(certificates)
	if len(path) == 1 && broken == nil {
		if issuer := issuerIn(e.Roots, leaf, e.Now); issuer != nil {
			path = append(path, issuer)
			d.Notes = append(d.Notes, messages.New("the CA sent the certificate without its issuer, which --ca-bundle has"))
		}
	}
	switch {
	case broken != nil:
		return refuseForNow("its chain breaks after %s", printable(broken.Subject.String(), 80))
	case len(path) > 1:
	case !e.Alone:
		return refuseForNow("its issuer is missing: the CA's root certificate in the file of --ca-bundle completes it")
	default:
		d.Notes = append(d.Notes, messages.New("the CA sent the certificate without its issuer"))
	}
	for _, c := range path {
		d.Chain = append(d.Chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return d, nil
}

// NamesFit reports whether a certificate with some names may stand for those that were asked for: it has all of them, and no
// others but "www." in front of one, which some CAs add. Names are a set, and case says nothing (RFC 4343).
func NamesFit(got, asked []string) bool {
	missing, added := difference(got, asked)
	for _, name := range added {
		base, www := strings.CutPrefix(name, "www.")
		if !www || strings.HasPrefix(base, "*.") || !slices.Contains(lowered(asked), base) {
			return false
		}
	}
	return len(missing) == 0
}

// difference is what is asked for and not there, and what is there and was not asked for, in lower case and sorted.
func difference(got, asked []string) (missing, added []string) {
	got, asked = lowered(got), lowered(asked)
	for _, name := range asked {
		if !slices.Contains(got, name) {
			missing = append(missing, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(asked, name) {
			added = append(added, name)
		}
	}
	return missing, added
}

// lowered is a list of names as a set: in lower case, sorted, each once.
func lowered(names []string) []string {
	set := make([]string, 0, len(names))
	for _, name := range names {
		set = append(set, strings.ToLower(name))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

func listed(names []string) string { return printable(strings.Join(names, " "), 200) }

// parseChain reads certificates from PEM, with any text around the blocks (RFC 7468 §2). What is cut off, or is something
// else than a certificate, is refused.
func parseChain(chain []byte) ([]*x509.Certificate, error) {
	if len(chain) > maxChain {
		return nil, badCertificate("%d bytes are more than a certificate and its chain have", len(chain))
	}
	begins := bytes.Count(chain, []byte("-----BEGIN"))
	if begins > maxCertificates {
		return nil, badCertificate("more than %d certificates", maxCertificates)
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, badCertificate("it is not PEM with certificates alone")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, badCertificate("%s", printable(err.Error(), 120))
		}
		certificates = append(certificates, c)
	}
	switch {
	case begins == 0 && len(bytes.TrimSpace(chain)) == 0:
		return nil, badCertificate("it is empty")
	case begins == 0:
		return nil, badCertificate("it is not PEM with certificates: %s", printable(string(chain[:min(len(chain), 200)]), 80))
	case len(certificates) != begins:
		return nil, badCertificate("it is not PEM with certificates alone, or is cut off")
	}
	return certificates, nil
}

// pathOf is the path from the first certificate up, each one signed by the next. A root is left out where another issuer
// stands before it. broken is where the path ends although there are certificates left that have no place beside it.
func pathOf(all []*x509.Certificate) (path []*x509.Certificate, broken *x509.Certificate) {
	path = all[:1:1]
	rest := slices.Clone(all[1:])
	for {
		last := path[len(path)-1]
		rest = slices.DeleteFunc(rest, last.Equal)
		i := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return issuedBy(last, c) })
		if i < 0 || issuedBy(last, last) {
			break
		}
		path = append(path, rest[i])
	}
	last := path[len(path)-1]
	for _, c := range rest {
		if !slices.ContainsFunc(path, func(p *x509.Certificate) bool { return sameIssuer(p, c) }) {
			return path, last
		}
	}
	if len(path) > 2 && issuedBy(last, last) {
		path = path[:len(path)-1]
	}
	return path, nil
}

// issuedBy reports whether a certificate is the issuer of another (RFC 5280 §6.1).
func issuedBy(c, issuer *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, issuer.RawSubject) && c.CheckSignatureFrom(issuer) == nil
}

// sameIssuer reports whether two certificates are for one name and key, as cross-signed ones are.
func sameIssuer(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// issuerIn finds the certificate among some roots that signed another; nil if there is none.
func issuerIn(roots *x509.CertPool, leaf *x509.Certificate, now time.Time) *x509.Certificate {
	if roots == nil {
		return nil
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil || len(chains[0]) != 2 {
		return nil
	}
	return chains[0][1]
}

func badCertificate(format string, args ...any) error {
	return fault.Errorf(CodeCertificate, fault.Failed, "acme: certificate: "+format, args...)
}

// topIs reports whether a chain leads up to the wanted name: the issuer of its last certificate has it as common name
// (certbot/crypto_util.py, find_chain_with_issuer). Let's Encrypt's other chains are the beginning of its default one, so
// what is issued by the wanted name in the middle of a chain says nothing of where it ends.
func topIs(chain []byte, want string) bool {
	certificates, err := parseChain(chain)
	return err == nil && certificates[len(certificates)-1].Issuer.CommonName == want
}
