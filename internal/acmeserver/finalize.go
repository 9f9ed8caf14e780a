package acmeserver

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sameWithin is how long a certificate for the same names and key is given again in place of a new one.
const sameWithin = 24 * time.Hour

// finalize takes the CSR of an order (RFC 8555 §7.4). A second time with the same CSR tells how far it is.
func (s *Server) finalize(c *call) (*reply, *Problem) {
	o, problem := s.orderOf(c, c.rest)
	if problem != nil {
		return nil, problem
	}
	var asked struct {
		CSR string `json:"csr"`
	}
	if problem := decode(c.payload, &asked); problem != nil {
		return nil, problem
	}
	der, err := base64.RawURLEncoding.DecodeString(asked.CSR)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "badCSR", "the CSR is no base64url without padding")
	}
	if o.CSR != nil && bytes.Equal(o.CSR, der) {
		return s.orderReply(http.StatusOK, o), nil
	}
	if status := s.statusOf(o); status != statusReady {
		return nil, refuse(http.StatusForbidden, "orderNotReady", "the order is %s", status)
	}
	for _, name := range o.Names { // the policy may have changed
		if !c.policy.Judge(name).Allowed {
			return nil, unauthorized("the client %s may not have %s any more", c.client, name)
		}
	}
	key, problem := checkCSR(der, o.Names, c.account)
	if problem != nil {
		return nil, problem
	}
	same := s.store.same(o, s.options.CA, key, s.now())
	mine := false
	o, err = s.store.changeOrder(o.ID, func(o *Order) bool {
		if s.statusOf(o) != statusReady {
			return false
		}
		mine = true
		o.CSR, o.Key, o.Status, o.Finalized = der, key, statusProcessing, s.now().UTC()
		if same != nil {
			o.Status, o.CA, o.Issued = statusValid, same.CA, same.Issued
			o.Chain, o.Alternates, o.Certificate, o.NotAfter = same.Chain, same.Alternates, same.Certificate, same.NotAfter
		}
		return true
	})
	switch {
	case err != nil:
		return nil, internal(err)
	case !mine && !bytes.Equal(o.CSR, der):
		return nil, refuse(http.StatusForbidden, "orderNotReady", "the order is %s", s.statusOf(o))
	case mine && same != nil:
		s.audit.order("order.same", o, "as", same.ID)
	case mine:
		s.audit.order("order.finalized", o, "address", c.address.String(), "agent", c.agent())
		s.work.issue(o)
		o = s.work.await(c.request.Context(), o)
	}
	return s.orderReply(http.StatusOK, o), nil
}

// checkCSR checks a CSR for exactly the names of an order, and returns the digest of its key.
func checkCSR(der []byte, names []string, account *Account) (key string, _ *Problem) {
	bad := func(format string, args ...any) (string, *Problem) {
		return "", refuse(http.StatusBadRequest, "badCSR", format, args...)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return bad("the CSR cannot be read")
	}
	if !usableKey(csr.PublicKey) {
		return bad("the key of the CSR must be RSA with 2048 to 4096 bits, or EC P-256, P-384 or P-521")
	}
	if csr.CheckSignature() != nil {
		return bad("the signature of the CSR is not that of its key")
	}
	if len(csr.IPAddresses)+len(csr.EmailAddresses)+len(csr.URIs) > 0 {
		return bad("the CSR asks for more than DNS names")
	}
	var asked []string
	for _, name := range csr.DNSNames {
		asked = append(asked, strings.ToLower(name))
	}
	if common := strings.ToLower(csr.Subject.CommonName); common != "" {
		asked = append(asked, common)
	}
	slices.Sort(asked)
	if !slices.Equal(slices.Compact(asked), names) {
		return bad("the names of the CSR are not those of the order: %s", strings.Join(names, " "))
	}
	if public := account.jwk(); public != nil {
		own, err := x509.MarshalPKIXPublicKey(public.Key)
		if err == nil && bytes.Equal(own, csr.RawSubjectPublicKeyInfo) {
			return bad("the key of the CSR is that of the account")
		}
	}
	digest := sha256.Sum256(csr.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(digest[:]), nil
}
