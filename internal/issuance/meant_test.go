package issuance_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// TestAuthorizations_WithoutWildcard: report P5 (grindsa/acme2certifier#76). CAs mark the authorization of a wildcard in one of
// three ways or not at all: it is matched by its base name. Each name's value stands while the CA looks, and each challenge is
// answered once.
func TestAuthorizations_WithoutWildcard(t *testing.T) {
	t.Parallel()
	identifier := func(change func(value string, wild bool) (string, bool)) func(d map[string]any) {
		return func(d map[string]any) {
			id, _ := d["identifier"].(map[string]any)
			value, _ := id["value"].(string)
			wild, _ := d["wildcard"].(bool)
			id["value"], d["wildcard"] = change(value, wild)
		}
	}
	star := func(value string, wild bool) string {
		if wild {
			return "*." + value
		}
		return value
	}
	habits := map[string]func(d map[string]any){
		"no wildcard member":      func(d map[string]any) { delete(d, "wildcard") },
		"wildcard is false":       identifier(func(value string, _ bool) (string, bool) { return value, false }),
		"*. in its place":         identifier(func(value string, wild bool) (string, bool) { return star(value, wild), false }),
		"*. and wildcard":         identifier(func(value string, wild bool) (string, bool) { return star(value, wild), wild }),
		"upper case":              identifier(func(value string, wild bool) (string, bool) { return strings.ToUpper(value), wild }),
		"upper case, no wildcard": identifier(func(value string, _ bool) (string, bool) { return strings.ToUpper(value), false }),
		"as it should be":         func(map[string]any) {},
	}
	sets := [][]string{
		{"*.example.com"}, {"*.example.com", "example.com"}, {"example.com", "*.example.com"}, {"example.com", "*.a.example.com", "*.example.net", "example.net"},
	}
	for habit, change := range habits {
		for _, names := range sets {
			t.Run(habit+" "+strings.Join(names, " "), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{})
				w.ca.On(acmetest.Authorization, edited(change))
				w.succeeds(names...)
				if n := w.ca.Count(acmetest.Challenge); n != len(names) {
					t.Errorf("%d challenges of %d were answered", n, len(names))
				}
				if n := w.conoha.Calls().Creates; n != len(names) {
					t.Errorf("%d records of %d were created", n, len(names))
				}
				w.clean(t)
			})
		}
	}
}

// TestAuthorizations_Strange has those refused that are for other names, or more than were asked for.
func TestAuthorizations_Strange(t *testing.T) {
	t.Parallel()
	value := func(name string) func(d map[string]any) {
		return func(d map[string]any) {
			d["identifier"] = map[string]any{"type": "dns", "value": name}
			delete(d, "wildcard")
		}
	}
	for name, change := range map[string]func(d map[string]any){
		"parent": value("com"), "child": value("www.example.com"), "another's wildcard": value("*.example.org"), "two stars": value("*.*.example.com"), "empty": value(""), "star": value("*."),
	} {
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Authorization, edited(change))
		if err := w.fails(issuance.CodeReply, fault.Failed, "was not asked for", "*.example.com"); err == nil {
			t.Error(name)
		}
		w.untouched()
	}
}

// TestExternalAccounts_Spellings: report P24. The key is read in both alphabets of base64, with padding, blanks and line breaks or
// without (cert-manager#2897, terraform-provider-google#20801, lego#2634).
func TestExternalAccounts_Spellings(t *testing.T) {
	t.Parallel()
	for what, key := range map[string][]byte{
		"32 bytes": bytes.Repeat([]byte{0xfb, 0xff, 0xfe, 0x3e}, 8), "33 bytes": bytes.Repeat([]byte{0xff, 0xef, 0xbe}, 11), "64 bytes": bytes.Repeat([]byte{0xfa, 0xfb, 0xfc, 0xff}, 16),
		"text": []byte("secret-canary key of an account, in ASCII"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{
				EABKeys: map[string][]byte{"mine": key, "kid": mustDecode(eabKey)}, Deviations: acmetest.Deviations{NoLimits: true},
			})
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				text := e.EncodeToString(key)
				for _, spelled := range []string{text, text + "\n", text + "\r\n", " " + text + " ", text[:20] + "\n" + text[20:] + "\n", strings.TrimRight(text, "=") + "=="} {
					if _, err := w.issuer.CA.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: "mine", EABKey: spelled}); err != nil {
						t.Errorf("%v", err)
					}
				}
			}
		})
	}
}

func mustDecode(text string) []byte {
	key, _ := base64.RawURLEncoding.DecodeString(text)
	return key
}

// TestExternalAccounts_Hints: mismatch M20. What may be wrong with a key is said: gcloud prints its keys in base64 of base64
// (acme.sh#4082); one that is short is refused before anything is sent, since HS256 needs 32 bytes.
func TestExternalAccounts_Hints(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff, 0xfe, 0x3e}, 8)
	w := newScripted(t, acmetest.Options{EABKeys: map[string][]byte{"kid": mustDecode(eabKey), "google": key}})
	twice := base64.StdEncoding.EncodeToString([]byte(base64.URLEncoding.EncodeToString(key)))
	for _, test := range []struct{ kid, key, text string }{
		{"google", twice, "base64 of base64"},
		{"google", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)), "does not verify"},
		{"kid", base64.StdEncoding.EncodeToString(key[:16]), "16 bytes, and HS256 needs 32"},
		{"kid", "not base64 at all!", "not base64"},
	} {
		before := w.ca.Count(acmetest.NewAccount)
		_, err := w.issuer.CA.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: test.kid, EABKey: test.key})
		failedWith(t, err, issuance.CodeExternalAccount, fault.Misconfigured, test.text)
		if strings.Contains(err.Error(), test.key) || strings.Contains(err.Error(), "base64 of base64") != (test.key == twice) {
			t.Errorf("%v", err)
		}
		if n := w.ca.Count(acmetest.NewAccount) - before; test.kid == "kid" && n > 0 {
			t.Errorf("%d requests for an account", n)
		}
	}
}

// TestReplaces_NotToBlame: an order that says what it replaces and is refused for another reason is refused for that reason, and
// The user is not told of "replaces". One that is refused for it goes on without, and says so only if there is something to know.
func TestReplaces_NotToBlame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status   int
		kind     string
		code     string // of the error
		requests int
	}{
		"a name covered by a wildcard": {400, "malformed", issuance.CodeRefused, 2},
		"a name of the blocklist":      {400, "rejectedIdentifier", issuance.CodeName, 1},
		"no such profile":              {400, "invalidProfile", issuance.CodeProfile, 1},
		"account deactivated":          {403, "unauthorized", issuance.CodeUnauthorized, 2},
		"CAA":                          {403, "caa", issuance.CodeCAA, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			r := request(t, "*.example.com", "example.com")
			r.Replaces = issuance.CertificateID(w.succeeds().Leaf)
			w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(test.status, test.kind, "the reason")) }))
			result, err := w.issuer.Obtain(t.Context(), r)
			if fault.CodeOf(err) != test.code || !strings.Contains(err.Error(), "the reason") || len(result.Warnings) > 0 {
				t.Errorf("error %v, warnings %q", err, result.Warnings)
			}
			if n := w.ca.Count(acmetest.NewOrder); n != test.requests {
				t.Errorf("%d requests for an order, want %d", n, test.requests)
			}
		})
	}
	for kind, notes := range map[string]int{"alreadyReplaced": 0, "malformed": 1} {
		w := newScripted(t, acmetest.Options{})
		r := request(t, "*.example.com", "example.com")
		r.Replaces = issuance.CertificateID(w.succeeds().Leaf)
		w.ca.On(acmetest.NewOrder, func(q *acmetest.Request) *acmetest.Reply {
			if bytes.Contains(q.Payload, []byte(`"replaces"`)) {
				return w.ca.Nonce(acmetest.Problem(409, kind, "the reason"))
			}
			return q.Next()
		})
		result, err := w.issuer.Obtain(t.Context(), r)
		if err != nil || len(result.Warnings) != notes {
			t.Errorf("%s: error %v, warnings %q", kind, err, result.Warnings)
		}
	}
}

// TestRevoke_ReplyLost: mismatch M22. A revocation whose reply was lost, and that the CA has therefore done, has succeeded; one of
// another time has not.
func TestRevoke_ReplyLost(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(w *scripted) *acmetest.Reply{
		"dropped": func(*scripted) *acmetest.Reply { return &acmetest.Reply{Drop: true} },
		"500":     func(w *scripted) *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "no")) },
	} {
		w := newScripted(t, acmetest.Options{})
		leaf := w.succeeds().Leaf
		lost := true
		var mu sync.Mutex
		w.ca.On(acmetest.RevokeCert, func(q *acmetest.Request) *acmetest.Reply {
			mu.Lock()
			defer mu.Unlock()
			if lost {
				lost = false
				return first(w)
			}
			return w.ca.Nonce(acmetest.Problem(400, "alreadyRevoked", "already"))
		})
		if err := w.issuer.CA.Revoke(t.Context(), w.issuer.Account, leaf, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		failedWith(t, w.issuer.CA.Revoke(t.Context(), w.issuer.Account, leaf, 0), issuance.CodeRevoked, fault.Failed, "already")
	}
}

// TestRevoke_Reasons: mismatch M23. A reason that the CA is known not to take is not sent.
func TestRevoke_Reasons(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	leaf := w.succeeds().Leaf
	facts, _ := issuance.KnownCA(issuance.ServerURL("letsencrypt"))
	w.issuer.CA = w.dialTo(issuance.Options{Facts: &facts})
	failedWith(t, w.issuer.CA.Revoke(t.Context(), w.issuer.Account, leaf, 3), issuance.CodeReason, fault.Usage, "only unspecified, keycompromise, superseded, cessationofoperation")
	if n := w.ca.Count(acmetest.RevokeCert); n > 0 {
		t.Errorf("%d requests", n)
	}
	for _, reason := range []uint{0, 1, 4, 5} {
		if err := w.issuer.CA.Revoke(t.Context(), w.issuer.Account, leaf, reason); err != nil && fault.CodeOf(err) != issuance.CodeRevoked {
			t.Errorf("%d: %v", reason, err)
		}
	}
}

// TestCommonName: report P26 (certbot#4922, acme2certifier#273). Where the table says so the CSR has a common name, the first name
// that is short enough for one; elsewhere there is none.
func TestCommonName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 53) + ".example.com" // 65 octets
	longest := strings.Repeat("b", 52) + ".example.com"
	for name, test := range map[string]struct {
		server string
		names  []string
		want   string
	}{
		"DigiCert":        {"digicert", []string{"*.example.com", "example.com"}, "*.example.com"},
		"first too long":  {"digicert", []string{long, "example.com"}, "example.com"},
		"64 octets":       {"digicert", []string{long, longest}, longest},
		"all too long":    {"digicert", []string{long}, ""},
		"Let's Encrypt":   {"letsencrypt", []string{"*.example.com"}, ""},
		"unknown":         {"https://ca.example/directory", []string{"example.com"}, ""},
		"other directory": {"https://one.digicert.com/customer/directory", []string{"example.com"}, "example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			facts, _ := issuance.KnownCA(issuance.ServerURL(test.server))
			w.issuer.CA = w.dialTo(issuance.Options{Facts: &facts})
			w.succeeds(test.names...)
			csr := w.ca.Orders()[0].CSR
			if csr.Subject.CommonName != test.want || !slices.Equal(csr.DNSNames, test.names) {
				t.Errorf("CN %q, names %q", csr.Subject.CommonName, csr.DNSNames)
			}
		})
	}
}

// TestRegister_Facts has said what a CA's directory does not say, before an account is asked for.
func TestRegister_Facts(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	before := w.ca.Count(acmetest.NewAccount)
	facts, _ := issuance.KnownCA(issuance.ServerURL("sslcom"))
	ca := w.dialTo(issuance.Options{Facts: &facts})
	_, err := ca.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true})
	failedWith(t, err, issuance.CodeExternalAccount, fault.Misconfigured, "--eab-kid")
	_, err = ca.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: "kid", EABKey: eabKey})
	failedWith(t, err, issuance.CodeContact, fault.Usage, "--email")
	if n := w.ca.Count(acmetest.NewAccount) - before; n > 0 {
		t.Errorf("%d requests for an account", n)
	}
	_, err = w.tryDial(issuance.Options{Server: issuance.ServerURL("buypass")})
	failedWith(t, err, issuance.CodeEnded, fault.Misconfigured, "since 2025-10-31; others are actalis")
	_, err = w.tryDial(issuance.Options{Server: "https://acme-v01.api.letsencrypt.org/directory"})
	failedWith(t, err, issuance.CodeEnded, fault.Misconfigured, "it is https://acme-v02.api.letsencrypt.org/directory now")
}

// TestMayOrder: newcomer N19 and its kind. What a CA would refuse, or charge for, is known before anything is sent.
func TestMayOrder(t *testing.T) {
	t.Parallel()
	many := func(n int) []string {
		var names []string
		for i := range n {
			names = append(names, "n"+time.Duration(i).String()+".example.com")
		}
		return names
	}
	profiles := map[string]any{"profiles": map[string]any{"classic": "", "tlsserver": "", "shortlived": ""}}
	for name, test := range map[string]struct {
		server  string
		names   []string
		profile string
		code    string // of the refusal; "" if there is none
		text    string
		notes   int
	}{
		"100 names":             {"letsencrypt", many(100), "", "", "", 0},
		"101 names":             {"letsencrypt", many(101), "", issuance.CodeTooMany, "101 names, and Let's Encrypt takes at most 100", 0},
		"at staging":            {"letsencrypt-staging", many(102), "", issuance.CodeTooMany, "102 names, and Let's Encrypt takes at most 100", 0},
		"101 in classic":        {"letsencrypt", many(101), "classic", issuance.CodeTooMany, "at most 100 on one certificate of profile classic", 0},
		"26 in tlsserver":       {"letsencrypt", many(26), "tlsserver", issuance.CodeTooMany, "26 names, and Let's Encrypt takes at most 25 on one certificate of profile tlsserver", 0},
		"26 in shortlived":      {"letsencrypt", many(26), "shortlived", issuance.CodeTooMany, "at most 25", 0},
		"25 in shortlived":      {"letsencrypt", many(25), "shortlived", "", "", 0},
		"unknown profile":       {"letsencrypt", many(1), "tlsclient", issuance.CodeProfile, "offers classic shortlived tlsserver", 0},
		"covered":               {"letsencrypt", []string{"*.example.com", "www.example.com"}, "", issuance.CodeCovered, "www.example.com", 0},
		"not covered":           {"letsencrypt", []string{"*.example.com", "example.com", "a.b.example.com", "*.b.example.com.example.net"}, "", "", "", 0},
		"no wildcard":           {"actalis", []string{"example.com", "*.example.com"}, "", issuance.CodeNoWildcard, "*.example.com", 0},
		"one name and www.":     {"actalis", []string{"example.com", "www.example.com"}, "", "", "", 0},
		"more than is free":     {"actalis", []string{"a.example.com", "b.example.com"}, "", "", "", 1},
		"more than there may":   {"actalis", many(6), "", issuance.CodeTooMany, "at most 5", 1},
		"paid wildcard":         {"sslcom", []string{"*.example.com"}, "", "", "", 1},
		"second-hand":           {"zerossl", many(101), "", "", "", 1},
		"other scripts":         {"google", []string{"xn--wgv71a.example"}, "", "", "", 1},
		"covered elsewhere":     {"google", []string{"*.example.com", "www.example.com"}, "", "", "", 0},
		"1000 names at unknown": {"https://ca.example/directory", many(1000), "", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Meta: profiles})
			facts, _ := issuance.KnownCA(issuance.ServerURL(test.server))
			ca := w.dialTo(issuance.Options{Facts: &facts})
			notes, err := ca.MayOrder(test.names, test.profile)
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
			} else {
				failedWith(t, err, test.code, fault.Usage, test.text)
			}
			if len(notes) != test.notes {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// TestMayOrder_UnknownURL: what a directory says of itself counts where its URL is in no table.
func TestMayOrder_UnknownURL(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 101 {
		names = append(names, fmt.Sprintf("n%d.example.com", i))
	}
	profiles := map[string]any{"classic": "", "tlsserver": "", "shortlived": ""}
	for name, test := range map[string]struct {
		meta    map[string]any
		profile string
		names   int
		refused bool
	}{
		"Let's Encrypt's issuer domain":        {map[string]any{"caaIdentities": []string{"LetsEncrypt.org"}}, "", 101, true},
		"the same, 100 names":                  {map[string]any{"caaIdentities": []string{"letsencrypt.org"}}, "", 100, false},
		"Let's Encrypt's profiles":             {map[string]any{"caaIdentities": []string{"ca.example"}, "profiles": profiles}, "", 101, true},
		"the same, 26 in shortlived":           {map[string]any{"profiles": profiles}, "shortlived", 26, true},
		"other profiles":                       {map[string]any{"profiles": map[string]any{"classic": ""}}, "classic", 101, false},
		"an issuer domain that nobody knows":   {map[string]any{"caaIdentities": []string{"ca.example"}}, "", 101, false},
		"the issuer domain of a CA that ended": {map[string]any{"caaIdentities": []string{"buypass.com"}}, "", 101, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Meta: test.meta})
			_, err := w.dialTo(issuance.Options{}).MayOrder(names[:test.names], test.profile)
			if !test.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failedWith(t, err, issuance.CodeTooMany, fault.Usage, fmt.Sprintf("%d names", test.names))
		})
	}
}

// TestCertificateTakenWithWarning: report P23 (a), at a whole order: www. on the certificate is a warning of the run.
func TestCertificateTakenWithWarning(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.Certificate, func(q *acmetest.Request) *acmetest.Reply {
		reply := q.Next()
		o := w.ca.Orders()[q.OrderID-1]
		leaf, err := w.ca.Issue(o.CSR.PublicKey, o.Names, func(c *x509.Certificate) {
			c.DNSNames = append(c.DNSNames[:len(c.DNSNames):len(c.DNSNames)], "www.example.com")
		})
		if err != nil {
			t.Error(err)
		}
		reply.Body = append(leaf, w.ca.ChainPEM()...)
		return reply
	})
	result := w.succeeds("example.com")
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0].Error(), "www.example.com") {
		t.Errorf("warnings %q", result.Warnings)
	}
}

// TestOrder_IdentifiersSpelled: names are a set without case in orders, too. Other names, and those without their "*.", are refused
// (TestOrderIsNotWhatWasAskedFor).
func TestOrder_IdentifiersSpelled(t *testing.T) {
	t.Parallel()
	for habit, spell := range map[string]func(ids []any) []any{
		"another order": func(ids []any) []any { slices.Reverse(ids); return ids },
		"twice":         func(ids []any) []any { return append(ids, ids[0]) },
		"upper case": func(ids []any) []any {
			for _, id := range ids {
				m := id.(map[string]any)
				m["value"] = strings.ToUpper(m["value"].(string))
			}
			return ids
		},
	} {
		t.Run(habit, func(t *testing.T) {
			t.Parallel()
			change := edited(func(d map[string]any) { d["identifiers"] = spell(d["identifiers"].([]any)) })
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.NewOrder, change)
			w.ca.On(acmetest.Order, change)
			w.succeeds("*.example.com", "example.com", "*.example.net")
			w.clean(t)
		})
	}
}
