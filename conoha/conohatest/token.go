package conohatest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"
)

// token is what a login yields. It is good in its generation only, and without a tenant for nothing.
type token struct {
	version int
	tenant  string
	expires time.Time
}

// issue makes a token. Its value is all that is random in this package.
func (e *endpoint) issue(tenant string) (value string, issued, expires time.Time) {
	issued = e.Service.now().UTC()
	expires = issued.Add(cmp.Or(e.Service.switches.TokenLifetime, 24*time.Hour))
	if e.version == 3 {
		random := make([]byte, 132)
		_, _ = rand.Read(random)
		value = "gAAAAA" + base64.URLEncoding.EncodeToString(random)
	} else {
		random := make([]byte, 16)
		_, _ = rand.Read(random)
		value = hex.EncodeToString(random)
	}
	e.Service.tokens[value] = &token{version: e.version, tenant: tenant, expires: expires}
	return value, issued, expires
}

// ExpireTokens makes all tokens that were issued so far expire now.
func (s *Service) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		t.expires = s.now()
	}
}

// tenant returns the tenant that a call to the DNS service is made for.
func (e *endpoint) tenant(c call) (string, *refusal) {
	values := c.Header.Values("X-Auth-Token")
	if len(values) != 1 || values[0] == "" {
		return "", e.unauthorized("no token")
	}
	t := e.Service.tokens[values[0]]
	switch {
	case t == nil:
		return "", e.unauthorized("unknown token")
	case t.version != e.version:
		return "", e.unauthorized("token of Ver.%d.0", t.version)
	case !e.Service.now().Before(t.expires):
		return "", e.unauthorized("expired token")
	case t.tenant == "":
		return "", e.unauthorized("token without a tenant")
	}
	return t.tenant, nil
}

// notAllowed refuses a method.
func notAllowed(c call) *refusal {
	return &refusal{http.StatusMethodNotAllowed, "invalid_method", "", c.Method + " is not for this path"}
}
