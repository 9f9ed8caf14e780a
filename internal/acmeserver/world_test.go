package acmeserver_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
)

// upstream is a CA that issues whatever it is asked for, and remembers what that was.
type upstream struct {
	key    crypto.Signer
	issuer *x509.Certificate

	mu        sync.Mutex
	proofs    []acmeserver.Wanted
	issued    []acmeserver.Wanted // each one once
	chains    map[string][]byte   // by CSR, until it is delivered
	revoked   []string            // serial and reason
	asked     int                 // for renewal information
	onProve   func(context.Context, acmeserver.Wanted) error
	onIssue   func(context.Context, acmeserver.Wanted) error
	onRevoke  func() error
	window    issuance.Window
	windowErr error
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true, SubjectKeyId: []byte{1, 2, 3}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &upstream{key: key, issuer: issuer, chains: map[string][]byte{}}
}

func (u *upstream) Profiles() map[string]string { return map[string]string{"short": "a short life"} }

func (u *upstream) Prove(ctx context.Context, w acmeserver.Wanted) error {
	u.mu.Lock()
	u.proofs = append(u.proofs, w)
	on := u.onProve
	u.mu.Unlock()
	if on != nil {
		return on(ctx, w)
	}
	return nil
}

func (u *upstream) Issue(ctx context.Context, w acmeserver.Wanted) (acmeserver.Issued, error) {
	u.mu.Lock()
	on := u.onIssue
	u.mu.Unlock()
	if on != nil {
		if err := on(ctx, w); err != nil {
			return acmeserver.Issued{}, err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if chain := u.chains[string(w.CSR)]; chain != nil {
		return acmeserver.Issued{Chain: chain}, nil
	}
	csr, err := x509.ParseCertificateRequest(w.CSR)
	if err != nil {
		return acmeserver.Issued{}, err
	}
	u.issued = append(u.issued, w)
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(100 + len(u.issued))), DNSNames: w.Names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, u.issuer, csr.PublicKey, u.key)
	if err != nil {
		return acmeserver.Issued{}, err
	}
	chain := slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: u.issuer.Raw}))
	u.chains[string(w.CSR)] = chain
	return acmeserver.Issued{Chain: chain, Alternates: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}}, nil
}

func (u *upstream) Delivered(w acmeserver.Wanted) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.chains, string(w.CSR))
}

func (u *upstream) RenewalInfo(ctx context.Context, _ *x509.Certificate) (issuance.Window, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	if ctx.Err() != nil {
		return issuance.Window{}, context.Cause(ctx)
	}
	return u.window, u.windowErr
}

func (u *upstream) Revoke(ctx context.Context, leaf *x509.Certificate, reason uint) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if u.onRevoke != nil {
		if err := u.onRevoke(); err != nil {
			return err
		}
	}
	u.revoked = append(u.revoked, leaf.SerialNumber.String()+" "+string(rune('0'+reason)))
	return nil
}

// sent is how often the CA was asked for something.
func (u *upstream) sent() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.proofs) + len(u.issued) + len(u.revoked)
}

// world is a server with its CA, and the machines that ask it.
type world struct {
	t        testing.TB
	dirs     settings.Directories
	up       *upstream
	ca       string // its name
	http     *httptest.Server
	origin   string
	clients  *acmeserver.Clients
	server   *acmeserver.Server
	audit    *buffer
	hold     time.Duration // of finalize
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	shutDown func()
}

// buffer is for several writers.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newWorld(t testing.TB, more ...func(*world)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, up: newUpstream(t), hold: 1, audit: &buffer{}, dirs: settings.Directories{
		Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"),
	}}
	for _, f := range more {
		f(w)
	}
	w.http = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.server.ServeHTTP(rw, r) }))
	w.origin = "https://" + w.http.Listener.Addr().String()
	w.start()
	w.http.StartTLS()
	t.Cleanup(func() { w.http.Close(); w.stop() })
	return w
}

// start starts the server on the state that is there.
func (w *world) start() {
	w.t.Helper()
	state, err := acmeserver.OpenState(w.dirs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clients = acmeserver.NewClients(w.dirs, state)
	w.server, err = acmeserver.New(acmeserver.Options{Origin: w.origin, State: state, Clients: w.clients, Upstream: w.up, CA: w.ca, Hold: w.hold,
		Audit: slog.New(slog.NewJSONHandler(w.audit, nil)), Now: w.now, Sleep: w.sleep})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	started, ended := make(chan struct{}), make(chan struct{})
	go func() { close(started); w.server.Run(ctx); close(ended) }()
	<-started
	for !w.healthy() { // until then no order is worked on
		select {
		case <-ended:
			w.t.Fatal("it ended")
		default:
			runtime.Gosched()
		}
	}
	w.shutDown = sync.OnceFunc(func() { cancel(fault.Interrupted{Signal: syscall.SIGTERM}); <-ended })
}

func (w *world) healthy() bool {
	answer := httptest.NewRecorder()
	acmeserver.Status(w.server).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	return answer.Code == http.StatusOK
}

func (w *world) stop() { w.shutDown() }

// restart is a crash and a new start: what is not on disk is lost.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// machine is an ACME client that can be made to do everything wrong.
type machine struct {
	w      *world
	name   string
	keyID  string
	secret []byte
	key    *ecdsa.PrivateKey
	kid    string // URL of the account
	http   *http.Client
}

// client adds a client, and a machine that has an account.
func (w *world) client(name string, names ...string) *machine {
	w.t.Helper()
	m := w.unregistered(name, names...)
	answer := m.register()
	if answer.status != http.StatusCreated || answer.header.Get("Location") == "" {
		w.t.Fatalf("new account: %d %s", answer.status, answer.body)
	}
	m.kid = answer.header.Get("Location")
	return m
}

func (w *world) unregistered(name string, names ...string) *machine {
	w.t.Helper()
	client, text, err := w.clients.Add(name, acmeserver.Policy{Names: names}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || strings.HasPrefix(text, "-") {
		w.t.Fatal(text, err)
	}
	return &machine{w: w, name: name, keyID: client.KeyID, secret: secret, key: newKey(w.t), http: w.http.Client()}
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) problem() string {
	var p struct{ Type string }
	if a.status < 400 || json.Unmarshal(a.body, &p) != nil || a.header.Get("Content-Type") != "application/problem+json" {
		return ""
	}
	return strings.TrimPrefix(p.Type, "urn:ietf:params:acme:error:")
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var of map[string]any
	if err := json.Unmarshal(a.body, &of); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return of
}

// text is a member of a document that is a string; "" if it is none.
func (a answer) text(t testing.TB, member string) string {
	text, _ := a.json(t)[member].(string)
	return text
}

func (w *world) url(path string) string { return w.origin + path }

func (m *machine) nonce() string {
	m.w.t.Helper()
	response, err := m.http.Head(m.w.url("/acme/new-nonce"))
	if err != nil {
		m.w.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header.Get("Replay-Nonce")
}

// form is how a request is signed.
type form struct {
	url     string // to which it is sent
	signed  string // URL in the header; "" is url
	key     crypto.Signer
	alg     jose.SignatureAlgorithm
	jwk     bool
	kid     string
	nonce   string
	payload []byte
	kind    string // content type
	change  func(body []byte) []byte
}

// sign makes the body of a POST.
func (f form) sign(t testing.TB) []byte {
	t.Helper()
	if f.signed == "" {
		f.signed = f.url
	}
	if f.alg == "" {
		f.alg = jose.ES256
	}
	options := &jose.SignerOptions{EmbedJWK: f.jwk, ExtraHeaders: map[jose.HeaderKey]any{"url": f.signed}}
	if f.nonce != "" {
		options.NonceSource = once(f.nonce)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: f.alg, Key: jose.JSONWebKey{Key: f.key, KeyID: f.kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(f.payload)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(signed.FullSerialize())
	if f.change != nil {
		body = f.change(body)
	}
	return body
}

type once string

func (o once) Nonce() (string, error) { return string(o), nil }

// send sends a signed request as it is.
func (m *machine) send(f form) answer {
	m.w.t.Helper()
	if f.kind == "" {
		f.kind = "application/jose+json"
	}
	return m.sendBody(f.url, f.kind, f.sign(m.w.t))
}

func (m *machine) sendBody(url, kind string, body []byte) answer {
	m.w.t.Helper()
	response, err := m.http.Post(url, kind, bytes.NewReader(body))
	if err != nil {
		m.w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, text}
}

func payloadOf(t testing.TB, of any) []byte {
	t.Helper()
	if of == nil {
		return []byte{}
	}
	if text, ok := of.(string); ok {
		return []byte(text)
	}
	payload, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// good is a request as it should be; nil is POST-as-GET.
func (m *machine) good(url string, payload any) form {
	return form{url: url, key: m.key, kid: m.kid, nonce: m.nonce(), payload: payloadOf(m.w.t, payload)}
}

func (m *machine) post(url string, payload any) answer {
	m.w.t.Helper()
	return m.send(m.good(url, payload))
}

// binding is an external account binding.
func (m *machine) binding(url, keyID string, secret []byte, key crypto.PublicKey) json.RawMessage {
	m.w.t.Helper()
	jwk, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		m.w.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret},
		&jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"url": url, "kid": keyID}})
	if err != nil {
		m.w.t.Fatal(err)
	}
	signed, err := signer.Sign(jwk)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return json.RawMessage(signed.FullSerialize())
}

// newAccount is the request for one.
func (m *machine) newAccount(payload any) form {
	return form{url: m.w.url("/acme/new-account"), key: m.key, jwk: true, nonce: m.nonce(), payload: payloadOf(m.w.t, payload)}
}

func (m *machine) register() answer {
	m.w.t.Helper()
	return m.send(m.newAccount(map[string]any{"termsOfServiceAgreed": true, "contact": []string{"mailto:a@example.com"},
		"externalAccountBinding": m.binding(m.w.url("/acme/new-account"), m.keyID, m.secret, m.key.Public())}))
}

func identifiers(names ...string) []map[string]string {
	all := []map[string]string{}
	for _, name := range names {
		all = append(all, map[string]string{"type": "dns", "value": name})
	}
	return all
}

func (m *machine) order(names ...string) answer {
	m.w.t.Helper()
	return m.post(m.w.url("/acme/new-order"), map[string]any{"identifiers": identifiers(names...)})
}

func csrOf(t testing.TB, key crypto.Signer, template *x509.CertificateRequest) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(der)
}

// finalize sends a CSR for the names.
func (m *machine) finalize(order answer, key crypto.Signer, names ...string) answer {
	m.w.t.Helper()
	return m.post(order.text(m.w.t, "finalize"), map[string]any{"csr": csrOf(m.w.t, key, &x509.CertificateRequest{DNSNames: names})})
}

// final polls an order until it is final. The work goes on by itself, so each look brings it nearer.
func (m *machine) final(url string) answer {
	m.w.t.Helper()
	for {
		got := m.post(url, nil)
		if status := got.text(m.w.t, "status"); status == "valid" || status == "invalid" {
			return got
		}
		if m.w.t.Context().Err() != nil {
			m.w.t.Fatalf("the order is not final: %s", got.body)
		}
	}
}

// certificate gets one, from order to download.
func (m *machine) certificate(key crypto.Signer, names ...string) (orderURL string, chain answer) {
	m.w.t.Helper()
	order := m.order(names...)
	if order.status != http.StatusCreated {
		m.w.t.Fatalf("new order: %d %s", order.status, order.body)
	}
	orderURL = order.header.Get("Location")
	if got := m.finalize(order, key, names...); got.status != http.StatusOK {
		m.w.t.Fatalf("finalize: %d %s", got.status, got.body)
	}
	done := m.final(orderURL)
	chain = m.post(done.text(m.w.t, "certificate"), nil)
	if chain.status != http.StatusOK {
		m.w.t.Fatalf("certificate: %d %s, order %s", chain.status, chain.body, done.body)
	}
	return orderURL, chain
}

func leafOf(t testing.TB, chain []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(chain)
	if block == nil {
		t.Fatalf("no certificate: %s", chain)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
