package acmeserver

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
)

const mostBody = 64 << 10 // bytes of a POST

// signatures are the algorithms of accounts that are taken, as by Boulder.
func signatures() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.RS256}
}

// message is a JWS of RFC 8555 §6.2, not yet verified.
type message struct {
	signed *jose.JSONWebSignature
	header jose.Header
	url    string
}

// parseJWS reads a flattened JWS with one signature and no unprotected header (RFC 8555 §6.2).
func parseJWS(body []byte, algorithms []jose.SignatureAlgorithm) (*message, *Problem) {
	var form struct {
		Protected  *string         `json:"protected"`
		Payload    *string         `json:"payload"`
		Signature  *string         `json:"signature"`
		Header     json.RawMessage `json:"header"`
		Signatures json.RawMessage `json:"signatures"`
	}
	switch err := json.Unmarshal(body, &form); {
	case err != nil:
		return nil, malformed("the body is no JWS in JSON")
	case form.Header != nil:
		return nil, malformed("the JWS has an unprotected header")
	case form.Signatures != nil:
		return nil, malformed("the JWS has several signatures")
	case form.Protected == nil || form.Payload == nil || form.Signature == nil:
		return nil, malformed("the JWS lacks protected, payload or signature")
	}
	if problem := checkAlgorithm(*form.Protected, algorithms); problem != nil {
		return nil, problem
	}
	signed, err := jose.ParseSigned(string(body), algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, malformed("the JWS cannot be read")
	}
	m := &message{signed: signed, header: signed.Signatures[0].Protected}
	m.url, _ = m.header.ExtraHeaders["url"].(string)
	return m, nil
}

// checkAlgorithm has badSignatureAlgorithm name what is taken (RFC 8555 §6.2).
func checkAlgorithm(protected string, algorithms []jose.SignatureAlgorithm) *Problem {
	text, err := base64.RawURLEncoding.DecodeString(protected)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return malformed("the protected header of the JWS cannot be read")
	}
	if slices.Contains(algorithms, jose.SignatureAlgorithm(header.Algorithm)) {
		return nil
	}
	problem := refuse(http.StatusBadRequest, "badSignatureAlgorithm", "the algorithm of the JWS is not taken")
	for _, algorithm := range algorithms {
		problem.Algorithms = append(problem.Algorithms, string(algorithm))
	}
	return problem
}

// verify returns the payload.
func (m *message) verify(key any) ([]byte, *Problem) {
	payload, err := m.signed.Verify(key)
	if err != nil {
		return nil, unauthorized("the signature of the JWS is not that of the key")
	}
	return payload, nil
}

// usableKey refuses keys that no public CA takes for accounts or certificates.
func usableKey(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 4096 && key.E > 2
	case *ecdsa.PublicKey:
		size := key.Curve.Params().BitSize
		return size == 256 || size == 384 || size == 521
	}
	return false
}

// thumbprint names an account's key (RFC 7638); "" if it cannot be one.
func thumbprint(key *jose.JSONWebKey) string {
	if key == nil || !key.Valid() || !key.IsPublic() || !usableKey(key.Key) {
		return ""
	}
	digest, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(digest)
}

// decode reads the JSON object of a payload. Members that are not known are left alone, as RFC 8555 §6 wants it.
func decode(payload []byte, into any) *Problem {
	if text := bytes.TrimSpace(payload); len(text) == 0 || text[0] != '{' {
		return malformed("the payload is no JSON object")
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return malformed("the payload is not what is wanted here")
	}
	return nil
}

// checkBinding verifies an external account binding (RFC 8555 §7.3.4).
func checkBinding(binding []byte, url string, outer *jose.JSONWebKey,
	keyOf func(kid string) []byte) (kid string, _ *Problem) {
	m, problem := parseJWS(binding, []jose.SignatureAlgorithm{jose.HS256})
	if problem != nil {
		problem.Detail = "the external account binding: " + problem.Detail
		return "", problem
	}
	switch {
	case m.header.Nonce != "":
		return "", malformed("the external account binding has a nonce")
	case m.header.JSONWebKey != nil || m.header.KeyID == "":
		return "", malformed("the external account binding has no kid")
	case subtle.ConstantTimeCompare([]byte(m.url), []byte(url)) == 0:
		return "", malformed("the external account binding is for another URL")
	}
	key := keyOf(m.header.KeyID)
	if key == nil {
		return "", unauthorized("the kid of the external account binding is not known here: ask who runs this server for one")
	}
	payload, err := m.signed.Verify(key)
	if err != nil {
		return "", unauthorized("the key of the external account binding is not that of its kid")
	}
	var inner jose.JSONWebKey
	if err := inner.UnmarshalJSON(payload); err != nil || thumbprint(&inner) != thumbprint(outer) {
		return "", malformed("the external account binding is for another account key")
	}
	return m.header.KeyID, nil
}
