package acmeserver

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

const revokeLimit = 25 * time.Second // clients wait for 30 s and more

// revoke has the CA revoke a certificate that was issued here (RFC 8555 §7.6), for the client that it was issued to, or for who has its
// key.
func (s *Server) revoke(c *call) (*reply, *Problem) {
	var asked struct {
		Certificate string `json:"certificate"`
		Reason      *uint  `json:"reason"`
	}
	if problem := decode(c.payload, &asked); problem != nil {
		return nil, problem
	}
	der, err := base64.RawURLEncoding.DecodeString(asked.Certificate)
	if err != nil {
		return nil, malformed("the certificate is no base64url without padding")
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, malformed("the certificate cannot be read")
	}
	reason := uint(0)
	if asked.Reason != nil {
		reason = *asked.Reason
	}
	if !slices.Contains([]uint{0, 1, 3, 4, 5}, reason) {
		return nil, refuse(http.StatusBadRequest, "badRevocationReason", "a client may give the reasons 0, 1, 3, 4 and 5")
	}
	all := s.revocable(c, leaf)
	if len(all) == 0 {
		return nil, unauthorized("this certificate is not the client's")
	}
	if all[0].Revoked {
		return nil, refuse(http.StatusBadRequest, "alreadyRevoked", "the certificate is revoked already")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.request.Context()), revokeLimit) // it may be revoked by then
	defer cancel()
	err = s.options.Upstream.Revoke(ctx, leaf, reason)
	if err != nil && fault.CodeOf(err) != issuance.CodeRevoked {
		return nil, upstreamProblem(err)
	}
	for _, o := range all {
		if _, err := s.store.changeOrder(o.ID, func(o *Order) bool { o.Revoked = true; return true }); err != nil {
			return nil, internal(err) // again says that it is revoked already
		}
	}
	s.metrics.revoked.Add(1)
	s.audit.order("certificate.revoked", all[0], "address", c.address.String(), "reason", reason)
	if err != nil {
		return nil, upstreamProblem(err)
	}
	return &reply{status: http.StatusOK}, nil
}

// revocable are the orders with a certificate, if the caller may revoke it.
func (s *Server) revocable(c *call, leaf *x509.Certificate) []*Order {
	id := issuance.CertificateID(leaf)
	found := s.store.ordersWhere(func(o *Order) bool { return id != "" && o.Certificate == id && o.CA == s.options.CA })
	if len(found) == 0 {
		return nil
	}
	ours := leafOf(found[0].Chain)
	if ours == nil || !bytes.Equal(ours.Raw, leaf.Raw) {
		return nil
	}
	if c.account != nil {
		if found[0].Client != c.client {
			return nil
		}
		return found
	}
	signer, err := x509.MarshalPKIXPublicKey(c.key.Key)
	if err != nil || !bytes.Equal(signer, leaf.RawSubjectPublicKeyInfo) {
		return nil
	}
	c.client = found[0].Client
	return found
}
