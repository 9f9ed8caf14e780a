package issuance

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"iter"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/fault"
)

// downloading fetches the certificate of a run's order.
type downloading struct{ run *run }

// download fetches the certificate, checks it, and picks the chain.
func (d downloading) download(order acme.ExtendedOrder) error {
	r := d.run
	if order.Certificate == "" {
		return fault.Errorf(CodeReply, fault.Failed, "acme: order is valid and names no certificate")
	}
	chain, err := r.session.getCertificate(order.Certificate, lagging)
	if err != nil {
		return err
	}
	expect := Expectation{
		Key: r.request.publicKey(), Names: r.request.Names, Now: r.CA.clock(), Roots: r.CA.base.TLSClientConfig.RootCAs,
		Alone: r.request.Alone,
	}
	delivered, err := CheckChain(chain, expect)
	if err != nil && forAnotherKey(chain, expect.Key) {
		return &otherKey{err}
	}
	if err != nil {
		return err
	}
	if want := r.request.PreferredChain; want != "" && !topIs(delivered.Chain, want) {
		alternate, ok := d.alternate(order.Certificate, want, expect)
		if !ok {
			r.note(StepDownload, "the CA offers no chain up to %s: its default chain is taken", printable(want, 80))
		} else {
			delivered = alternate
		}
	}
	for _, text := range delivered.Notes {
		r.warn(StepDownload, text)
	}
	r.result.Chain, r.result.Leaf = delivered.Chain, delivered.Leaf
	if r.request.Alternates {
		for chain := range d.alternates(order.Certificate, expect) {
			r.result.Alternates = append(r.result.Alternates, chain.Chain)
		}
	}
	return r.save(Checkpoint{Order: order.Location, Chain: delivered.Chain})
}

// otherKey is an order whose certificate is for another key than ours. CAs give an order of the same names back while it is
// of use, so two runs with two keys may have one and the same, and one of them finalizes it (boulder, ra.go NewOrder).
type otherKey struct{ err error }

func (e *otherKey) Error() string { return e.err.Error() }
func (e *otherKey) Unwrap() error { return e.err }

// forAnotherKey reports whether the first certificate of a chain is good for another key alone.
func forAnotherKey(chain []byte, key crypto.PublicKey) bool {
	block, _ := pem.Decode(chain)
	if block == nil || key == nil {
		return false
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	has, ok := leaf.PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && !leaf.IsCA && !has.Equal(key)
}

// alternate finds the first good chain with the wanted top among those that the CA links to.
func (d downloading) alternate(url, want string, expect Expectation) (Delivered, bool) {
	for delivered := range d.alternates(url, expect) {
		if topIs(delivered.Chain, want) {
			return delivered, true
		}
	}
	return Delivered{}, false
}

// alternates fetches the good chains among those that the CA links to (RFC 8555 §7.4.2).
func (d downloading) alternates(url string, expect Expectation) iter.Seq[Delivered] {
	return func(yield func(Delivered) bool) {
		for _, link := range d.run.session.transport.seen(url).alternates {
			chain, err := d.run.session.getCertificate(link, once)
			var delivered Delivered
			if err == nil {
				delivered, err = CheckChain(chain, expect)
			}
			if err != nil {
				d.run.log.Debug("an alternate chain is of no use", "url", link, "error", err)
				continue
			}
			if !yield(delivered) {
				return
			}
		}
	}
}

func (s *session) getCertificate(url string, p policy) ([]byte, error) {
	var chain []byte
	err := s.attempt("certificate", p, func() (err error) {
		chain, _, err = s.core.Certificates.Get(url, true)
		return err
	})
	return chain, err
}
