package cli

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/state"
	"wildcard/internal/testkit/acmetest"
)

// delivers has the CA issue certificates that are otherwise than asked for; nil is as asked for.
func (w *world) delivers(change func(*x509.Certificate)) {
	w.ca.On(acmetest.Certificate, func(q *acmetest.Request) *acmetest.Reply {
		reply := q.Next()
		if change == nil {
			return reply
		}
		o := w.ca.Orders()[q.OrderID-1]
		leaf, err := w.ca.Issue(o.CSR.PublicKey, o.Names, change)
		if err != nil {
			w.t.Error(err)
		}
		reply.Body = append(leaf, w.ca.ChainPEM()...)
		return reply
	})
}

func adds(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = append(slices.Clone(c.DNSNames), names...) }
}

// TestIssue_WWWAdded: report P23 (a). A certificate with www. before an asked name is taken with a warning, and is the one that was
// asked for from then on: a second call and a renewal do not take it for another.
func TestIssue_WWWAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delivers(adds("www.example.com", "WWW.Example.com"))
	w.issue("example.com").exits(0, "www.example.com")
	l := w.lineage("example.com")
	if s, _ := l.Conf.Settings(); !slices.Equal(s.Domains, []string{"example.com"}) || len(l.Leaf.DNSNames) != 3 {
		t.Errorf("asked for %q, got %q", s.Domains, l.Leaf.DNSNames)
	}
	got := answerOf[issueAnswer](w.run("issue", "--json", "example.com").exits(0))
	if got.Action != "kept" {
		t.Errorf("the second call: %+v", got)
	}
	w.orders(1)
	w.at(due(l))
	w.run("renew", "--no-jitter").exits(0, "renewed")
	w.orders(2)
	// A user who asks for www. as well has another request.
	w.delivers(nil)
	w.issue("example.com", "www.example.com", "--cert-name", "example.com").exits(0)
	w.orders(3)
}

// TestIssue_Refused: report P23 (b) and its kind. A certificate that was issued and is not what was asked for is kept with its key,
// and neither issue nor renew orders another one by itself, whichever command it is; --force does, and so does another request.
func TestIssue_Refused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		names  []string
		change func(*x509.Certificate)
		text   string
	}{
		"apex of a wildcard": {[]string{"*.example.com"}, adds("example.com"), "example.com was not asked for"},
		"another name":       {[]string{"example.com"}, adds("mail.example.com"), "mail.example.com was not asked for"},
		"a name is missing":  {[]string{"example.com", "example.net"}, func(c *x509.Certificate) { c.DNSNames = c.DNSNames[:1] }, "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.delivers(test.change)
			issue := append([]string{"issue", "--agree-tos"}, test.names...)
			path := filepath.Join(w.dir, "state", "refused", "example.com.pem")
			w.run(issue...).exits(1, test.text, path, "acme.bad-certificate")
			w.orders(1)
			text, err := os.ReadFile(path)
			if err != nil || strings.Count(string(text), "BEGIN CERTIFICATE") != 4 || strings.Count(string(text), "BEGIN PRIVATE KEY") != 1 {
				t.Errorf("kept: %d bytes, %v", len(text), err)
			}
			for range 2 {
				w.run(issue...).exits(1, test.text, path, "--force", "ledger.held")
			}
			w.run(append([]string{"plan", "--agree-tos"}, test.names...)...).exits(1, test.text, "ledger.held", "would fail")
			w.run("doctor").exits(1, test.text, "--force")
			w.run(append(issue, "--dry-run")...) // is kept nowhere, whatever comes of it
			before := len(w.ca.Orders())
			w.run(append(issue, "--force")...).exits(1, "acme.bad-certificate")
			w.orders(before + 1)
			w.run(issue...).exits(1, "ledger.held")
			w.delivers(nil)
			w.run(append(issue, "--force")...).exits(0)
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("it is still there after a good one: %v", err)
			}
			w.nothingLeft()
		})
	}
}

// wrongChains are ways in which a good certificate may come: with a wrong chain, from one replica of a CA, or with dates that are
// wrong by this clock.
func (w *world) wrongChains() map[string]func(leaf []byte, o *acmetest.OrderState) []byte {
	dated := func(change func(*x509.Certificate)) func([]byte, *acmetest.OrderState) []byte {
		return func(_ []byte, o *acmetest.OrderState) []byte {
			leaf, err := w.ca.Issue(o.CSR.PublicKey, o.Names, change)
			if err != nil {
				w.t.Error(err)
			}
			return append(leaf, w.ca.ChainPEM()...)
		}
	}
	return map[string]func([]byte, *acmetest.OrderState) []byte{
		"its issuer is missing": func(leaf []byte, _ *acmetest.OrderState) []byte { return leaf },
		"its chain breaks": func(leaf []byte, _ *acmetest.OrderState) []byte {
			other, err := acmetest.Start(acmetest.Options{})
			if err != nil {
				w.t.Fatal(err)
			}
			defer other.Close()
			return append(leaf, other.ChainPEM()...)
		},
		"it was valid until":     dated(func(c *x509.Certificate) { c.NotAfter = w.clock().Add(-time.Minute) }),
		"it is not valid before": dated(func(c *x509.Certificate) { c.NotBefore = w.clock().Add(time.Hour) }),
	}
}

// comes has the first replies with a certificate changed.
func (w *world) comes(times int, change func(leaf []byte, o *acmetest.OrderState) []byte) {
	n := 0
	w.ca.On(acmetest.Certificate, func(q *acmetest.Request) *acmetest.Reply {
		reply := q.Next()
		w.mu.Lock()
		n++
		wrong := n <= times
		w.mu.Unlock()
		if wrong {
			block, _ := pem.Decode(reply.Body)
			reply.Body = change(pem.EncodeToMemory(block), w.ca.Orders()[q.OrderID-1])
		}
		return reply
	})
}

// TestRefused_ChainOnce: a certificate whose chain or dates are wrong when it comes is fetched again by the next run, without
// another order and without a person, in whatever run.
func TestRefused_ChainOnce(t *testing.T) {
	t.Parallel()
	for text := range (&world{}).wrongChains() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.comes(1, w.wrongChains()[text])
			w.run("issue", "--agree-tos", "example.com").exits(1, text, "acme.bad-certificate", "the next run fetches it again")
			w.run("issue", "--agree-tos", "example.com").exits(0)
			w.orders(1)
			w.checkSet("example.com")
			l := w.lineage("example.com")
			w.at(due(l))
			w.comes(1, w.wrongChains()[text])
			w.run("renew", "--no-jitter", "--quiet").exits(1, text)
			w.at(due(l).Add(time.Hour))
			w.run("renew", "--no-jitter").exits(0, "renewed")
			w.orders(2)
			w.checkSet("example.com")
			w.nothingLeft()
		})
	}
}

// TestRefused_ChainTwice: if it comes wrong again it is refused for good, as one with other names is.
func TestRefused_ChainTwice(t *testing.T) {
	t.Parallel()
	for text := range (&world{}).wrongChains() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.comes(3, w.wrongChains()[text])
			path := filepath.Join(w.dir, "state", "refused", "example.com.pem")
			w.run("issue", "--agree-tos", "example.com").exits(1, text)
			w.run("issue", "--agree-tos", "example.com").exits(1, text, path, "acme.bad-certificate")
			w.run("issue", "--agree-tos", "example.com").exits(1, text, "ledger.held", "--force")
			w.orders(1)
			w.run("issue", "--agree-tos", "--force", "example.com").exits(1, text, "the next run fetches it again") // another order's
			w.run("issue", "--agree-tos", "--force", "example.com").exits(0)
			w.orders(2)
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("it is still there after a good one: %v", err)
			}
			w.nothingLeft()
		})
	}
}

// TestRefused_CannotBeKept: a certificate that is refused and cannot be kept is not ordered anew by each run: its order stays.
func TestRefused_CannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.delivers(adds("mail.example.com"))
	inTheWay := filepath.Join(w.dir, "state", "refused", ".new-example.com.pem", "something") // where the file is written
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"state", "state/refused"} {
		if err := os.Chmod(filepath.Join(w.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		w.run("issue", "--agree-tos", "example.com").exits(1, "mail.example.com was not asked for", "refused/.new-example.com.pem")
	}
	w.orders(1)
}

// TestRenew_Refused: the same at renewals by a timer: one order, and then none for months.
func TestRenew_Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com", "example.com").exits(0)
	l := w.lineage("example.com")
	w.delivers(adds("other.example.com"))
	w.at(due(l))
	w.run("renew", "--no-jitter", "--quiet").exits(1, "other.example.com was not asked for")
	for day := range 3 {
		w.at(due(l).Add(time.Duration(day+1) * 24 * time.Hour))
		w.run("renew", "--no-jitter", "--quiet").exits(1, "ledger.held", "--force")
	}
	w.orders(2)
	if again := w.lineage("example.com"); !again.Leaf.Equal(l.Leaf) {
		t.Error("the live certificate changed")
	}
	w.delivers(nil)
	w.run("renew", "--force", "--cert-name", "example.com").exits(0)
	w.orders(3)
	w.run("delete", "--yes", "example.com").exits(0)
}

// TestIssueCSR_Refused: the same for a signing request, whose key is elsewhere.
func TestIssueCSR_Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, err := issuance.ECDSA256.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"*.example.com"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	request, out := filepath.Join(w.dir, "request.pem"), filepath.Join(w.dir, "out.pem")
	if err := os.WriteFile(request, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.delivers(adds("example.com"))
	w.run("issue", "--agree-tos", "--csr", request, "--out", out).exits(1, "example.com was not asked for")
	w.run("issue", "--agree-tos", "--csr", request, "--out", out).exits(1, "ledger.held")
	w.orders(1)
	w.delivers(nil)
	w.run("issue", "--agree-tos", "--force", "--csr", request, "--out", out).exits(0)
	w.orders(2)
	// What is no certificate at all is fetched again; nothing new is ordered.
	w.ca.On(acmetest.Certificate, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Text(200, "application/pem-certificate-chain", "<html>"))
	}))
	w.run("issue", "--agree-tos", "example.net").exits(1, "acme.bad-certificate")
	w.ca.On(acmetest.Certificate, nil)
	w.run("issue", "--agree-tos", "example.net").exits(0)
	w.orders(3)
}

// TestReuseKey_Compromised: after a revocation by the key, which CAs block for good (boulder/revocation), the next renewal makes a
// new key in spite of --reuse-key, and the one after that keeps it.
func TestReuseKey_Compromised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("issue", "--agree-tos", "--reuse-key", "example.com").exits(0)
	first := w.lineage("example.com").Leaf
	w.run("revoke", "--yes", "--reason", "keycompromise", "example.com").exits(0, "Its key is not used again")
	w.ca.On(acmetest.Finalize, func(q *acmetest.Request) *acmetest.Reply {
		reply := q.Next()
		if o := w.ca.Orders()[q.OrderID-1]; o.CSR != nil && isKeyOfCertificate(o.CSR.PublicKey, first) {
			t.Error("the CA saw the blocked key again")
		}
		return reply
	})
	w.run("renew", "--force").exits(0, "so a new one is made")
	second := w.lineage("example.com")
	if isKeyOfCertificate(second.Leaf.PublicKey, first) || !second.Conf.Params().ReuseKey {
		t.Error("the key is the same, or keys are not kept any more")
	}
	w.run("renew", "--force").exits(0)
	if third := w.lineage("example.com").Leaf; !isKeyOfCertificate(third.PublicKey, second.Leaf) {
		t.Error("the new key is not kept")
	}
}

// TestReuseKey_Blocked: a key that the CA blocks for reasons that are not known here: a new one is made, for the same order.
func TestReuseKey_Blocked(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"badCSR", "badPublicKey"} {
		w := newWorld(t)
		w.run("issue", "--agree-tos", "--reuse-key", "example.com").exits(0)
		first := w.lineage("example.com")
		refused := 0
		w.ca.On(acmetest.Finalize, func(q *acmetest.Request) *acmetest.Reply {
			if refused++; refused == 1 {
				return w.ca.Nonce(acmetest.Problem(400, kind, "public key is forbidden"))
			}
			return q.Next()
		})
		w.run("renew", "--force").exits(0, "does not take the key of the live certificate any more")
		second := w.lineage("example.com")
		if isKeyOfCertificate(second.Leaf.PublicKey, first.Leaf) {
			t.Errorf("%s: the key is the same", kind)
		}
		w.orders(2)
		w.run("renew", "--force").exits(0)
		if third := w.lineage("example.com").Leaf; !isKeyOfCertificate(third.PublicKey, second.Leaf) {
			t.Errorf("%s: the new key is not kept", kind)
		}
		w.checkSet("example.com")
	}
}

// TestReuseKey_FirstRunCounts: the records that the run with the blocked key left behind are told of, although the next one is
// well, and if that one ends before its time the new key is there for the next.
func TestReuseKey_FirstRunCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("issue", "--agree-tos", "--reuse-key", "example.com").exits(0)
	refused := 0
	w.ca.On(acmetest.Finalize, func(q *acmetest.Request) *acmetest.Reply {
		if refused++; refused == 1 {
			w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: conohatest.Request.Delete}, Times: -1, Status: 403})
			return w.ca.Nonce(acmetest.Problem(400, "badCSR", "public key is forbidden"))
		}
		return q.Next()
	})
	w.run("renew", "--force").exits(75, "does not take the key of the live certificate any more", "cleanup")
	w.orders(2)
	w.checkSet("example.com")
}

// TestIssue_AccountForgotten: the order that is made with the account that was registered again is taken up by the next run.
func TestIssue_AccountForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com").exits(0)
	w.ca.ForgetAccounts()
	w.ca.On(acmetest.Finalize, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(503, "rateLimited", "busy")).With("Retry-After", "3600")
	}))
	w.run("renew", "--force").exits(75, "registering its key again", "busy")
	w.ca.On(acmetest.Finalize, nil)
	states, err := state.Open(filepath.Join(w.dir, "state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	pending, ok, err := states.Pending("example.com")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	key, err := issuance.ParseKey(pending.Key)
	if err != nil {
		t.Fatal(err)
	}
	w.run("renew", "--force").exits(0)
	w.orders(2)
	if !isKeyOfCertificate(key.Public(), w.lineage("example.com").Leaf) {
		t.Error("the order was not taken up with its key")
	}
}

func isKeyOfCertificate(key any, leaf *x509.Certificate) bool {
	public, ok := leaf.PublicKey.(interface{ Equal(x any) bool })
	if ok {
		return public.Equal(key)
	}
	a, errA := x509.MarshalPKIXPublicKey(key)
	return errA == nil && slices.Equal(a, leaf.RawSubjectPublicKeyInfo)
}

// checkSet fails the test unless the live files are a set.
func (w *world) checkSet(name string) {
	w.t.Helper()
	l := w.lineage(name)
	set, err := l.Set()
	if err != nil || l.Damage != nil {
		w.t.Fatal(err, l.Damage)
	}
	if _, err := lineage.NewSet(set.Fullchain(), set.Key, l.Leaf.DNSNames); err != nil {
		w.t.Error(err)
	}
}
