package acmetest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

type account struct {
	url    string
	key    *jose.JSONWebKey
	status string
	gone   bool
}

// OrderState is one order.
type OrderState struct {
	ID       int
	Names    []string
	Profile  string
	Replaces string
	Status   string // pending, ready, processing, valid, invalid
	Error    map[string]any
	CSR      *x509.CertificateRequest // after finalize
	Chain    []byte

	authz []int
}

type authorization struct {
	Name     string // without "*."
	Wildcard bool
	Status   string
	Token    string
	Problem  map[string]any

	order   int
	posts   int // that answered its challenge
	running []*validation
}

// carryOut does what a CA does.
func (s *Server) carryOut(r *Request) *Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	switch {
	case r.Endpoint == Directory && r.Method == http.MethodGet:
		return s.directory()
	case r.Endpoint == NewNonce && (r.Method == http.MethodHead || r.Method == http.MethodGet):
		return s.nonce(&Reply{Status: http.StatusOK, Header: http.Header{"Cache-Control": {"no-store"}}})
	case r.Endpoint == RenewalInfo && r.Method == http.MethodGet:
		return s.renewalInfo()
	}
	key, by, body, refusal := s.authenticate(r)
	if refusal != nil {
		return s.nonce(refusal)
	}
	var reply *Reply
	var n int
	_, _ = fmt.Sscanf(r.Path[strings.LastIndex(r.Path, "/")+1:], "%d", &n)
	switch {
	case r.Endpoint == NewAccount:
		reply = s.newAccount(key, body)
	case r.Endpoint == Account:
		reply = s.changeAccount(by, body)
	case r.Endpoint == NewOrder:
		reply = s.newOrder(body)
	case r.Endpoint == RevokeCert:
		reply = &Reply{Status: http.StatusOK, Header: http.Header{}}
	case r.Endpoint == Order && n >= 1 && n <= len(s.orders):
		reply = s.orderReply(http.StatusOK, s.orders[n-1])
	case r.Endpoint == Finalize && n >= 1 && n <= len(s.orders):
		reply = s.finalize(s.orders[n-1], body)
	case r.Endpoint == Certificate && n >= 1 && n <= len(s.orders) && s.orders[n-1].Chain != nil:
		reply = Text(http.StatusOK, "application/pem-certificate-chain", string(s.orders[n-1].Chain))
	case r.Endpoint == Authorization && n >= 1 && n <= len(s.authz):
		reply = s.authorization(s.authz[n-1], n, body)
	case r.Endpoint == Challenge && n >= 1 && n <= len(s.authz):
		reply = s.answer(by, s.authz[n-1], n, body)
	default:
		reply = Problem(http.StatusNotFound, "malformed", "there is nothing at "+r.Path)
	}
	return s.nonce(reply)
}

func (s *Server) directory() *Reply {
	d := map[string]any{
		"newNonce": s.http.URL + "/" + string(NewNonce), "newAccount": s.http.URL + "/" + string(NewAccount),
		"newOrder": s.http.URL + "/" + string(NewOrder), "revokeCert": s.http.URL + "/" + string(RevokeCert),
	}
	if !s.options.NoRenewalInfo {
		d["renewalInfo"] = s.http.URL + "/" + string(RenewalInfo)
	}
	meta := map[string]any{}
	for name, value := range s.options.Meta {
		meta[name] = value
	}
	if s.options.EABKeys != nil {
		meta["externalAccountRequired"] = true
	}
	if len(meta) > 0 {
		d["meta"] = meta
	}
	return JSON(http.StatusOK, d)
}

// renewalInfo suggests the last third of a life that begins now.
func (s *Server) renewalInfo() *Reply {
	at := s.options.Now().Add(s.options.Validity * 2 / 3).UTC()
	return JSON(http.StatusOK, map[string]any{"suggestedWindow": map[string]any{
		"start": at.Format(time.RFC3339), "end": at.Add(s.options.Validity / 50).Format(time.RFC3339),
	}}).With("Retry-After", "21600")
}

func (s *Server) newAccount(key *jose.JSONWebKey, body []byte) *Reply {
	var request struct {
		OnlyReturnExisting     bool            `json:"onlyReturnExisting"`
		TermsOfServiceAgreed   bool            `json:"termsOfServiceAgreed"`
		ExternalAccountBinding json.RawMessage `json:"externalAccountBinding"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return Problem(http.StatusBadRequest, "malformed", err.Error())
	}
	for _, a := range s.accounts {
		if !a.gone && sameKey(a.key.Key, key.Key) {
			return JSON(http.StatusOK, map[string]any{"status": a.status}).With("Location", a.url)
		}
	}
	switch {
	case request.OnlyReturnExisting:
		return Problem(http.StatusBadRequest, "accountDoesNotExist", "the key has no account")
	case s.options.Meta["termsOfService"] != nil && !request.TermsOfServiceAgreed:
		return Problem(http.StatusForbidden, "userActionRequired", "the terms of service must be agreed to")
	case s.options.EABKeys != nil:
		if refusal := s.checkBinding(key, request.ExternalAccountBinding); refusal != nil {
			return refusal
		}
	}
	a := &account{url: s.url(Account, len(s.accounts)+1), key: key, status: "valid"}
	s.accounts = append(s.accounts, a)
	return JSON(http.StatusCreated, map[string]any{"status": "valid"}).With("Location", a.url)
}

// checkBinding verifies an external account binding (RFC 8555 §7.3.4).
func (s *Server) checkBinding(key *jose.JSONWebKey, binding json.RawMessage) *Reply {
	if len(binding) == 0 {
		return Problem(http.StatusForbidden, "externalAccountRequired", "an external account binding is wanted")
	}
	inner, err := jose.ParseSigned(string(binding), []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return Problem(http.StatusBadRequest, "malformed", "binding: "+err.Error())
	}
	header := inner.Signatures[0].Protected
	if url, _ := header.ExtraHeaders["url"].(string); url != s.http.URL+"/"+string(NewAccount) || header.Nonce != "" {
		return Problem(http.StatusBadRequest, "malformed", "binding: its header is wrong")
	}
	bound, err := inner.Verify(s.options.EABKeys[header.KeyID])
	if err != nil {
		return Problem(http.StatusForbidden, "unauthorized", "the binding does not verify")
	}
	var other jose.JSONWebKey
	if err := other.UnmarshalJSON(bound); err != nil || !sameKey(other.Key, key.Key) {
		return Problem(http.StatusBadRequest, "malformed", "binding: for another key")
	}
	return nil
}

func (s *Server) changeAccount(a *account, body []byte) *Reply {
	var request struct {
		Status string `json:"status"`
	}
	if len(body) > 0 && json.Unmarshal(body, &request) == nil && request.Status == "deactivated" {
		a.status = "deactivated"
	}
	return JSON(http.StatusOK, map[string]any{"status": a.status})
}

func (s *Server) newOrder(body []byte) *Reply {
	var request struct {
		Identifiers []struct{ Type, Value string } `json:"identifiers"`
		Profile     string                         `json:"profile"`
		Replaces    string                         `json:"replaces"`
	}
	if err := json.Unmarshal(body, &request); err != nil || len(request.Identifiers) == 0 {
		return Problem(http.StatusBadRequest, "malformed", "no identifiers")
	}
	o := &OrderState{ID: len(s.orders) + 1, Status: "pending", Profile: request.Profile, Replaces: request.Replaces}
	for _, id := range request.Identifiers {
		if id.Type != "dns" {
			return Problem(http.StatusBadRequest, "unsupportedIdentifier", id.Type)
		}
		o.Names = append(o.Names, id.Value)
	}
	// As CAs do, the same names give the same order back while it is of use.
	for _, earlier := range s.orders {
		s.orderReply(http.StatusOK, earlier) // brings its status up to date
		if (earlier.Status == "pending" || earlier.Status == "ready") && slices.Equal(earlier.Names, o.Names) {
			return s.orderReply(http.StatusCreated, earlier)
		}
	}
	s.orders = append(s.orders, o)
	for _, name := range o.Names {
		base, wild := strings.CutPrefix(name, "*.")
		if n := s.valid(base, wild); s.options.ReuseAuthorizations && n > 0 {
			o.authz = append(o.authz, n)
			continue
		}
		token := sha256.Sum256(fmt.Appendf(nil, "%d %s", o.ID, name))
		s.authz = append(s.authz, &authorization{
			Name: base, Wildcard: wild, Status: "pending", Token: base64.RawURLEncoding.EncodeToString(token[:]), order: o.ID,
		})
		o.authz = append(o.authz, len(s.authz))
	}
	return s.orderReply(http.StatusCreated, o)
}

// valid returns the number of an authorization for a name that is valid; 0 if there is none.
func (s *Server) valid(base string, wild bool) int {
	return 1 + slices.IndexFunc(s.authz, func(a *authorization) bool { return a.Name == base && a.Wildcard == wild && a.Status == "valid" })
}

func (s *Server) orderReply(status int, o *OrderState) *Reply {
	if o.Status == "pending" || o.Status == "ready" {
		valid := 0
		for _, n := range o.authz {
			switch s.authz[n-1].Status {
			case "valid":
				valid++
			case "invalid", "deactivated", "revoked", "expired":
				o.Status = "invalid"
			}
		}
		if valid == len(o.authz) {
			o.Status = "ready"
		}
	}
	d := map[string]any{"status": o.Status, "finalize": s.url(Finalize, o.ID), "expires": s.options.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}
	var ids, authz []any
	for _, name := range o.Names {
		ids = append(ids, map[string]any{"type": "dns", "value": name})
	}
	for _, n := range o.authz {
		authz = append(authz, s.url(Authorization, n))
	}
	d["identifiers"], d["authorizations"] = ids, authz
	if o.Status == "valid" {
		d["certificate"] = s.url(Certificate, o.ID)
	}
	if o.Error != nil {
		d["error"] = o.Error
	}
	if o.Profile != "" {
		d["profile"] = o.Profile
	}
	return JSON(status, d).With("Location", s.url(Order, o.ID))
}

func (s *Server) authorization(a *authorization, n int, body []byte) *Reply {
	var request struct {
		Status string `json:"status"`
	}
	if len(body) > 0 && json.Unmarshal(body, &request) == nil && request.Status == "deactivated" {
		a.Status = "deactivated"
	}
	d := map[string]any{
		"identifier": map[string]any{"type": "dns", "value": a.Name}, "status": a.Status,
		"expires":    s.options.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339),
		"challenges": []any{s.challenge(a, n)},
	}
	if a.Wildcard {
		d["wildcard"] = true
	}
	return JSON(http.StatusOK, d)
}

func (s *Server) challenge(a *authorization, n int) map[string]any {
	status := a.Status
	if status == "deactivated" || status == "revoked" || status == "expired" {
		status = "pending"
	}
	if status == "pending" && len(a.running) > 0 && s.deviations().WhileValidating == TurnsProcessing {
		status = "processing"
	}
	c := map[string]any{"type": "dns-01", "url": s.url(Challenge, n), "status": status, "token": a.Token}
	if a.Problem != nil {
		c["error"] = a.Problem
	}
	return c
}

func (s *Server) finalize(o *OrderState, body []byte) *Reply {
	s.orderReply(http.StatusOK, o) // brings its status up to date
	if o.Status != "ready" {
		return Problem(http.StatusForbidden, "orderNotReady", "the order is "+o.Status)
	}
	var request struct {
		CSR string `json:"csr"`
	}
	raw, err := []byte(nil), json.Unmarshal(body, &request)
	if err == nil {
		raw, err = base64.RawURLEncoding.DecodeString(request.CSR)
	}
	if err == nil {
		o.CSR, err = x509.ParseCertificateRequest(raw)
	}
	if err == nil {
		err = o.CSR.CheckSignature()
	}
	if err == nil && !slices.Equal(slices.Sorted(slices.Values(o.CSR.DNSNames)), slices.Sorted(slices.Values(o.Names))) {
		err = fmt.Errorf("its names are %v", o.CSR.DNSNames)
	}
	if err != nil {
		return Problem(http.StatusBadRequest, "badCSR", err.Error())
	}
	o.Chain, err = s.issue(o.CSR.PublicKey, o.Names, nil)
	if err != nil {
		return Problem(http.StatusInternalServerError, "serverInternal", err.Error())
	}
	o.Status = "valid"
	return s.orderReply(http.StatusOK, o)
}
