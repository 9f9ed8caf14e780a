package acmetest

import (
	"encoding/json"
	"net/http"

	jose "github.com/go-jose/go-jose/v4"
)

// changeKey gives an account another key (RFC 8555 §7.3.5).
func (s *Server) changeKey(r *Request, by *account, body []byte) *Reply {
	malformed := func(text string) *Reply { return Problem(http.StatusBadRequest, "malformed", text) }
	inner, err := jose.ParseSigned(string(body), signatures)
	if err != nil || len(inner.Signatures) != 1 || inner.Signatures[0].Protected.JSONWebKey == nil {
		return malformed("Parse error reading JWS")
	}
	header := inner.Signatures[0].Protected
	content, err := inner.Verify(header.JSONWebKey)
	if err != nil {
		return malformed("Inner JWS does not verify with embedded JWK")
	}
	if url, _ := header.ExtraHeaders["url"].(string); url != s.origin()+r.Path || header.Nonce != "" {
		return malformed("Outer JWS 'url' value does not match inner JWS 'url' value")
	}
	var change struct {
		Account string          `json:"account"`
		OldKey  jose.JSONWebKey `json:"oldKey"`
	}
	if err := json.Unmarshal(content, &change); err != nil || change.Account != by.url || !sameKey(change.OldKey.Key, by.key.Key) {
		return malformed("Inner JWS does not contain old key field matching current account key")
	}
	if sameKey(header.JSONWebKey.Key, by.key.Key) {
		return malformed("New key specified by rollover request is the same as the old key")
	}
	for _, other := range s.accounts {
		if !other.deactivated && sameKey(other.key.Key, header.JSONWebKey.Key) {
			return Problem(http.StatusConflict, "conflict", "New key is already in use for a different account").With("Location", other.url)
		}
	}
	by.key = header.JSONWebKey
	return s.accountReply(http.StatusOK, by)
}
