package acmetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	jose "github.com/go-jose/go-jose/v4"
)

// payload is what a JWS carries, unverified.
func payload(body []byte) []byte {
	var flat struct {
		Payload string `json:"payload"`
	}
	if json.Unmarshal(body, &flat) != nil {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(flat.Payload)
	if err != nil {
		return nil
	}
	return raw
}

// signatures are the algorithms that Boulder takes.
var signatures = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.ES384, jose.ES512}

// mostBody is how long a POST may be (boulder wfe2/verify.go).
const mostBody = 50_000

// authenticate verifies a POST (RFC 8555 §6.2–6.5) and returns the account, or for newAccount and revokeCert the key.
func (s *Server) authenticate(r *Request) (key *jose.JSONWebKey, by *account, body []byte, refusal *Reply) {
	bad := func(kind, format string, args ...any) (*jose.JSONWebKey, *account, []byte, *Reply) {
		text := fmt.Sprintf(format, args...)
		if kind != "badNonce" {
			s.violate("%s %s: %s", r.Method, r.Path, text)
		}
		return nil, nil, nil, Problem(http.StatusBadRequest, kind, text)
	}
	if r.Method != http.MethodPost {
		return bad("malformed", "method %s", r.Method)
	}
	if r.Header.Get("Content-Type") != "application/jose+json" {
		return bad("malformed", "content type %s", r.Header.Get("Content-Type"))
	}
	if r.Header.Get("User-Agent") == "" {
		return bad("malformed", "no User-Agent")
	}
	if len(r.body) > mostBody {
		return nil, nil, nil, Problem(http.StatusForbidden, "unauthorized",
			"Unable to validate JWS :: request body too large")
	}
	signed, err := jose.ParseSigned(string(r.body), signatures)
	if err != nil || len(signed.Signatures) != 1 {
		return bad("malformed", "not a JWS: %v", err)
	}
	header := signed.Signatures[0].Protected
	if url, _ := header.ExtraHeaders["url"].(string); url != s.origin()+r.Path {
		return bad("malformed", "JWS header parameter 'url' incorrect. Expected %q got %q", s.origin()+r.Path, url)
	}
	switch {
	case header.JSONWebKey != nil && header.KeyID != "":
		return bad("malformed", "both jwk and kid")
	case header.JSONWebKey != nil:
		if r.Endpoint != NewAccount && r.Endpoint != RevokeCert {
			return bad("malformed", "jwk where kid is wanted")
		}
		key = header.JSONWebKey
	default:
		for _, a := range s.accounts {
			if a.url == header.KeyID && !a.deactivated {
				by, key = a, a.key
			}
		}
		if by == nil {
			return nil, nil, nil, Problem(http.StatusBadRequest, "accountDoesNotExist",
				fmt.Sprintf("Unable to validate JWS :: Account %q not found", header.KeyID))
		}
		if by.status != "valid" {
			return nil, nil, nil, Problem(http.StatusForbidden, "unauthorized",
				fmt.Sprintf("Unable to validate JWS :: Account is not valid, has status %q", by.status))
		}
	}
	if body, err = signed.Verify(key); err != nil {
		return bad("malformed", "signature: %v", err)
	}
	if s.posts++; !s.nonces.redeem(header.Nonce) || s.options.BadNonces > 0 && s.posts%s.options.BadNonces == 0 {
		return bad("badNonce", "Unable to validate JWS :: JWS has an invalid anti-replay nonce")
	}
	return key, by, body, nil
}
