package issuance_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/pebbletest"
)

// edited changes the document of an endpoint's replies.
func edited(change func(d map[string]any)) acmetest.Script {
	return func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next()
		if reply.Status >= 400 {
			return reply
		}
		return reply.Edit(change)
	}
}

// dnsChallenge is the challenge of an authorization that is answered here.
func dnsChallenge(authorization map[string]any) map[string]any {
	for _, c := range authorization["challenges"].([]any) {
		if c := c.(map[string]any); c["type"] == "dns-01" {
			return c
		}
	}
	return nil
}

// Faults #32 to #37: orders and authorizations that are not what was asked for are refused before any record is created.
func TestOrderIsNotWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	dns := func(name string) map[string]any { return map[string]any{"type": "dns", "value": name} }
	challenge := func(change func(c map[string]any)) func(d map[string]any) {
		return func(d map[string]any) { change(dnsChallenge(d)) }
	}
	token := func(token string) func(d map[string]any) {
		return challenge(func(c map[string]any) { c["token"] = token })
	}
	for name, test := range map[string]struct {
		endpoint acmetest.Endpoint
		change   func(d map[string]any)
		code     string
	}{
		// Fault #32.
		"other identifiers": {acmetest.NewOrder, func(d map[string]any) { d["identifiers"] = []any{dns("evil.example"), dns("example.com")} }, issuance.CodeReply},
		"fewer identifiers": {acmetest.NewOrder, func(d map[string]any) { d["identifiers"] = []any{dns("example.com")} }, issuance.CodeReply},
		// Fault #33.
		"more authorizations": {acmetest.NewOrder, func(d map[string]any) {
			a := d["authorizations"].([]any)
			d["authorizations"] = append(a, a...)
		}, issuance.CodeReply},
		"one authorization twice": {acmetest.NewOrder, func(d map[string]any) {
			a := d["authorizations"].([]any)
			d["authorizations"] = []any{a[0], a[0]}
		}, issuance.CodeReply},
		// Fault #34.
		"no authorizations": {acmetest.NewOrder, func(d map[string]any) { d["authorizations"] = []any{} }, issuance.CodeReply},
		// Fault #35.
		"a name nobody asked for": {acmetest.Authorization, func(d map[string]any) { d["identifier"] = dns("evil.example") }, issuance.CodeReply},
		"an address":              {acmetest.Authorization, func(d map[string]any) { d["identifier"] = map[string]any{"type": "ip", "value": "192.0.2.1"} }, issuance.CodeReply},
		// Fault #36.
		"token with a path":     {acmetest.Authorization, token("../../etc/passwd"), issuance.CodeReply},
		"token with a newline":  {acmetest.Authorization, token("abc\ndef"), issuance.CodeReply},
		"token of 10 kB":        {acmetest.Authorization, token(strings.Repeat("a", 10_000)), issuance.CodeReply},
		"token in UTF-8":        {acmetest.Authorization, token("トークン"), issuance.CodeReply},
		"empty token":           {acmetest.Authorization, token(""), issuance.CodeReply},
		"challenge has no URL":  {acmetest.Authorization, challenge(func(c map[string]any) { delete(c, "url") }), issuance.CodeReply},
		"authorization is null": {acmetest.Authorization, func(d map[string]any) { clear(d) }, issuance.CodeReply},
		// Fault #37.
		"no dns-01":     {acmetest.Authorization, challenge(func(c map[string]any) { c["type"] = "http-01" }), issuance.CodeNoChallenge},
		"no challenges": {acmetest.Authorization, func(d map[string]any) { d["challenges"] = []any{} }, issuance.CodeNoChallenge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(test.endpoint, edited(test.change))
			w.fails(test.code, fault.Failed, "")
			w.untouched()
			if n := w.ca.Answered(); n > 0 {
				t.Errorf("%d challenges were answered", n)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.NewOrder, edited(func(d map[string]any) {
			d["authorizations"] = []any{"https://evil.example/authz/1", "https://evil.example/authz/2"}
		}))
		w.fails(issuance.CodeReply, fault.Failed, "not on 127.0.0.1")
		w.untouched()
	})
}

// Fault #34: an order that is ready already is finalized. Fault #38: nor does one whose authorizations are valid already
// touch the DNS.
func TestObtain_AlreadyValid(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.Authorization, edited(func(d map[string]any) { d["status"] = "valid" }))
	w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
		w.ca.Prove(r.OrderID)
		return r.Next()
	})
	w.succeeds()
	w.untouched()
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
		return r.Next().Edit(func(d map[string]any) { d["status"], d["authorizations"] = "ready", []any{} })
	})
	w.succeeds("example.net")
	w.untouched()
}

// A CA that takes the proof of an earlier order would let a try succeed without a look at the DNS. When all names are to be proven
// again it is made to give the proof up; where it does not, the result says so.
func TestProveAgain(t *testing.T) {
	t.Parallel()
	creates := func(w *scripted) int {
		defer w.conoha.ResetLog()
		return w.conoha.Calls().Creates
	}
	again := func(w *scripted, names ...string) issuance.Result {
		t.Helper()
		r := request(t, names...)
		r.ProveAgain = true
		result, err := w.issuer.Obtain(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	w := newScripted(t, acmetest.Options{})
	w.succeeds("*.example.com", "example.com")
	creates(w)
	w.succeeds("*.example.com", "example.com")
	if n := creates(w); n != 0 {
		t.Fatalf("%d records: the CA takes no earlier proof, and nothing is tested", n)
	}
	result := again(w, "*.example.com", "example.com", "new.example.net") // two proven, one not
	if n := creates(w); n != 3 || w.ca.Deactivated() != 2 || len(result.Warnings) > 0 {
		t.Errorf("%d records, %d authorizations given up, %v", n, w.ca.Deactivated(), result.Warnings)
	}
	again(w, "example.net") // nothing to give up
	if n := creates(w); n != 1 || w.ca.Deactivated() != 2 {
		t.Errorf("%d records, %d authorizations given up", n, w.ca.Deactivated())
	}
	again(w, "example.net") // the order is ready from the start
	if n := creates(w); n != 1 || w.ca.Deactivated() != 3 {
		t.Errorf("%d records, %d authorizations given up", n, w.ca.Deactivated())
	}
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		if strings.Contains(string(r.Payload), "deactivated") {
			return acmetest.Problem(http.StatusForbidden, "unauthorized", "we keep it")
		}
		return r.Next()
	})
	result = again(w, "example.net")
	var said strings.Builder
	for _, warning := range result.Warnings {
		said.WriteString(warning.String() + "\n")
	}
	if n := creates(w); n != 0 || !strings.Contains(said.String(), "example.net: the CA keeps its proof") || !strings.Contains(said.String(), "DNS is not tried\n") {
		t.Errorf("%d records, %s", n, said.String())
	}
}

// Several names whose proof the CA keeps are each warned of.
func TestProveAgain_ManyKept(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.succeeds(manyNames(12)...)
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		if strings.Contains(string(r.Payload), "deactivated") {
			return w.ca.Nonce(acmetest.Problem(http.StatusForbidden, "unauthorized", "we keep it"))
		}
		return r.Next()
	})
	r := request(t, manyNames(12)...)
	r.ProveAgain = true
	result, err := w.issuer.Obtain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, warning := range result.Warnings {
		name, _, kept := strings.Cut(warning.String(), ": the CA keeps its proof")
		said[name] = kept
	}
	for _, name := range manyNames(12) {
		if !said[strings.TrimPrefix(name, "*.")] {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// Fault #39: when one of three records cannot be created no challenge is answered, so no failed validation is spent.
func TestOneRecordCannotBeCreated(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: conohatest.Request.Create}, Nth: 2, Times: -1, Status: http.StatusForbidden})
	_, err := w.obtain("a.example.com", "b.example.com", "c.example.com")
	if err == nil || w.ca.Answered() != 0 || w.ca.Failed() != 0 {
		t.Errorf("%v; %d answered, %d failed validations", err, w.ca.Answered(), w.ca.Failed())
	}
}

// Fault #40: when validation fails for one of three all names are reported, and all three records go.
func TestOneValidationFails(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Look: func(string) []string { return nil }})
	err := w.fails(issuance.CodeValidation, fault.Failed, "b.example.com", "a.example.com", "b.example.com", "c.example.com")
	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		if err == nil || !strings.Contains(err.Error(), name+": 403 unauthorized") {
			t.Errorf("%v does not tell of %s", err, name)
		}
	}
	if n := w.conoha.Calls().Creates; n != 3 {
		t.Errorf("%d records", n)
	}
}

// Fault #41: the reply to a challenge's answer is lost. Fault #42: it has no link to its authorization.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next()
		reply.Header.Del("Link")
		if r.Count%2 == 1 {
			return &acmetest.Reply{Drop: true}
		}
		return reply
	})
	w.succeeds()
	if n := w.ca.Count(acmetest.Challenge); n != 2 {
		t.Errorf("%d answers", n)
	}
}

// Fault #43: authorizations that never come to an end are given up at the deadline, but not deactivated: Boulder counts a
// deactivated pending authorization as a failed validation (ra.go, DeactivateAuthorization), and gives the order back to the
// next run.
func TestPendingForEver(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(24 * time.Hour)})
	w.issuer.Limit = 20 * time.Minute
	w.fails(issuance.CodeDeadline, fault.Temporary, "")
	if n := w.ca.Deactivated(); n != 0 {
		t.Errorf("%d authorizations were deactivated", n)
	}
}

// Fault #44: an authorization that is lost while we wait costs one new order, not the run.
func TestAuthorizationLost(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"expired", "revoked", "deactivated"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(5 * time.Second)})
			w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
				reply := r.Next()
				if r.OrderID == 1 && w.conoha.Calls().Creates > 0 {
					w.ca.Change(1, func(o *acmetest.OrderState) { o.Status = "invalid" })
					return reply.Edit(func(d map[string]any) { d["status"] = status })
				}
				return reply
			})
			w.succeeds()
			if n := len(w.ca.Orders()); n != 2 || !w.noted("a new one is made") {
				t.Errorf("%d orders, noted %v", n, w.noted("a new one is made"))
			}
		})
	}
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
			w.ca.Change(r.OrderID, func(o *acmetest.OrderState) { o.Status = "invalid" })
			return r.Next().Edit(func(d map[string]any) { d["status"] = "expired" })
		})
		w.fails(issuance.CodeOrder, fault.Failed, "expired")
		if n := len(w.ca.Orders()); n != 2 {
			t.Errorf("%d orders", n)
		}
	})
}

// Fault #45: a CA that takes its time for each validation takes it for all of them at once: none becomes valid here before
// all are answered.
func TestValidationsSideBySide(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("n%d.example.com", i))
	}
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		all := w.ca.Answered() == len(names)
		return r.Next().Edit(func(d map[string]any) {
			if d["status"] == "valid" && !all {
				d["status"] = "pending"
				dnsChallenge(d)["status"] = "processing"
			}
		})
	})
	w.succeeds(names...)
}

// Faults #46 to #51: whatever becomes of the reply to finalize, the order is asked, and no second one is made.
func TestFinalize(t *testing.T) {
	t.Parallel()
	status := func(status int, kind string) func(w *scripted, r *acmetest.Request) *acmetest.Reply {
		return func(w *scripted, _ *acmetest.Request) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(status, kind, "later"))
		}
	}
	carriedOut := func(reply func(w *scripted, r *acmetest.Request) *acmetest.Reply) func(w *scripted, r *acmetest.Request) *acmetest.Reply {
		return func(w *scripted, r *acmetest.Request) *acmetest.Reply {
			r.Next()
			return reply(w, r)
		}
	}
	for name, first := range map[string]func(w *scripted, r *acmetest.Request) *acmetest.Reply{
		"#46 lost":            func(_ *scripted, r *acmetest.Request) *acmetest.Reply { return acmetest.Lost(r) },
		"#47 not ready yet":   status(403, "orderNotReady"),
		"#48 failed, did it":  carriedOut(status(500, "serverInternal")),
		"#48 failed, did not": status(500, "serverInternal"),
		"#48 no document": carriedOut(func(w *scripted, _ *acmetest.Request) *acmetest.Reply {
			return w.ca.Nonce(acmetest.Text(200, "text/html", "ok"))
		}),
		"no certificate in it": func(_ *scripted, r *acmetest.Request) *acmetest.Reply {
			return edited(func(d map[string]any) { delete(d, "certificate") })(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.Finalize, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply { return first(w, r) }))
			w.succeeds()
			if n := len(w.ca.Orders()); n != 1 {
				t.Errorf("%d orders", n)
			}
		})
	}
	// Fault #46 once more: the process dies with the reply, and the next run has the key and the order.
	t.Run("#46 and the run ends", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		var saved issuance.Checkpoint
		r := request(t, "*.example.com")
		r.Save = saver(&saved)
		ctx, stop := stopping(t)
		w.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
			reply := acmetest.Lost(r)
			stop()
			return reply
		})
		if _, err := w.issuer.Obtain(ctx, r); err == nil {
			t.Fatal("it was not stopped")
		}
		r.Resume = &saved
		result, err := w.issuer.Obtain(t.Context(), r)
		if err != nil || !result.Resumed || len(w.ca.Orders()) != 1 {
			t.Errorf("%v, resumed %v, %d orders", err, result.Resumed, len(w.ca.Orders()))
		}
	})
	t.Run("#49 invalid", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		invalid := func(r *acmetest.Request) *acmetest.Reply {
			w.ca.Change(r.OrderID, func(o *acmetest.OrderState) {
				if r.Endpoint == acmetest.Finalize {
					o.Status = "invalid"
					o.Error = map[string]any{"type": "urn:ietf:params:acme:error:serverInternal", "detail": "the signer is on fire", "status": 500}
				}
			})
			if r.Endpoint == acmetest.Finalize {
				w.ca.On(acmetest.Order, nil) // counts from here
				return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "try later"))
			}
			return r.Next()
		}
		w.ca.On(acmetest.Finalize, invalid)
		err := w.fails(issuance.CodeUnavailable, fault.Temporary, "order is invalid: 500 serverInternal: the signer is on fire")
		if n := w.ca.Count(acmetest.Order); n > 1 {
			t.Errorf("%d polls (%v)", n, err)
		}
	})
	t.Run("#50 processing", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		slow := processing("1")
		w.ca.On(acmetest.Finalize, slow)
		w.ca.On(acmetest.Order, acmetest.Once(slow, slow, slow))
		w.succeeds()
	})
	t.Run("#51 not there yet", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		missing := acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(404, "malformed", "not found")) })
		w.ca.On(acmetest.Certificate, acmetest.Once(missing, missing, missing))
		w.succeeds()
	})
	t.Run("stays ready", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(403, "orderNotReady", "no")) }))
		w.fails(issuance.CodeReply, fault.Failed, "stays ready")
	})
}

// Faults #52 to #59: what is delivered and is not the certificate that was asked for is refused.
func TestCertificateIsNotWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	type delivery func(w *scripted, o *acmetest.OrderState) []byte
	fixed := func(text string) delivery {
		return func(*scripted, *acmetest.OrderState) []byte { return []byte(text) }
	}
	spoilt := func(change func(*x509.Certificate)) delivery {
		return func(w *scripted, o *acmetest.OrderState) []byte {
			leaf, err := w.ca.Issue(o.CSR.PublicKey, o.Names, change)
			if err != nil {
				t.Error(err)
			}
			return append(leaf, w.ca.ChainPEM()...)
		}
	}
	blocks := func(chain []byte) [][]byte {
		leaf, _ := pem.Decode(chain)
		cut := len(pem.EncodeToMemory(leaf))
		return [][]byte{chain[:cut], chain[cut:]}
	}
	for name, test := range map[string]struct {
		deliver delivery
		code    string
		text    string
	}{
		"#52 empty":  {fixed(""), issuance.CodeCertificate, ""},
		"#52 HTML":   {fixed("<html>certificate</html>"), issuance.CodeCertificate, "not PEM"},
		"#52 PKCS#7": {fixed("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"), issuance.CodeCertificate, "not PEM"},
		"#52 private key in it": {func(_ *scripted, o *acmetest.OrderState) []byte {
			return append(bytes.Clone(o.Chain), []byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")...)
		}, issuance.CodeCertificate, "not PEM"},
		"#53 another key": {func(w *scripted, o *acmetest.OrderState) []byte {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Error(err)
			}
			leaf, err := w.ca.Issue(key.Public(), o.Names, nil)
			if err != nil {
				t.Error(err)
			}
			return append(leaf, w.ca.ChainPEM()...)
		}, issuance.CodeCertificate, "another key"},
		"#54 fewer names":       {spoilt(func(c *x509.Certificate) { c.DNSNames = c.DNSNames[:1] }), issuance.CodeCertificate, "its names are"},
		"#54 more names":        {spoilt(func(c *x509.Certificate) { c.DNSNames = append([]string{"evil.example"}, c.DNSNames...) }), issuance.CodeCertificate, "its names are"},
		"#54 an e-mail address": {spoilt(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.com"} }), issuance.CodeCertificate, "its names are"},
		"#55 not valid yet":     {spoilt(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), issuance.CodeCertificate, "not valid before"},
		"#55 expired":           {spoilt(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), issuance.CodeCertificate, "valid until"},
		"#56 reversed": {func(_ *scripted, o *acmetest.OrderState) []byte {
			b := blocks(o.Chain)
			return append(bytes.Clone(b[1]), b[0]...)
		}, issuance.CodeCertificate, ""},
		"#56 no intermediate": {func(_ *scripted, o *acmetest.OrderState) []byte { return blocks(o.Chain)[0] }, issuance.CodeCertificate, "issuer is missing"},
		"#56 another issuer": {func(w *scripted, o *acmetest.OrderState) []byte {
			return append(bytes.Clone(blocks(o.Chain)[0]), w.ca.IssuerPEM()...)
		}, issuance.CodeCertificate, "chain breaks"},
		"#57 crafted PEM":      {fixed(strings.Repeat("-----BEGIN CERTIFICATE-----\n", 40_000)[:1<<20]), issuance.CodeCertificate, "more than a certificate"},
		"#57 crafted, smaller": {fixed(strings.Repeat("-----BEGIN CERTIFICATE-----\n-----END X-----\n", 2900)), issuance.CodeCertificate, ""},
		"#59 2 MiB":            {func(_ *scripted, o *acmetest.OrderState) []byte { return bytes.Repeat(o.Chain, 2<<20/len(o.Chain)) }, issuance.CodeReply, "more than 1048576 bytes"},
		"many certificates":    {func(_ *scripted, o *acmetest.OrderState) []byte { return bytes.Repeat(o.Chain, 20) }, issuance.CodeCertificate, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.Certificate, func(r *acmetest.Request) *acmetest.Reply {
				reply := r.Next()
				reply.Body = test.deliver(w, w.ca.Orders()[r.OrderID-1])
				return reply
			})
			w.fails(test.code, fault.Failed, test.text)
		})
	}
	// Fault #56: a root at the end does no harm.
	t.Run("#56 with the root", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{Deviations: acmetest.Deviations{RootIncluded: true}})
		w.succeeds()
	})
}

// Fault #58: at most ten links to other chains are followed. Fault #60: a chain that cannot be had is passed over, and the
// default chain is taken if none is the preferred one.
func TestAlternateChains(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	var mu sync.Mutex
	followed := 0
	w.ca.On(acmetest.Certificate, func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next()
		if r.Count == 1 {
			for i := range 1000 {
				reply.Header.Add("Link", fmt.Sprintf(`</certificate/%d/%d>;rel="alternate"`, r.OrderID, i))
			}
			return reply
		}
		mu.Lock()
		defer mu.Unlock()
		followed++
		return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "no"))
	})
	r := request(t, "*.example.com")
	r.PreferredChain = "ISRG Root X9"
	result, err := w.issuer.Obtain(t.Context(), r)
	if err != nil || result.Leaf == nil {
		t.Fatal(err)
	}
	if followed == 0 || followed > 10 {
		t.Errorf("%d links were followed", followed)
	}
	if len(result.Warnings) == 0 || !w.noted("no chain up to ISRG Root X9") {
		t.Errorf("nobody is told: %q", result.Warnings)
	}
}

// Fault #63: a CA that wants accounts bound says what is wrong in one attempt. Padding of the key changes nothing.
func TestExternalAccounts(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{EABKeys: map[string][]byte{"kid": []byte("secret-canary-key-for-the-hmac-of-an-account")}})
	for _, test := range []struct{ kid, key, text string }{
		{"", "", "--eab-kid and --eab-hmac-key"},
		{"kid", "%%%", "not base64"},
		{"kid", "c2hvcnQ", "5 bytes"},
		{"kid", strings.Repeat("A", 64), "does not verify"},
		{"other", eabKey, "does not verify"},
	} {
		w.ca.On(acmetest.NewAccount, nil)
		_, err := w.issuer.CA.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: test.kid, EABKey: test.key})
		if err == nil || !strings.Contains(err.Error(), test.text) || test.key != "" && strings.Contains(err.Error(), test.key) {
			t.Errorf("%q: %v", test, err)
		}
		if n := w.ca.Count(acmetest.NewAccount); n > 1 {
			t.Errorf("%q: %d attempts", test, n)
		}
	}
	for _, key := range []string{eabKey, eabKey + "="} {
		if _, err := w.issuer.CA.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true, EABKeyID: "kid", EABKey: key}); err != nil {
			t.Error(err)
		}
	}
}

// Fault #64: renewal information that makes no sense says nothing, least of all "now".
func TestRenewalInformation(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	leaf := w.succeeds().Leaf
	window := func(start, end any) func() *acmetest.Reply {
		return func() *acmetest.Reply {
			return acmetest.JSON(200, map[string]any{"suggestedWindow": map[string]any{"start": start, "end": end}})
		}
	}
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for name, reply := range map[string]func() *acmetest.Reply{
		"404": func() *acmetest.Reply { return acmetest.Problem(404, "malformed", "no") }, "429": func() *acmetest.Reply { return acmetest.Problem(429, "rateLimited", "no") },
		"500":  func() *acmetest.Reply { return acmetest.Text(500, "text/html", "<h1>") },
		"HTML": func() *acmetest.Reply { return acmetest.Text(200, "text/html", "<h1>") },
		"{}":   func() *acmetest.Reply { return acmetest.JSON(200, map[string]any{}) }, "null": func() *acmetest.Reply { return acmetest.JSON(200, nil) },
		"bad dates": window("yesterday", "tomorrow"), "end before start": window(at(2*time.Hour), at(time.Hour)), "no length": window(at(time.Hour), at(time.Hour)),
		"100 years": window(at(-50*365*24*time.Hour), at(50*365*24*time.Hour)), "after the end": window(at(100*24*time.Hour), at(101*24*time.Hour)),
		"epoch": window("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"), "numbers": window(1, 2), "204": func() *acmetest.Reply { return acmetest.Text(204, "", "") },
	} {
		w.ca.On(acmetest.RenewalInfo, acmetest.Is(reply))
		got, err := w.issuer.CA.RenewalInfo(t.Context(), leaf)
		if err == nil || fault.CodeOf(err) != issuance.CodeRenewalInfo || got.RetryAfter < time.Minute {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if n := w.ca.Count(acmetest.RenewalInfo); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
	w.ca.On(acmetest.RenewalInfo, acmetest.Is(window(at(-time.Hour), at(-time.Minute))))
	if got, err := w.issuer.CA.RenewalInfo(t.Context(), leaf); err != nil || got.Pick().After(time.Now()) {
		t.Errorf("a window in the past is %v, %v", got, err)
	}
}

// Fault #65: renewal information that never comes.
func TestRenewalInformationHangs(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	leaf := w.succeeds().Leaf
	w.impatient(time.Second)
	w.ca.On(acmetest.RenewalInfo, func(*acmetest.Request) *acmetest.Reply { <-w.ca.Ended(); return &acmetest.Reply{Drop: true} })
	_, err := w.issuer.CA.RenewalInfo(t.Context(), leaf)
	failedWith(t, err, issuance.CodeRenewalInfo, fault.Temporary, "no complete answer in time")
	w.succeeds("example.net")
}

// Fault #68: an order that is refused because of the certificate it replaces is made once more without.
func TestReplacesRefused(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]string{409: "alreadyReplaced", 403: "unauthorized", 404: "malformed", 400: "malformed", 500: "serverInternal"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			leaf := w.succeeds().Leaf
			w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
				if bytes.Contains(r.Payload, []byte(`"replaces":"`+issuance.CertificateID(leaf)+`"`)) {
					return w.ca.Nonce(acmetest.Problem(status, kind, "replaced already"))
				}
				return r.Next()
			})
			r := request(t, "*.example.com", "example.com")
			r.Replaces = issuance.CertificateID(leaf)
			if _, err := w.issuer.Obtain(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			want := 2
			if status == 500 {
				want = 6 // it is tried again first
			}
			if n := w.ca.Count(acmetest.NewOrder); n != want {
				t.Errorf("%d requests for an order", n)
			}
		})
	}
	t.Run("limited", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		r := request(t, "*.example.com")
		r.Replaces = issuance.CertificateID(w.succeeds().Leaf)
		w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "no")).With("Retry-After", "9000")
		}))
		_, err := w.issuer.Obtain(t.Context(), r)
		failedWith(t, err, issuance.CodeRateLimited, fault.Temporary, "")
		if n := w.ca.Count(acmetest.NewOrder); n != 1 {
			t.Errorf("%d requests for an order", n)
		}
	})
}

// Fault #70: a profile that the CA does not have. This is a true CA.
func TestUnknownProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	r := request(t, "*.example.com")
	r.Profile = "no-such-profile"
	_, err := w.issuer.Obtain(t.Context(), r)
	failedWith(t, err, issuance.CodeProfile, fault.Usage, "no-such-profile")
	w.clean(t)
}

// Fault #72: terms of service that have changed are shown, and nothing is tried again.
func TestTermsChanged(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(403, "userActionRequired", "the terms have changed")).
			With("Link", `<https://ca.example/terms-2>;rel="terms-of-service"`)
	}))
	w.fails(issuance.CodeTerms, fault.Refused, "https://ca.example/terms-2")
	if n := w.ca.Count(acmetest.NewOrder); n != 1 {
		t.Errorf("%d requests for an order", n)
	}
	w.untouched()
}

// Renewal information may be on a host of its own (RFC 9773 §4.1), which is asked for nothing else.
func TestRenewalInfo_OtherHost(t *testing.T) {
	t.Parallel()
	other, err := acmetest.Start(acmetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	origin := strings.TrimSuffix(other.DirectoryURL(), "/directory")
	w := newScripted(t, acmetest.Options{RenewalInfoOrigin: origin})
	leaf := w.succeeds().Leaf
	other.On(acmetest.RenewalInfo, func(*acmetest.Request) *acmetest.Reply {
		at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		return acmetest.JSON(200, map[string]any{"suggestedWindow": map[string]any{"start": at(-time.Hour), "end": at(time.Hour)}})
	})
	if _, err := w.issuer.CA.RenewalInfo(t.Context(), leaf); err != nil || other.Count(acmetest.RenewalInfo) != 1 || w.ca.Count(acmetest.RenewalInfo) != 0 {
		t.Errorf("%v; asked %d times there, %d at the CA", err, other.Count(acmetest.RenewalInfo), w.ca.Count(acmetest.RenewalInfo))
	}
}
