package acmeserver

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"wildcard/internal/fault"
)

const mostAccounts = 250 // of one client, which may be many machines

// newAccount makes an account, or finds the one that there is (RFC 8555 §7.3), which the key of a client that was added again revives.
func (s *Server) newAccount(c *call) (*reply, *Problem) {
	var asked struct {
		Contact      []string        `json:"contact"`
		OnlyExisting bool            `json:"onlyReturnExisting"`
		Binding      json.RawMessage `json:"externalAccountBinding"`
	}
	if problem := decode(c.payload, &asked); problem != nil {
		return nil, problem
	}
	hash := thumbprint(c.key)
	s.accountKeys.Lock()
	defer s.accountKeys.Unlock()
	bound := len(asked.Binding) > 0 && string(asked.Binding) != "null"
	old := s.store.accountOf(hash)
	if old != nil {
		_, problem := s.standing(old, c)
		if problem == nil {
			return s.accountReply(http.StatusOK, old), nil
		}
		if problem.Status >= http.StatusInternalServerError || old.Status != statusValid || asked.OnlyExisting || !bound {
			return nil, problem
		}
	}
	if asked.OnlyExisting {
		return nil, refuse(http.StatusBadRequest, "accountDoesNotExist", "there is no account with this key")
	}
	if problem := checkContact(asked.Contact); problem != nil {
		return nil, problem
	}
	if !bound {
		return nil, refuse(http.StatusForbidden, "externalAccountRequired",
			"this server knows its clients by external account keys: ask who runs it for one")
	}
	client, problem := s.boundTo(c, asked.Binding)
	if problem != nil {
		return nil, problem
	}
	c.client = client.Name
	if !client.mayComeFrom(c.address) {
		return nil, unauthorized("the client may not come from this address")
	}
	if old != nil {
		return bindAgain(s, c, old.ID, client, asked.Contact)
	}
	return s.makeAccount(c, hash, client, asked.Contact)
}

// bindAgain lets an account whose client was removed and added again be that client's.
func bindAgain(s *Server, c *call, id string, client Client, contact []string) (*reply, *Problem) {
	defer s.store.lock(id)()
	changed := *s.store.account(id)
	if changed.Client != client.Name || changed.Status != statusValid {
		return nil, unauthorized("the account with this key is not this client's")
	}
	changed.KeyID, changed.Contact = client.KeyID, contact
	after, err := s.store.saveAccount(changed)
	if err != nil {
		return nil, internal(err)
	}
	c.account = after
	s.audit.account(c, "account.changed")
	return s.accountReply(http.StatusOK, after), nil
}

func (s *Server) makeAccount(c *call, hash string, client Client, contact []string) (*reply, *Problem) {
	if err := s.store.makeRoom(client.Name, s.now()); err != nil {
		return nil, internal(err)
	}
	if s.store.accountsOf(client.Name) >= mostAccounts {
		return nil, refuse(http.StatusTooManyRequests, "rateLimited",
			"the client has %d accounts, and may have no more: deactivate some", mostAccounts).after(24 * time.Hour)
	}
	jwk, err := json.Marshal(c.key.Public())
	if err != nil {
		return nil, malformed("the key of the account cannot be kept")
	}
	made, err := s.store.saveAccount(Account{
		ID: newID(), Client: client.Name, KeyID: client.KeyID, Key: jwk, Thumbprint: hash, Contact: contact,
		Status: statusValid, Created: s.now().UTC(),
	})
	if err != nil {
		return nil, internal(err)
	}
	c.account = made
	s.audit.account(c, "account.created")
	return s.accountReply(http.StatusCreated, made), nil
}

// boundTo is the client that an external account binding is of.
func (s *Server) boundTo(c *call, binding []byte) (client Client, _ *Problem) {
	var err error
	_, problem := checkBinding(binding, s.url(pathNewAccount), c.key, func(kid string) (key []byte) {
		client, key, err = s.clients.byKeyID(kid)
		return key
	})
	if err != nil {
		return Client{}, unreadable(s, err)
	}
	return client, problem
}

// unreadable is for a client that there is, which cannot be read now. What it is, is for who runs the server.
func unreadable(s *Server, err error) *Problem {
	s.options.Log.Warn("client", "error", err)
	return internal(errors.New("the client cannot be read at the moment: the server's log says why"))
}

// newID makes a name that cannot be guessed.
func newID() string { return strings.ToLower(rand.Text()) }

// checkContact takes what Boulder takes: mail addresses.
func checkContact(contact []string) *Problem {
	if len(contact) > 10 {
		return refuse(http.StatusBadRequest, "invalidContact", "too many contacts")
	}
	for _, one := range contact {
		address, ok := strings.CutPrefix(one, "mailto:")
		if !ok {
			return refuse(http.StatusBadRequest, "unsupportedContact", "only contacts that begin with mailto: are taken")
		}
		if len(one) > 300 || strings.Count(address, "@") != 1 || strings.ContainsFunc(address, notPrintable) ||
			strings.ContainsAny(address, ",?") {
			return refuse(http.StatusBadRequest, "invalidContact", "a contact is no mail address")
		}
	}
	return nil
}

func (s *Server) accountReply(status int, a *Account) *reply {
	document := document(status, map[string]any{
		"status": a.Status, "contact": append([]string{}, a.Contact...), "orders": s.url(pathAccount, a.ID, "orders"),
	})
	document.location = s.url(pathAccount, a.ID)
	return document
}

// standing reports whether an account may do anything: itself, its client and the address it comes from.
func (s *Server) standing(a *Account, c *call) (Client, *Problem) {
	c.account, c.client = a, a.Client
	if a.Status != statusValid {
		return Client{}, unauthorized("the account is %s", a.Status)
	}
	client, err := s.clients.Get(a.Client)
	if err != nil && fault.CodeOf(err) != CodeClient {
		return Client{}, unreadable(s, err)
	}
	if err != nil || client.KeyID != a.KeyID {
		return Client{}, unauthorized("the client of this account was removed")
	}
	if !client.mayComeFrom(c.address) {
		return Client{}, unauthorized("the client may not come from this address")
	}
	return client, nil
}

// accountUsed keeps when an account was of use last, once a day.
func accountUsed(s *Server, id string, now time.Time) {
	defer s.store.lock(id)()
	a := s.store.account(id)
	if a == nil || now.Sub(a.lastUse()) < idleAccount {
		return
	}
	changed := *a
	changed.Used = now.UTC()
	if _, err := s.store.saveAccount(changed); err != nil {
		s.options.Log.Warn("account", "account", id, "error", err)
	}
}

// jwk is the account's key.
func (a *Account) jwk() *jose.JSONWebKey {
	key := &jose.JSONWebKey{}
	if err := key.UnmarshalJSON(a.Key); err != nil {
		return nil
	}
	return key
}

// accountResource reads, changes or deactivates an account (RFC 8555 §7.3.2, §7.3.6), or lists its orders.
func (s *Server) accountResource(c *call) (*reply, *Problem) {
	if c.rest == c.account.ID+"/orders" {
		return s.listOrders(c)
	}
	if c.rest != c.account.ID {
		return nil, unauthorized("this is the URL of another account")
	}
	if len(c.payload) == 0 {
		return s.accountReply(http.StatusOK, c.account), nil
	}
	var asked struct {
		Contact *[]string `json:"contact"`
		Status  string    `json:"status"`
	}
	if problem := decode(c.payload, &asked); problem != nil {
		return nil, problem
	}
	if asked.Status != "" && asked.Status != statusDeactivated && asked.Status != statusValid {
		return nil, malformed("the status of an account can only become deactivated")
	}
	defer s.store.lock(c.account.ID)()
	changed := *s.store.account(c.account.ID)
	if asked.Contact != nil {
		if problem := checkContact(*asked.Contact); problem != nil {
			return nil, problem
		}
		changed.Contact = *asked.Contact
	}
	if asked.Status == statusDeactivated {
		changed.Status = statusDeactivated
	}
	after, err := s.store.saveAccount(changed)
	if err != nil {
		return nil, internal(err)
	}
	s.audit.account(c, "account.changed")
	return s.accountReply(http.StatusOK, after), nil
}

func (s *Server) listOrders(c *call) (*reply, *Problem) {
	urls := []string{}
	for _, o := range s.store.ordersWhere(func(o *Order) bool {
		return o.Account == c.account.ID && s.statusOf(o) != statusInvalid
	}) {
		if len(urls) < 100 {
			urls = append(urls, s.url(pathOrder, o.ID))
		}
	}
	return document(http.StatusOK, map[string]any{"orders": urls}), nil
}

// keyChange gives an account another key (RFC 8555 §7.3.5).
func (s *Server) keyChange(c *call) (*reply, *Problem) {
	inner, problem := parseJWS(c.payload, signatures())
	if problem != nil {
		return nil, problem
	}
	next := inner.header.JSONWebKey
	hash := thumbprint(next)
	switch {
	case hash == "" || inner.header.KeyID != "":
		return nil, malformed("the inner JWS has no key that an account can have")
	case inner.header.Nonce != "":
		return nil, malformed("the inner JWS has a nonce")
	case inner.url != s.url(pathKeyChange):
		return nil, malformed("the inner JWS is for another URL")
	}
	payload, problem := inner.verify(next)
	if problem != nil {
		return nil, problem
	}
	var asked struct {
		Account string          `json:"account"`
		Old     json.RawMessage `json:"oldKey"`
	}
	if problem := decode(payload, &asked); problem != nil {
		return nil, problem
	}
	var old jose.JSONWebKey
	if asked.Account != s.url(pathAccount, c.account.ID) {
		return nil, malformed("the inner JWS is for another account")
	}
	if err := old.UnmarshalJSON(asked.Old); err != nil || thumbprint(&old) != c.account.Thumbprint {
		return nil, malformed("oldKey is not the key of the account")
	}
	s.accountKeys.Lock()
	defer s.accountKeys.Unlock()
	if there := s.store.accountOf(hash); there != nil {
		problem := refuse(http.StatusConflict, "malformed", "there is an account with the new key already")
		problem.location = s.url(pathAccount, there.ID)
		return nil, problem
	}
	defer s.store.lock(c.account.ID)()
	changed := *s.store.account(c.account.ID)
	var err error
	if changed.Key, err = json.Marshal(next.Public()); err != nil {
		return nil, malformed("the new key cannot be kept")
	}
	changed.Thumbprint = hash
	after, err := s.store.saveAccount(changed)
	if err != nil {
		return nil, internal(err)
	}
	s.audit.account(c, "account.key-changed")
	return s.accountReply(http.StatusOK, after), nil
}
