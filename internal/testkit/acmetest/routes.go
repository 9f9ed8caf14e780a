package acmetest

import (
	"crypto"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// paths are Boulder's. Orders and what belongs to them have the account's number in front of their own.
var paths = map[Endpoint]string{
	Directory: "/directory", NewNonce: "/acme/new-nonce", NewAccount: "/acme/new-acct", Account: "/acme/acct",
	NewOrder: "/acme/new-order",
	Order:    "/acme/order", Authorization: "/acme/authz", Challenge: "/acme/chall", Finalize: "/acme/finalize",
	Certificate: "/acme/cert",
	RevokeCert:  "/acme/revoke-cert", KeyChange: "/acme/key-change", RenewalInfo: "/acme/renewal-info",
}

func path(e Endpoint) string { return paths[e] }

// route tells an endpoint by its path, and what stands behind.
func route(p string) (Endpoint, []string) {
	for e, own := range paths {
		if rest, ok := strings.CutPrefix(p, own); ok && (rest == "" || rest[0] == '/') {
			if rest == "" {
				return e, nil
			}
			return e, strings.Split(rest[1:], "/")
		}
	}
	return Endpoint(p), nil
}

// origin is what all URLs begin with.
func (s *Server) origin() string {
	if s.options.Origin != "" {
		return s.options.Origin
	}
	return s.http.URL
}

// url is the URL of a resource.
func (s *Server) url(e Endpoint, parts ...any) string {
	u := s.origin() + path(e)
	for _, part := range parts {
		u += fmt.Sprint("/", part)
	}
	return u
}

// numbers are those of a path: the account's, and the resource's own.
func (r *Request) numbers() (account, n int, ok bool) {
	if len(r.rest) < 2 {
		return 0, 0, false
	}
	account, err := strconv.Atoi(r.rest[0])
	if err != nil {
		return 0, 0, false
	}
	n, err = strconv.Atoi(r.rest[1])
	return account, n, err == nil
}

// orderOf is the order that a request is about; 0 is none.
func (s *Server) orderOf(r *Request) int {
	_, n, ok := r.numbers()
	switch r.Endpoint {
	case Order, Finalize:
		if ok && n <= len(s.orders) {
			return n
		}
	case Certificate:
		if len(r.rest) == 0 {
			return 0
		}
		if c := s.bySerial(r.rest[0]); c != nil {
			return c.order.ID
		}
	case Authorization, Challenge:
		if ok && n >= 1 && n <= len(s.authz) {
			return s.authz[n-1].order
		}
	}
	return 0
}

// carryOut does what a CA does.
func (s *Server) carryOut(r *Request) *Reply {
	if r.Endpoint == RenewalInfo {
		alone := s.asking.Add(1) == 1
		defer s.asking.Add(-1)
		if !alone && !s.options.Deviations.NoBalancer {
			return s.ServiceBusy() // community 246577: all but one or two of ten at once
		}
	}
	s.advance()
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.balance(r.Endpoint); refusal != nil {
		return refusal
	}
	reply := s.dispatch(r)
	if r.Endpoint != Directory {
		reply.Header.Add("Link", "<"+s.url(Directory)+`>;rel="index"`)
	}
	if reply.Header.Get("Cache-Control") == "" {
		reply.With("Cache-Control", "public, max-age=0, no-cache")
	}
	if s.options.Deviations.GoogleWays && reply.Status >= 400 {
		reply.Edit(func(d map[string]any) { delete(d, "status"); d["requestID"] = randomText(22) })
	}
	if r.Method == http.MethodGet && r.Endpoint != NewNonce ||
		reply.Status >= 400 && s.options.Deviations.NoNonceOnErrors {
		return reply
	}
	return s.nonce(reply)
}

// dispatch finds the one who answers.
func (s *Server) dispatch(r *Request) *Reply {
	if s.requests++; s.options.Outages > 0 && s.requests%s.options.Outages == 0 {
		return Problem(http.StatusInternalServerError, "serverInternal", "Unable to handle the request").With("Retry-After",
			"60")
	}
	switch {
	case r.Endpoint == Directory && r.Method == http.MethodGet:
		return s.directory()
	case r.Endpoint == NewNonce && r.Method == http.MethodHead:
		return (&Reply{Status: http.StatusOK, Header: http.Header{}}).With("Cache-Control", "no-store")
	case r.Endpoint == NewNonce && r.Method == http.MethodGet:
		return (&Reply{Status: http.StatusNoContent, Header: http.Header{}}).With("Cache-Control", "no-store")
	case r.Endpoint == RenewalInfo && r.Method == http.MethodGet:
		return s.renewalInfo(r.rest)
	}
	key, by, body, refusal := s.authenticate(r)
	if refusal != nil {
		return refusal
	}
	reply := s.authenticated(r, key, by, body)
	if by != nil {
		reply.With("Boulder-Requester", fmt.Sprint(by.id))
	}
	return reply
}

// authenticated answers what an account, or the holder of a key, has asked for.
func (s *Server) authenticated(r *Request, key *jose.JSONWebKey, by *account, body []byte) *Reply {
	_, n, numbered := r.numbers()
	switch r.Endpoint {
	case NewAccount:
		return s.newAccount(key, body)
	case NewOrder:
		return s.newOrder(by, body)
	case RevokeCert:
		return s.revoke(key, by, body)
	case KeyChange: // which no client here does
		return Problem(http.StatusNotImplemented, "malformed", "keys are not changed here")
	case Account:
		if len(r.rest) == 1 {
			id, _ := strconv.Atoi(r.rest[0])
			return s.changeAccount(by, id, body)
		}
	case Order, Finalize:
		if !numbered || n < 1 || n > len(s.orders) {
			return Problem(http.StatusNotFound, "malformed", fmt.Sprintf("No order for ID %d", n))
		}
		if r.Endpoint == Order {
			return s.getOrder(by, s.orders[n-1])
		}
		return s.finalize(by, s.orders[n-1], body)
	case Authorization, Challenge:
		if !numbered || n < 1 || n > len(s.authz) {
			return Problem(http.StatusNotFound, "malformed", "No such authorization")
		}
		if r.Endpoint == Authorization {
			return s.getAuthorization(by, s.authz[n-1], n, body)
		}
		if len(r.rest) == 3 {
			return s.answer(by, s.authz[n-1], n, r.rest[2], body)
		}
	case Certificate:
		if len(r.rest) > 0 {
			return s.getCertificate(by, r.rest)
		}
	}
	return Problem(http.StatusNotFound, "malformed", "Page not found")
}

// sameKey reports whether two public keys are the same.
func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
