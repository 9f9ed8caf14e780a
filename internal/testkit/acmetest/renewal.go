package acmetest

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// renewalInfo suggests when a certificate should be renewed (RFC 9773 §4.1; boulder core/objects.go RenewalInfoSimple,
// RenewalInfoImmediate). There is no nonce, as for all plain GETs.
func (s *Server) renewalInfo(rest []string) *Reply {
	refusal := "While parsing ARI CertID an error occurred :: "
	if len(rest) != 1 || rest[0] == "" {
		return Problem(http.StatusBadRequest, "malformed", refusal+"Invalid path")
	}
	c, fault := s.byRenewalID(rest[0])
	if fault != nil {
		fault.Edit(func(d map[string]any) { d["detail"] = refusal + fmt.Sprint(d["detail"]) })
		return fault
	}
	if c == nil {
		return Problem(http.StatusNotFound, "malformed", "Requested certificate was not found")
	}
	start, end := s.window(c)
	after := s.options.Deviations.RenewalInfoAfter
	if after == "" {
		after = fmt.Sprint(int((6 * time.Hour).Seconds() * (0.8 + 0.4*rand.Float64())))
	}
	return JSON(http.StatusOK, map[string]any{"suggestedWindow": map[string]any{
		"start": start.UTC().Format(time.RFC3339), "end": end.UTC().Format(time.RFC3339),
	}}).With("Retry-After", after)
}

// window is 2 % of the certificate's life wide, around the point with a third of it left, or half of one under ten days; of a revoked
// one it is over.
func (s *Server) window(c *certificate) (start, end time.Time) {
	if c.revoked {
		ago := s.options.Now().Add(-time.Hour).Truncate(time.Second)
		return ago, ago.Add(30 * time.Minute)
	}
	validity := c.leaf.NotAfter.Add(time.Second).Sub(c.leaf.NotBefore)
	left := validity / 3
	if validity < 10*day {
		left = validity / 2
	}
	ideal := c.leaf.NotAfter.Add(-left)
	return ideal.Add(-validity / 100).Truncate(time.Second), ideal.Add(validity / 100).Truncate(time.Second)
}

// byRenewalID finds a certificate by AKI.SERIAL (RFC 9773 §4.1); nil without a fault is one that this CA has not issued.
func (s *Server) byRenewalID(id string) (c *certificate, fault *Reply) {
	aki, serial, two := strings.Cut(id, ".")
	if !two || aki == "" || serial == "" || strings.Contains(serial, ".") {
		return nil, Problem(http.StatusBadRequest, "malformed", "Invalid path")
	}
	key, err := base64.RawURLEncoding.DecodeString(aki)
	if err != nil {
		return nil, Problem(http.StatusBadRequest, "malformed",
			"Authority Key Identifier was not base64url-encoded or contained padding: "+err.Error())
	}
	if !slices.ContainsFunc(s.certificates, func(c *certificate) bool {
		return string(c.leaf.AuthorityKeyId) == string(key)
	}) {
		return nil, Problem(http.StatusNotFound, "malformed",
			"path contained an Authority Key Identifier that did not match a known issuer")
	}
	number, err := base64.RawURLEncoding.DecodeString(serial)
	if err != nil {
		return nil, Problem(http.StatusNotFound, "malformed",
			"serial number was not base64url-encoded or contained padding: "+err.Error())
	}
	return s.bySerial(fmt.Sprintf("%036x", new(big.Int).SetBytes(number))), nil
}
