package acmetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

type account struct {
	id          int
	url         string
	key         *jose.JSONWebKey
	status      string
	contact     []string
	made        time.Time
	deactivated bool
}

// newAccount makes an account or finds the one of a key (RFC 8555 §7.3). Order and texts of the checks are Boulder's.
func (s *Server) newAccount(key *jose.JSONWebKey, body []byte) *Reply {
	var request struct {
		Contact                []string        `json:"contact"`
		OnlyReturnExisting     bool            `json:"onlyReturnExisting"`
		TermsOfServiceAgreed   bool            `json:"termsOfServiceAgreed"`
		ExternalAccountBinding json.RawMessage `json:"externalAccountBinding"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return Problem(http.StatusBadRequest, "malformed", "Error unmarshaling JSON")
	}
	d := s.options.Deviations
	for _, a := range s.accounts {
		if a.deactivated || !sameKey(a.key.Key, key.Key) {
			continue
		}
		if a.status == "deactivated" && !d.ShowsDeactivated {
			return Problem(http.StatusForbidden, "unauthorized",
				"An account with the provided public key exists but is deactivated")
		}
		return s.accountReply(http.StatusOK, a).With("Location", a.url)
	}
	switch {
	case request.OnlyReturnExisting:
		return Problem(http.StatusBadRequest, "accountDoesNotExist", "No account exists with the provided key")
	case s.meta()["termsOfService"] == nil || request.TermsOfServiceAgreed:
	case d.TermsAreAsked:
		return Problem(http.StatusForbidden, "userActionRequired", "Provided account did not agree to the terms of service")
	default:
		return Problem(http.StatusBadRequest, "malformed", "must agree to terms of service")
	}
	if refusal := checkContacts(request.Contact); refusal != nil {
		return refusal
	}
	if s.options.EABKeys != nil {
		if refusal := s.checkBinding(key, request.ExternalAccountBinding); refusal != nil {
			return refusal
		}
	}
	if refusal := s.limitAccounts(); refusal != nil {
		return refusal
	}
	id := len(s.accounts) + 1
	a := &account{id: id, url: s.url(Account, id), key: key, status: "valid", contact: request.Contact,
		made: s.options.Now()}
	s.accounts = append(s.accounts, a)
	return s.accountReply(http.StatusCreated, a).With("Location", a.url)
}

// accountReply shows an account. Boulder's has no contact and no orders.
func (s *Server) accountReply(status int, a *account) *Reply {
	document := map[string]any{"status": a.status, "key": a.key, "createdAt": a.made.UTC().Format(time.RFC3339)}
	if s.options.Deviations.ShowsContact && len(a.contact) > 0 {
		document["contact"] = a.contact
	}
	r := JSON(status, document).With("Boulder-Requester", fmt.Sprint(a.id))
	if terms, ok := s.meta()["termsOfService"].(string); ok {
		r.Header.Add("Link", "<"+terms+`>;rel="terms-of-service"`)
	}
	return r
}

// checkContacts refuses what Boulder does; what it takes it throws away.
func checkContacts(contacts []string) *Reply {
	refuse := func(kind, text string) *Reply {
		return Problem(http.StatusBadRequest, kind, "Error validating contact(s) :: "+text)
	}
	for _, contact := range contacts {
		address, isMail := strings.CutPrefix(contact, "mailto:")
		_, host, _ := strings.Cut(address, "@")
		switch {
		case !isMail:
			return refuse("unsupportedContact", "only contact scheme 'mailto:' is supported")
		case strings.ContainsAny(address, "?#,") || host == "" || !strings.Contains(host, "."):
			return refuse("invalidContact", fmt.Sprintf("unable to parse email address %q", address))
		case slices.Contains([]string{"example.com", "example.net", "example.org"}, host):
			return refuse("invalidContact", "contact email has forbidden domain "+fmt.Sprintf("%q", host))
		}
	}
	return nil
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
	if url, _ := header.ExtraHeaders["url"].(string); url != s.origin()+path(NewAccount) || header.Nonce != "" {
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
	d := s.options.Deviations
	switch {
	case d.BindingsEnd > 0 && s.options.Now().Sub(s.started) > d.BindingsEnd:
		return Problem(http.StatusForbidden, "unauthorized", "the external account key has expired")
	case d.BindingsAreUsedOnce && s.bindings[header.KeyID]:
		return Problem(http.StatusForbidden, "unauthorized", "the external account key was used before")
	}
	s.bindings[header.KeyID] = true
	return nil
}

// changeAccount reads, changes or deactivates an account (RFC 8555 §7.3.2, §7.3.6).
func (s *Server) changeAccount(by *account, id int, body []byte) *Reply {
	if id != by.id {
		return Problem(http.StatusForbidden, "unauthorized", "Request signing key did not match account key")
	}
	var request struct {
		Status  string   `json:"status"`
		Contact []string `json:"contact"`
	}
	if len(body) == 0 {
		return s.accountReply(http.StatusOK, by)
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return Problem(http.StatusBadRequest, "malformed", "Unable to update account :: parsing account update request")
	}
	switch request.Status {
	case "", "valid":
		if request.Contact != nil {
			by.contact = request.Contact
		}
	case "deactivated":
		by.status = "deactivated"
	default:
		return Problem(http.StatusBadRequest, "malformed",
			fmt.Sprintf("Unable to update account :: invalid status %q", request.Status))
	}
	return s.accountReply(http.StatusOK, by)
}

// Accounts is how many accounts were made.
func (s *Server) Accounts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accounts)
}

// AccountStates are the states of the accounts, oldest first.
func (s *Server) AccountStates() (states []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		states = append(states, a.status)
	}
	return states
}

// ForgetAccounts makes the CA forget all accounts, as one that has lost its database.
func (s *Server) ForgetAccounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		a.deactivated = true
	}
}
