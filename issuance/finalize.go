package issuance

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/providers"
)

// finalizeTries is how often a CSR is sent to an order that stays ready.
const finalizeTries = 4

// finalize sends the CSR and polls the order until it is valid (RFC 8555 §7.4). What a lost or odd reply left open, the
// order itself tells.
func (r *run) finalize(order acme.ExtendedOrder) (acme.ExtendedOrder, error) {
	if order.Status == acme.StatusValid {
		return order, nil
	}
	csr, err := r.csr()
	if err != nil {
		return order, err
	}
	s := r.session
	url := order.Location
	wait := orDefault(r.Pacing.FirstLook, firstLook)
	next := 2 * wait
	sent := 0
	// An order that was pending has all its authorizations by now.
	for send := order.Status != acme.StatusProcessing; ; send = order.Status == acme.StatusReady {
		if send {
			if sent == finalizeTries {
				return order, providers.Errorf(CodeReply, providers.Failed, "acme: finalize: the order stays ready")
			}
			sent++
			var reply acme.ExtendedOrder
			err := s.attempt("finalize", once, func() (err error) {
				reply, err = s.core.Orders.UpdateForCSR(order.Finalize, csr)
				return err
			})
			if err == nil && reply.Status == acme.StatusValid && reply.Certificate != "" {
				reply.Location = url
				return reply, nil
			}
			if err := r.final(err); err != nil {
				return order, err
			}
		}
		if err := sleep(s.ctx, wait); err != nil {
			return order, err
		}
		if order, err = r.getOrder(url, lagging); err != nil {
			return order, err
		}
		switch order.Status {
		case acme.StatusValid:
			return order, nil
		case acme.StatusInvalid:
			return order, r.invalid(order)
		case acme.StatusReady, acme.StatusProcessing, acme.StatusPending:
		default:
			return order, providers.Errorf(CodeReply, providers.Failed, "acme: order: status %s", printable(order.Status, 40))
		}
		wait, next = next, min(2*next, slowestPoll)
		if asked := s.transport.seen(url).retryAfter; asked > 0 {
			wait = asked
		}
	}
}

// final returns an error of finalize that no look at the order can mend.
func (r *run) final(err error) error {
	if err == nil {
		return nil
	}
	if r.session.ctx.Err() != nil {
		return context.Cause(r.session.ctx)
	}
	if problem, ok := asProblem(err); ok && problem.Status < 500 && problem.Type != "orderNotReady" && problem.Status != 404 {
		return err
	}
	r.log.Debug("what came of finalize shows in the order", "error", err)
	return nil
}

// invalid is the error of an order that the CA gave up.
func (r *run) invalid(order acme.ExtendedOrder) error {
	problem := &Problem{Detail: "the CA does not say why"}
	if order.Error != nil {
		problem = problemOf(order.Error)
	}
	code, class := problem.class()
	if code == CodeRefused || code == CodeUnauthorized {
		code, class = CodeOrder, providers.Failed
	}
	return providers.Errorf(code, class, "acme: order is invalid: %w", problem)
}

// csr is the request's, or a new one with all names.
func (r *run) csr() ([]byte, error) {
	if r.request.CSR != nil {
		return r.request.CSR, nil
	}
	return newCSR(r.request.Key, r.request.Names, r.CA.facts.CommonName)
}

// download fetches the certificate, checks it, and picks the chain.
func (r *run) download(order acme.ExtendedOrder) error {
	if order.Certificate == "" {
		return providers.Errorf(CodeReply, providers.Failed, "acme: order is valid and names no certificate")
	}
	chain, err := r.getCertificate(order.Certificate, lagging)
	if err != nil {
		return err
	}
	expect := Expectation{
		Key: r.publicKey(), Names: r.request.Names, Now: r.CA.clock(), Roots: r.CA.base.TLSClientConfig.RootCAs, Alone: r.request.Alone,
	}
	delivered, err := CheckChain(chain, expect)
	if err != nil {
		return err
	}
	if want := r.request.PreferredChain; want != "" && !topIs(delivered.Chain, want) {
		alternate, ok := r.alternate(order.Certificate, want, expect)
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
	return r.save(Checkpoint{Order: order.Location, Chain: delivered.Chain})
}

// alternate finds the first good chain with the wanted top among those that the CA links to (RFC 8555 §7.4.2).
func (r *run) alternate(url, want string, expect Expectation) (Delivered, bool) {
	for _, link := range r.session.transport.seen(url).alternates {
		chain, err := r.getCertificate(link, once)
		var delivered Delivered
		if err == nil {
			delivered, err = CheckChain(chain, expect)
		}
		if err != nil {
			r.log.Debug("an alternate chain is of no use", "url", link, "error", err)
			continue
		}
		if topIs(delivered.Chain, want) {
			return delivered, true
		}
	}
	return Delivered{}, false
}

func (r *run) getCertificate(url string, p policy) ([]byte, error) {
	var chain []byte
	err := r.session.attempt("certificate", p, func() (err error) {
		chain, _, err = r.session.core.Certificates.Get(url, true)
		return err
	})
	return chain, err
}

// publicKey is the key that the certificate must be for.
func (r *run) publicKey() any {
	if r.request.CSR == nil {
		return r.request.Key.Public()
	}
	csr, err := x509.ParseCertificateRequest(r.request.CSR)
	if err != nil {
		return nil
	}
	return csr.PublicKey
}

// asProblem finds the CA's refusal in an error.
func asProblem(err error) (*Problem, bool) { return errors.AsType[*Problem](err) }

// maybeReplaces reports whether an order may have been refused for the certificate that it says it replaces (RFC 9773 §5).
// Boulder answers 409 alreadyReplaced, 404 or 400 malformed, and 403 unauthorized (wfe2/wfe.go). An error of the CA's own may
// be one: Pebble does not find one certificate in 256, whose serial begins with a zero in DER.
func (p *Problem) maybeReplaces() bool {
	switch p.Type {
	case "alreadyReplaced", "malformed", "unauthorized", "conflict", "":
		return p.Status >= 400 && p.Status < 500 && p.Status != 429
	case "serverInternal":
		return p.RetryAfter.IsZero()
	}
	return false
}
