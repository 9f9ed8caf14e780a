package acmetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// finalize takes the certificate request of an order (RFC 8555 §7.4). At Let's Encrypt's production the certificate is there with
// the reply, in staging an order is processing first (boulder#8216).
func (s *Server) finalize(by *account, o *OrderState, body []byte) *Reply {
	status, notFound := s.look(by, o)
	if notFound != nil {
		return notFound
	}
	if status != "ready" {
		return Problem(http.StatusForbidden, "orderNotReady",
			fmt.Sprintf("Order's status (%q) is not acceptable for finalization", status))
	}
	var request struct {
		CSR string `json:"csr"`
	}
	raw, err := []byte(nil), json.Unmarshal(body, &request)
	if err == nil {
		raw, err = base64.RawURLEncoding.DecodeString(request.CSR)
	}
	if err != nil {
		return Problem(http.StatusBadRequest, "malformed", "Error unmarshaling finalize order request")
	}
	csr, err := x509.ParseCertificateRequest(raw)
	if err != nil {
		return Problem(http.StatusBadRequest, "malformed", "Error parsing certificate request: "+err.Error())
	}
	if refusal := checkCSR(by, o, csr); refusal != nil {
		return refusal
	}
	o.CSR = csr
	if err := s.issueFor(o); err != nil {
		return Problem(http.StatusInternalServerError, "serverInternal", "Error finalizing order").With("Retry-After", "60")
	}
	took := s.options.Deviations.FinalizeTime
	if took == 0 && s.options.Staging {
		took = time.Second
	}
	o.Status, o.done = "processing", s.timer().Add(took)
	if took == 0 {
		o.Status = "valid"
	}
	o.past = append(o.past, seen{o.Status, s.timer()})
	return s.orderReply(http.StatusOK, o, o.Status)
}

// mustStaple is the extension of RFC 7633, which Let's Encrypt refuses since 2025.
var mustStaple = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// checkCSR refuses a certificate request for reasons that leave the order ready (boulder ra validateFinalizeRequest, csr/csr.go,
// goodkey/good_key.go).
func checkCSR(by *account, o *OrderState, csr *x509.CertificateRequest) *Reply {
	badCSR := func(text string) *Reply {
		return Problem(http.StatusBadRequest, "badCSR", "Error finalizing order :: "+text)
	}
	unauthorized := func(text string) *Reply {
		return Problem(http.StatusForbidden, "unauthorized", "Error finalizing order :: "+text)
	}
	for _, extension := range csr.Extensions {
		if extension.Id.Equal(mustStaple) {
			return unauthorized("OCSP must-staple extension is no longer available: see https://letsencrypt.org/2024/12/05/ending-ocsp")
		}
	}
	switch key := csr.PublicKey.(type) {
	case *rsa.PublicKey:
		if size := key.N.BitLen(); !slices.Contains([]int{2048, 3072, 4096}, size) || key.E != 65537 {
			return badCSR(fmt.Sprintf("invalid public key in CSR: key size not supported: %d", size))
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return badCSR(fmt.Sprintf("invalid public key in CSR: ECDSA curve %s not allowed", key.Curve.Params().Name))
		}
	default:
		return badCSR(fmt.Sprintf("invalid public key in CSR: unknown key type %T", key))
	}
	switch {
	case csr.CheckSignature() != nil:
		return badCSR("invalid signature on CSR")
	case len(csr.EmailAddresses)+len(csr.URIs) > 0:
		return badCSR("CSR contains one or more email address or URI fields")
	case len(csr.IPAddresses) > 0:
		return unauthorized("CSR does not specify same identifiers as Order")
	}
	var names []string
	for _, name := range append(slices.Clone(csr.DNSNames), csr.Subject.CommonName) {
		if name != "" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	if !slices.Equal(slices.Compact(names), slices.Compact(slices.Sorted(slices.Values(o.Names)))) {
		return unauthorized("CSR does not specify same identifiers as Order")
	}
	if sameKey(csr.PublicKey, by.key.Key) {
		return Problem(http.StatusBadRequest, "malformed",
			"Error finalizing order :: certificate public key must be different than account key")
	}
	return nil
}
