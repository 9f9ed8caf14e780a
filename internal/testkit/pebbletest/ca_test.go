package pebbletest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"wildcard/internal/testkit/pebbletest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(pebbletest.LeftRunning))
}

// resolver answers TXT questions over TCP.
type resolver struct {
	addr    string
	mu      sync.Mutex
	txt     map[string][]string
	silence chan struct{} // until it is closed, questions wait
}

func startResolver(t *testing.T) *resolver {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resolver{addr: listener.Addr().String(), txt: make(map[string][]string), silence: make(chan struct{})}
	close(r.silence)
	started := make(chan struct{})
	server := &dns.Server{Listener: listener, Handler: r, NotifyStartedFunc: func() { close(started) }}
	done := make(chan struct{})
	go func() { defer close(done); server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { server.Shutdown(); <-done })
	return r
}

func (r *resolver) add(name, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.txt[name] = append(r.txt[name], value)
}

// hold lets questions wait until the returned function is called, once.
func (r *resolver) hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	silence := make(chan struct{})
	r.silence = silence
	return func() { close(silence) }
}

func (r *resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r.mu.Lock()
	silence := r.silence
	r.mu.Unlock()
	<-silence
	r.mu.Lock()
	defer r.mu.Unlock()
	reply := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	for _, v := range r.txt[name] {
		reply.Answer = append(reply.Answer, &dns.TXT{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}, Txt: []string{v}})
	}
	w.WriteMsg(reply)
}

func start(t *testing.T, o pebbletest.Options) *pebbletest.CA {
	t.Helper()
	ca, err := pebbletest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	return ca
}

// client is an HTTP client that trusts the CA's endpoints and nothing else.
func client(t *testing.T, ca *pebbletest.CA) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.RootPEM()) {
		t.Fatalf("root is no certificate: %s", ca.RootPEM())
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// connect is an ACME client with a key and no account yet.
func connect(t *testing.T, ca *pebbletest.CA) *api.Core {
	t.Helper()
	core, err := api.New(client(t, ca), "pebbletest", ca.DirectoryURL(), "", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// authorize orders names, lets publish see each TXT record, answers the challenges and waits until the order has left "pending".
func authorize(t *testing.T, core *api.Core, names []string, publish func(name, value string)) acme.ExtendedOrder {
	t.Helper()
	order := answer(t, core, names, publish)
	return poll(t, core, order.Location, func(o acme.ExtendedOrder) bool { return o.Status != acme.StatusPending })
}

// answer orders names, lets publish see each TXT record and answers the challenges.
func answer(t *testing.T, core *api.Core, names []string, publish func(name, value string)) acme.ExtendedOrder {
	t.Helper()
	order, err := core.Orders.New(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range order.Authorizations {
		authorization, err := core.Authorizations.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		for _, challenge := range authorization.Challenges {
			if challenge.Type != "dns-01" {
				continue
			}
			auth, err := core.GetKeyAuthorization(challenge.Token)
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256([]byte(auth))
			publish("_acme-challenge."+authorization.Identifier.Value+".", base64.RawURLEncoding.EncodeToString(digest[:]))
			if _, err := core.Challenges.New(challenge.URL); err != nil {
				t.Fatal(err)
			}
		}
	}
	return order
}

// poll asks for the order until it is done or invalid.
func poll(t *testing.T, core *api.Core, url string, done func(acme.ExtendedOrder) bool) acme.ExtendedOrder {
	t.Helper()
	for range 3000 {
		order, err := core.Orders.Get(url)
		order.Location = url
		switch {
		case order.Status == acme.StatusInvalid, err == nil && done(order):
			return order
		case err != nil:
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("order %s did not get on in 30 s", url)
	return acme.ExtendedOrder{}
}

func TestCAIssues(t *testing.T) {
	t.Parallel()
	dns := startResolver(t)
	ca := start(t, pebbletest.Options{Resolver: dns.addr, Strict: true, Validity: 48 * time.Hour})
	core := connect(t, ca)
	if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err != nil {
		t.Fatal(err)
	}
	names := []string{"example.com", "*.example.com"}
	order := authorize(t, core, names, dns.add)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if order.Status != acme.StatusReady {
		t.Fatalf("order %s is %s", order.Location, order.Status)
	}
	if _, err := core.Orders.UpdateForCSR(order.Finalize, csr); err != nil {
		t.Fatal(err)
	}
	order = poll(t, core, order.Location, func(o acme.ExtendedOrder) bool { return o.Certificate != "" })
	chain, _, err := core.Certificates.Get(order.Certificate, true)
	if err != nil {
		t.Fatal(err)
	}

	block, rest := pem.Decode(chain)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.IssuerPEM())
	intermediates.AppendCertsFromPEM(rest)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: "www.example.com"}); err != nil {
		t.Errorf("certificate does not lead to IssuerPEM: %v", err)
	}
	if got := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; got != 48*time.Hour {
		t.Errorf("certificate is valid for %s, want 48h", got)
	}
	slices.Sort(names)
	slices.Sort(leaf.DNSNames)
	if !slices.Equal(leaf.DNSNames, names) {
		t.Errorf("certificate is for %q, want %q", leaf.DNSNames, names)
	}
}

func TestCALooksAtDNS(t *testing.T) {
	t.Parallel()
	dns := startResolver(t)
	ca := start(t, pebbletest.Options{Resolver: dns.addr})
	core := connect(t, ca)
	if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err != nil {
		t.Fatal(err)
	}
	order := authorize(t, core, []string{"example.com"}, func(name, value string) { dns.add(name, "not "+value) })
	if order.Status != acme.StatusInvalid {
		t.Errorf("with a wrong TXT value the order is %s, want invalid", order.Status)
	}
}

func TestExternalAccounts(t *testing.T) {
	t.Parallel()
	key := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	ca := start(t, pebbletest.Options{Resolver: "127.0.0.1:1", ExternalAccounts: map[string]string{"kid-1": key}})
	core := connect(t, ca)
	if !core.GetDirectory().Meta.ExternalAccountRequired {
		t.Error("the directory does not ask for an external account")
	}
	if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err == nil {
		t.Error("an account without binding was made")
	}
	if _, err := core.Accounts.NewEAB(acme.Account{TermsOfServiceAgreed: true}, "kid-1", key); err != nil {
		t.Errorf("an account with binding: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	ca := start(t, pebbletest.Options{Resolver: "127.0.0.1:1"})
	other := start(t, pebbletest.Options{Resolver: "127.0.0.1:1"})
	for _, url := range []string{
		ca.DirectoryURL(),
		strings.Replace(ca.DirectoryURL(), "127.0.0.1", "localhost", 1),
		ca.ManagementURL() + "/roots/0",
	} {
		reply, err := client(t, ca).Get(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", url, reply.Status)
		}
	}
	if reply, err := client(t, other).Get(ca.DirectoryURL()); err == nil {
		reply.Body.Close()
		t.Error("the root of one CA is trusted for another")
	}
	if string(ca.IssuerPEM()) == string(ca.RootPEM()) {
		t.Error("the endpoint's root and the issuer's are one")
	}

	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := ca.WriteRoot(path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(ca.RootPEM()) {
		t.Errorf("WriteRoot wrote %q, %v", got, err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]pebbletest.Options{
		"no resolver":      {},
		"resolver by name": {Resolver: "localhost:53"},
		"percentage":       {Resolver: "127.0.0.1:1", NonceReject: 101},
		"reuse":            {Resolver: "127.0.0.1:1", AuthzReuse: -1},
		"validity":         {Resolver: "127.0.0.1:1", Validity: time.Millisecond},
		"account key":      {Resolver: "127.0.0.1:1", ExternalAccounts: map[string]string{"kid": "not base64url"}},
	} {
		if ca, err := pebbletest.Start(o); err == nil {
			ca.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
