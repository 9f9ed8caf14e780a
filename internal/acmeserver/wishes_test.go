package acmeserver_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// TestWishes_Denied has what a machine may not have, each refused with the right problem type, and nothing sent to the CA.
func TestWishes_Denied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com", "*.web1.example.com", ".lab.example.com", "xn--bcher-kva.example")
	other := w.client("web2", "web2.example.com", "*..lab.example.com")
	theirKey := newKey(t)
	theirOrder, theirChain := other.certificate(theirKey, "web2.example.com")
	theirs := other.post(theirOrder, nil)
	theirLeaf := leafOf(t, theirChain.body)
	theirID := certificateID(theirLeaf)
	before := w.up.sent()

	order := func(names ...string) func() answer { return func() answer { return m.order(names...) } }
	newOrder := func(payload any) func() answer {
		return func() answer { return m.post(w.url("/acme/new-order"), payload) }
	}
	get := func(url string, payload any) func() answer { return func() answer { return m.post(url, payload) } }
	revoke := func(chain []byte, reason int) map[string]any {
		return map[string]any{"certificate": base64.RawURLEncoding.EncodeToString(leafOf(t, chain).Raw), "reason": reason}
	}
	changed := func(change func(*form)) func() answer {
		return func() answer {
			f := m.good(w.url("/acme/new-order"), map[string]any{"identifiers": identifiers("web1.example.com")})
			change(&f)
			return m.send(f)
		}
	}
	keyChange := func(inner form) func() answer {
		return func() answer { return m.post(w.url("/acme/key-change"), string(inner.sign(t))) }
	}
	fresh := newKey(t)
	oldKey := jwkOf(t, m.key.Public())
	roll := func(account string, old json.RawMessage) []byte {
		return payloadOf(t, map[string]any{"account": account, "oldKey": old})
	}
	changeURL := w.url("/acme/key-change")

	for what, test := range map[string]struct {
		problem string
		ask     func() answer
	}{
		"the name above":                    {"rejectedIdentifier", order("example.com")},
		"a name below an exact one":         {"rejectedIdentifier", order("a.web1.example.com")},
		"a name beside":                     {"rejectedIdentifier", order("web3.example.com")},
		"another client's name":             {"rejectedIdentifier", order("web2.example.com")},
		"a name that ends in an allowed":    {"rejectedIdentifier", order("evilweb1.example.com")},
		"an allowed one with a suffix":      {"rejectedIdentifier", order("web1.example.com.evil.com")},
		"the wildcard above":                {"rejectedIdentifier", order("*.example.com")},
		"the wildcard of another name":      {"rejectedIdentifier", order("*.web3.example.com")},
		"a wildcard below a wildcard":       {"rejectedIdentifier", order("*.a.web1.example.com")},
		"a wildcard below a suffix":         {"rejectedIdentifier", order("*.host.lab.example.com")},
		"the wildcard of a suffix":          {"rejectedIdentifier", order("*.lab.example.com")},
		"the suffix itself":                 {"rejectedIdentifier", order("lab.example.com")},
		"a name with a suffix's end":        {"rejectedIdentifier", order("evillab.example.com")},
		"the wildcard of an exact name":     {"rejectedIdentifier", order("*.xn--bcher-kva.example")},
		"one allowed, one not":              {"rejectedIdentifier", order("web1.example.com", "web2.example.com")},
		"an IDN that is another":            {"rejectedIdentifier", order("xn--bchr-zpa.example")},
		"an IDN in its own script":          {"malformed", order("bücher.example")},
		"a dot at the end":                  {"malformed", order("web1.example.com.")},
		"an empty label":                    {"malformed", order("a..lab.example.com")},
		"a dot in front":                    {"malformed", order(".lab.example.com")},
		"a star in the middle":              {"malformed", order("a.*.lab.example.com")},
		"a star within a label":             {"malformed", order("w*.lab.example.com")},
		"two stars":                         {"malformed", order("*.*.web1.example.com")},
		"a star alone":                      {"malformed", order("*")},
		"an underscore":                     {"malformed", order("_acme-challenge.lab.example.com")},
		"a blank":                           {"malformed", order("a b.lab.example.com")},
		"a NUL":                             {"malformed", order("web1.example.com\x00.evil.com")},
		"a line break":                      {"malformed", order("web1.example.com\n")},
		"a very long name":                  {"malformed", order(strings.Repeat("a.", 200) + "lab.example.com")},
		"an empty name":                     {"malformed", order("")},
		"an address as a name":              {"malformed", order("192.0.2.1")},
		"an address":                        {"unsupportedIdentifier", newOrder(map[string]any{"identifiers": []map[string]string{{"type": "ip", "value": "192.0.2.1"}}})},
		"no names":                          {"malformed", newOrder(map[string]any{"identifiers": []string{}})},
		"too many names":                    {"malformed", order(strings.Fields(strings.Repeat("web1.example.com ", 101))...)},
		"no object":                         {"malformed", newOrder(`["web1.example.com"]`)},
		"a date":                            {"malformed", newOrder(map[string]any{"identifiers": identifiers("web1.example.com"), "notAfter": "2030-01-01T00:00:00Z"})},
		"a profile that there is not":       {"invalidProfile", newOrder(map[string]any{"identifiers": identifiers("web1.example.com"), "profile": "long"})},
		"replacing another's certificate":   {"unauthorized", newOrder(map[string]any{"identifiers": identifiers("web1.example.com"), "replaces": theirID})},
		"another's order":                   {"unauthorized", get(theirOrder, nil)},
		"another's order, finalized":        {"unauthorized", get(theirs.text(t, "finalize"), map[string]any{"csr": "AA"})},
		"another's authorization":           {"unauthorized", get(theirs.json(t)["authorizations"].([]any)[0].(string), nil)},
		"another's authorization, given up": {"unauthorized", get(theirs.json(t)["authorizations"].([]any)[0].(string), map[string]any{"status": "deactivated"})},
		"another's certificate":             {"unauthorized", get(theirs.text(t, "certificate"), nil)},
		"another's account":                 {"unauthorized", get(other.kid, nil)},
		"another's account, deactivated":    {"unauthorized", get(other.kid, map[string]any{"status": "deactivated"})},
		"another's orders":                  {"unauthorized", get(other.kid+"/orders", nil)},
		"revoking another's certificate":    {"unauthorized", get(w.url("/acme/revoke-cert"), revoke(theirChain.body, 1))},
		"revoking by a stranger's key": {"unauthorized", func() answer {
			return m.send(form{url: w.url("/acme/revoke-cert"), key: fresh, jwk: true, nonce: m.nonce(), payload: payloadOf(t, revoke(theirChain.body, 1))})
		}},
		"revoking what is not from here": {"unauthorized", get(w.url("/acme/revoke-cert"), map[string]any{"certificate": base64.RawURLEncoding.EncodeToString(w.up.issuer.Raw)})},
		"revoking for no such reason":    {"badRevocationReason", get(w.url("/acme/revoke-cert"), revoke(theirChain.body, 9))},
		"an order that there is not":     {"malformed", get(w.url("/acme/order/none"), nil)},
		"another's kid":                  {"unauthorized", changed(func(f *form) { f.kid = other.kid })},
		"a kid that there is not":        {"accountDoesNotExist", changed(func(f *form) { f.kid = w.url("/acme/account/none") })},
		"a kid of another server":        {"accountDoesNotExist", changed(func(f *form) { f.kid = strings.Replace(m.kid, "https://", "https://evil.", 1) })},
		"jwk in place of kid":            {"malformed", changed(func(f *form) { f.kid, f.jwk = "", true })},
		"neither kid nor jwk":            {"malformed", changed(func(f *form) { f.kid = "" })},
		"a stranger's key with our kid":  {"unauthorized", changed(func(f *form) { f.key = fresh })},
		"signed for another URL":         {"unauthorized", changed(func(f *form) { f.signed = w.url("/acme/key-change") })},
		"sent to a URL with a question":  {"unauthorized", changed(func(f *form) { f.url += "?x=1"; f.signed = f.url })},
		"no nonce":                       {"badNonce", changed(func(f *form) { f.nonce = "" })},
		"a nonce of another":             {"badNonce", changed(func(f *form) { f.nonce = base64.RawURLEncoding.EncodeToString(make([]byte, 32)) })},
		"a payload exchanged":            {"unauthorized", changed(func(f *form) { f.change = exchange(t, "payload", `{"identifiers":[]}`) })},
		"an unprotected header":          {"malformed", changed(func(f *form) { f.change = member(t, "header", json.RawMessage(`{"kid":"x"}`)) })},
		"several signatures":             {"malformed", changed(func(f *form) { f.change = member(t, "signatures", json.RawMessage(`[]`)) })},
		"the compact form":               {"malformed", changed(func(f *form) { f.change = func([]byte) []byte { return []byte("a.b.c") } })},
		"another content type":           {"malformed", changed(func(f *form) { f.kind = "application/json" })},
		"a body without end": {"malformed", changed(func(f *form) {
			f.change = func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 1<<20)...) }
		})},
		"alg none":                     {"badSignatureAlgorithm", changed(func(f *form) { f.change = exchange(t, "protected", `{"alg":"none","kid":"x","nonce":"x","url":"x"}`) })},
		"alg HS256":                    {"badSignatureAlgorithm", changed(func(f *form) { f.change = exchange(t, "protected", `{"alg":"HS256","kid":"x","nonce":"x","url":"x"}`) })},
		"an account without a binding": {"externalAccountRequired", func() answer { return stranger(m, fresh).send(stranger(m, fresh).newAccount(map[string]any{})) }},
		"an account that must be there": {"accountDoesNotExist", func() answer {
			return stranger(m, fresh).send(stranger(m, fresh).newAccount(map[string]any{"onlyReturnExisting": true}))
		}},
		"a binding by a wrong secret":          {"unauthorized", bound(m, fresh, w.url("/acme/new-account"), m.keyID, bytes.Repeat([]byte("x"), 32), fresh)},
		"a binding of an unknown kid":          {"unauthorized", bound(m, fresh, w.url("/acme/new-account"), "web1.none", m.secret, fresh)},
		"a binding with a path for a kid":      {"unauthorized", bound(m, fresh, w.url("/acme/new-account"), "../web1.none", m.secret, fresh)},
		"a binding for another key":            {"malformed", bound(m, fresh, w.url("/acme/new-account"), m.keyID, m.secret, m.key)},
		"a binding for another URL":            {"malformed", bound(m, fresh, "https://evil.example/new-account", m.keyID, m.secret, fresh)},
		"key change, inner not by the new key": {"unauthorized", keyChange(form{url: changeURL, key: fresh, jwk: true, payload: roll(m.kid, oldKey), change: exchange(t, "payload", string(roll(m.kid, oldKey))+" ")})},
		"key change of another account":        {"malformed", keyChange(form{url: changeURL, key: fresh, jwk: true, payload: roll(other.kid, oldKey)})},
		"key change from another key":          {"malformed", keyChange(form{url: changeURL, key: fresh, jwk: true, payload: roll(m.kid, jwkOf(t, other.key.Public()))})},
		"key change to another's key":          {"malformed", keyChange(form{url: changeURL, key: other.key, jwk: true, payload: roll(m.kid, oldKey)})},
		"key change for another URL":           {"malformed", keyChange(form{url: changeURL, signed: w.url("/x"), key: fresh, jwk: true, payload: roll(m.kid, oldKey)})},
		"pre-authorization":                    {"malformed", get(w.url("/acme/new-authz"), map[string]any{"identifier": identifiers("web1.example.com")[0]})},
	} {
		got := test.ask()
		if got.problem() != test.problem || got.header.Get("Replay-Nonce") == "" {
			t.Errorf("%s: %d %s %s, want %s", what, got.status, got.header, got.body, test.problem)
		}
	}
	if n := w.up.sent(); n != before {
		t.Errorf("the CA was asked %d times", n-before)
	}
}

// TestCSR_Denied has requests that are not for the order.
func TestCSR_Denied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com", "*.web1.example.com")
	order := m.order("web1.example.com", "*.web1.example.com")
	key := newKey(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	odd, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	both := []string{"web1.example.com", "*.web1.example.com"}
	evil, err := url.Parse("https://evil.example")
	if err != nil {
		t.Fatal(err)
	}
	for what, csr := range map[string]string{
		"other names":       csrOf(t, key, &x509.CertificateRequest{DNSNames: []string{"web2.example.com"}}),
		"a name less":       csrOf(t, key, &x509.CertificateRequest{DNSNames: both[:1]}),
		"a name more":       csrOf(t, key, &x509.CertificateRequest{DNSNames: append(both[:2:2], "a.web1.example.com")}),
		"no names":          csrOf(t, key, &x509.CertificateRequest{}),
		"a subject besides": csrOf(t, key, &x509.CertificateRequest{DNSNames: both, Subject: pkix.Name{CommonName: "example.com"}}),
		"an address":        csrOf(t, key, &x509.CertificateRequest{DNSNames: both, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}),
		"a mail address":    csrOf(t, key, &x509.CertificateRequest{DNSNames: both, EmailAddresses: []string{"a@example.com"}}),
		"a URI":             csrOf(t, key, &x509.CertificateRequest{DNSNames: both, URIs: []*url.URL{evil}}),
		"a small RSA key":   csrOf(t, small, &x509.CertificateRequest{DNSNames: both}),
		"an odd curve":      csrOf(t, odd, &x509.CertificateRequest{DNSNames: both}),
		"the account's key": csrOf(t, m.key, &x509.CertificateRequest{DNSNames: both}),
		"no CSR":            "",
		"no base64":         "===",
		"an odd text":       base64.RawURLEncoding.EncodeToString([]byte("CSR")),
		"a changed name":    strings.Replace(csrOf(t, key, &x509.CertificateRequest{DNSNames: both}), base64.RawURLEncoding.EncodeToString([]byte("web1"))[:4], "d2Vi", 1) + "AA",
	} {
		got := m.post(order.text(t, "finalize"), map[string]any{"csr": csr})
		if got.problem() != "badCSR" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if len(w.up.issued) != 0 {
		t.Errorf("issued %v", w.up.issued)
	}
	if got := m.post(order.header.Get("Location"), nil); got.text(t, "status") != "ready" {
		t.Errorf("the order is spent: %s", got.body)
	}
}

// TestNonce_UsedTwice sends one and the same request again.
func TestNonce_UsedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	f := m.good(w.url("/acme/new-order"), map[string]any{"identifiers": identifiers("web1.example.com")})
	body := f.sign(t)
	if got := m.sendBody(f.url, "application/jose+json", body); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := m.sendBody(f.url, "application/jose+json", body); got.problem() != "badNonce" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestMethods_NotTaken has GET where POST-as-GET is wanted, and the reverse.
func TestMethods_NotTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	for path, method := range map[string]string{
		"/acme/new-order": http.MethodGet, "/acme/order/x": http.MethodGet, "/directory": http.MethodPost, "/acme/new-nonce": http.MethodDelete,
	} {
		request, err := http.NewRequestWithContext(t.Context(), method, w.url(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := m.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", method, path, response.StatusCode)
		}
	}
}

func jwkOf(t *testing.T, key any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// stranger is a machine that has no account.
func stranger(m *machine, key *ecdsa.PrivateKey) *machine {
	return &machine{w: m.w, key: key, http: m.http}
}

// bound asks for an account with a binding.
func bound(m *machine, key *ecdsa.PrivateKey, url, keyID string, secret []byte, inner *ecdsa.PrivateKey) func() answer {
	return func() answer {
		s := stranger(m, key)
		return s.send(s.newAccount(map[string]any{"externalAccountBinding": s.binding(url, keyID, secret, inner.Public())}))
	}
}

// exchange puts another text into a part of a JWS.
func exchange(t *testing.T, part, text string) func([]byte) []byte {
	return member(t, part, json.RawMessage(`"`+base64.RawURLEncoding.EncodeToString([]byte(text))+`"`))
}

// member puts a member into a JWS.
func member(t *testing.T, name string, value json.RawMessage) func([]byte) []byte {
	return func(body []byte) []byte {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			t.Fatal(err)
		}
		all[name] = value
		changed, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
}
