package acmetest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
)

// revoke revokes a certificate (RFC 8555 §7.6) for its account, for one that holds valid authorizations for all its names, or for
// the holder of its key (boulder wfe2 RevokeCertificate, revocation/reasons.go).
func (s *Server) revoke(key *jose.JSONWebKey, by *account, body []byte) *Reply {
	refuse := func(status int, kind, text string) *Reply { return Problem(status, kind, "Unable to revoke :: "+text) }
	var request struct {
		Certificate string `json:"certificate"`
		Reason      int    `json:"reason"`
	}
	raw, err := []byte(nil), json.Unmarshal(body, &request)
	if err == nil {
		raw, err = base64.RawURLEncoding.DecodeString(request.Certificate)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "malformed", "Unable to JSON parse revoke request")
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return refuse(http.StatusBadRequest, "malformed", "Unable to parse certificate DER")
	}
	c := s.bySerial(fmt.Sprintf("%036x", leaf.SerialNumber))
	switch {
	case c == nil || !c.leaf.Equal(leaf):
		return refuse(http.StatusNotFound, "malformed", "No such certificate")
	case s.over(leaf.NotAfter):
		return refuse(http.StatusForbidden, "unauthorized", "Certificate is expired")
	case !slices.Contains([]int{0, 1, 4, 5}, request.Reason):
		return refuse(http.StatusBadRequest, "badRevocationReason",
			fmt.Sprintf("disallowed revocation reason: %d", request.Reason))
	case by == nil && !sameKey(leaf.PublicKey, key.Key):
		return refuse(http.StatusForbidden, "unauthorized",
			"JWK embedded in revocation request must be the same public key as the cert to be revoked")
	case by != nil && by != c.account && !s.controls(by, c):
		return refuse(http.StatusForbidden, "unauthorized",
			"requester does not control all identifiers in cert with serial "+c.serial)
	case c.revoked && by != nil:
		return refuse(http.StatusBadRequest, "alreadyRevoked",
			fmt.Sprintf("certificate with serial %s has already been revoked", c.serial))
	}
	c.revoked = true
	return &Reply{Status: http.StatusOK, Header: http.Header{}}
}

// controls reports whether an account holds valid authorizations for all names of a certificate.
func (s *Server) controls(by *account, c *certificate) bool {
	return !slices.ContainsFunc(c.names, func(name string) bool {
		return !slices.ContainsFunc(s.authz, func(a *authorization) bool {
			return a.account == by && a.name() == name && a.Status == "valid" && !s.over(a.expires)
		})
	})
}
