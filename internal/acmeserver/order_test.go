package acmeserver_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

func certificateID(leaf *x509.Certificate) string { return issuance.CertificateID(leaf) }

// TestOrder_Issued has a name and a wildcard, from the account to the certificate and its other chain.
func TestOrder_Issued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com", "*.web1.example.com")
	order := m.order("WEB1.example.com", "*.web1.example.com")
	if order.status != http.StatusCreated || order.text(t, "status") != "ready" {
		t.Fatalf("%d %s", order.status, order.body)
	}
	for _, url := range order.json(t)["authorizations"].([]any) {
		got := m.post(url.(string), nil)
		challenge := got.json(t)["challenges"].([]any)[0].(map[string]any)
		if got.text(t, "status") != "valid" || challenge["status"] != "valid" {
			t.Errorf("authorization %s", got.body)
		}
		if answered := m.post(challenge["url"].(string), map[string]any{}); answered.text(t, "status") != "valid" {
			t.Errorf("challenge %d %s", answered.status, answered.body)
		}
	}
	key := newKey(t)
	finalized := m.finalize(order, key, "web1.example.com", "*.web1.example.com")
	if finalized.status != http.StatusOK || finalized.header.Get("Location") != order.header.Get("Location") {
		t.Fatalf("finalize: %d %s %s", finalized.status, finalized.header, finalized.body)
	}
	done := m.final(order.header.Get("Location"))
	chain := m.post(done.text(t, "certificate"), nil)
	leaf := leafOf(t, chain.body)
	if !key.PublicKey.Equal(leaf.PublicKey) || len(leaf.DNSNames) != 2 {
		t.Errorf("certificate for %v", leaf.DNSNames)
	}
	if chain.header.Get("Content-Type") != "application/pem-certificate-chain" {
		t.Errorf("content type %s", chain.header.Get("Content-Type"))
	}
	alternates := 0
	for _, link := range chain.header.Values("Link") {
		if url, ok := strings.CutSuffix(link, `>;rel="alternate"`); ok {
			alternates++
			if other := m.post(url[1:], nil); !leafOf(t, other.body).Equal(leaf) || slices.Equal(other.body, chain.body) {
				t.Errorf("the other chain: %d %s", other.status, other.body)
			}
		}
	}
	if alternates != 1 {
		t.Errorf("links %v", chain.header.Values("Link"))
	}
	if len(w.up.proofs) != 1 || len(w.up.issued) != 1 {
		t.Errorf("proofs %d, certificates %d", len(w.up.proofs), len(w.up.issued))
	}
	orders := m.post(m.kid+"/orders", nil)
	if all := orders.json(t)["orders"].([]any); len(all) != 1 || all[0] != order.header.Get("Location") {
		t.Errorf("orders %s", orders.body)
	}
}

// TestOrder_AskedTwice has clients that repeat what they asked: each gets what is there, and the CA is asked once.
func TestOrder_AskedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	first, again := m.order("web1.example.com"), m.order("web1.example.com")
	if first.header.Get("Location") != again.header.Get("Location") || again.status != http.StatusCreated {
		t.Errorf("two orders: %s %s", first.header, again.header)
	}
	key := newKey(t)
	csr := map[string]any{"csr": csrOf(t, key, &x509.CertificateRequest{DNSNames: []string{"web1.example.com"}})}
	for range 3 { // the same CSR, while it is worked on and after
		if got := m.post(first.text(t, "finalize"), csr); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		m.final(first.header.Get("Location"))
	}
	if got := m.finalize(first, newKey(t), "web1.example.com"); got.problem() != "orderNotReady" {
		t.Errorf("another CSR: %d %s", got.status, got.body)
	}
	// A new order with the same key within a day gets the certificate that is there.
	_, chain := m.certificate(key, "web1.example.com")
	if _, same := m.certificate(key, "web1.example.com"); !slices.Equal(chain.body, same.body) {
		t.Error("another certificate for the same key")
	}
	if len(w.up.issued) != 1 {
		t.Errorf("%d certificates", len(w.up.issued))
	}
	// One that says that it replaces it gets another one.
	id := certificateID(leafOf(t, chain.body))
	renewal := m.post(w.url("/acme/new-order"), map[string]any{"identifiers": identifiers("web1.example.com"), "replaces": id})
	if renewal.text(t, "replaces") != id {
		t.Fatalf("%d %s", renewal.status, renewal.body)
	}
	m.finalize(renewal, key, "web1.example.com")
	m.final(renewal.header.Get("Location"))
	if len(w.up.issued) != 2 || w.up.issued[1].Replaces != id {
		t.Errorf("renewed: %+v", w.up.issued)
	}
	twice := m.post(w.url("/acme/new-order"), map[string]any{"identifiers": identifiers("web1.example.com"), "replaces": id})
	if twice.problem() != "alreadyReplaced" || twice.status != http.StatusConflict {
		t.Errorf("replaced twice: %d %s", twice.status, twice.body)
	}
}

// TestOrder_ServerEnds stops the server between each two steps of an order: afterwards it is valid, and the CA issued once.
func TestOrder_ServerEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	w.restart()
	order := m.order("web1.example.com")
	w.restart()
	block := make(chan struct{})
	w.up.mu.Lock()
	w.up.onIssue = func(ctx context.Context, _ acmeserver.Wanted) error {
		select {
		case <-block:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	w.up.mu.Unlock()
	key := newKey(t)
	if got := m.finalize(order, key, "web1.example.com"); got.text(t, "status") != "processing" || got.header.Get("Retry-After") == "" {
		t.Fatalf("finalize: %d %s", got.status, got.body)
	}
	w.restart()
	close(block)
	if got := m.final(order.header.Get("Location")); got.text(t, "status") != "valid" {
		t.Errorf("order %s", got.body)
	}
	w.restart()
	chain := m.post(m.post(order.header.Get("Location"), nil).text(t, "certificate"), nil)
	if leafOf(t, chain.body).DNSNames[0] != "web1.example.com" || len(w.up.issued) != 1 {
		t.Errorf("%d certificates, %s", len(w.up.issued), chain.body)
	}
}

// TestOrder_UpstreamFails has failures that pass, and failures that do not.
func TestOrder_UpstreamFails(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // the clock, in seconds
	w := newWorld(t, func(w *world) {
		w.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }
		w.sleep = func(ctx context.Context, d time.Duration) error {
			if d >= time.Hour { // the one between two clean-ups
				<-ctx.Done()
				return ctx.Err()
			}
			ahead.Add(int64(d.Seconds()))
			return ctx.Err()
		}
	})
	m := w.client("web1", "web1.example.com", "bad.example.com", "limited.example.com", "caa.example.com")
	tries := 0
	w.up.mu.Lock()
	w.up.onIssue = func(_ context.Context, wanted acmeserver.Wanted) error {
		switch tries++; {
		case wanted.Names[0] == "bad.example.com":
			return fault.Errorf(issuance.CodeName, fault.Failed, "acme: forbidden by policy")
		case wanted.Names[0] == "caa.example.com":
			return fault.Errorf(issuance.CodeCAA, fault.Misconfigured, "acme: CAA")
		case wanted.Names[0] == "limited.example.com":
			return fault.Errorf(issuance.CodeRateLimited, fault.Temporary, "acme: too many")
		case tries < 8:
			return fault.Errorf(issuance.CodeUnreachable, fault.Temporary, "acme: no route")
		}
		return nil
	}
	w.up.mu.Unlock()
	url, _ := m.certificate(newKey(t), "web1.example.com") // which went through seven failures, of more than an hour
	if took := ahead.Load(); took < 1200 {
		t.Errorf("%s after %d s", url, took)
	}
	for name, kind := range map[string]string{
		"bad.example.com": "rejectedIdentifier", "caa.example.com": "caa", "limited.example.com": "rateLimited",
	} {
		order := m.order(name)
		m.finalize(order, newKey(t), name)
		got := m.final(order.header.Get("Location"))
		problem, _ := got.json(t)["error"].(map[string]any)
		if got.text(t, "status") != "invalid" || problem["type"] != "urn:ietf:params:acme:error:"+kind {
			t.Errorf("%s: %s", name, got.body)
		}
		if again := m.order(name); again.header.Get("Location") == order.header.Get("Location") {
			t.Errorf("%s: the order that failed is given again", name)
		}
	}
}

// TestOrder_ProofFails ends an order whose names the CA does not find proven, before its CSR comes.
func TestOrder_ProofFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	w.up.mu.Lock()
	w.up.onProve = func(context.Context, acmeserver.Wanted) error {
		return fault.Errorf(issuance.CodeValidation, fault.Failed, "acme: no TXT record")
	}
	w.up.mu.Unlock()
	order := m.order("web1.example.com")
	if got := m.final(order.header.Get("Location")); !strings.Contains(string(got.body), "no TXT record") {
		t.Errorf("%s", got.body)
	}
	if got := m.finalize(order, newKey(t), "web1.example.com"); got.problem() != "orderNotReady" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestOrder_StoppedInProof stops the server, as systemd does, while names are being proven: the order is as good as before.
func TestOrder_StoppedInProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	begun := make(chan struct{})
	w.up.mu.Lock()
	w.up.onProve = func(ctx context.Context, _ acmeserver.Wanted) error {
		close(begun)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	w.up.mu.Unlock()
	order := m.order("web1.example.com")
	<-begun
	w.stop()
	w.up.mu.Lock()
	w.up.onProve = nil
	w.up.mu.Unlock()
	w.start()
	m.finalize(order, newKey(t), "web1.example.com")
	if got := m.final(order.header.Get("Location")); got.text(t, "status") != "valid" {
		t.Errorf("order %s", got.body)
	}
}

// TestOrder_ClientGaveUp has a client that comes again with another key: its new order is the one that is worked on.
func TestOrder_ClientGaveUp(t *testing.T) {
	t.Parallel()
	down := make(chan struct{})
	w := newWorld(t, func(w *world) {
		w.sleep = func(ctx context.Context, d time.Duration) error {
			if d < time.Hour {
				select {
				case <-down:
					return nil
				case <-ctx.Done():
				}
			}
			<-ctx.Done()
			return ctx.Err()
		}
	})
	m := w.client("web1", "web1.example.com")
	fails := make(chan struct{})
	var tried atomic.Int32
	w.up.mu.Lock()
	w.up.onIssue = func(context.Context, acmeserver.Wanted) error {
		if tried.Add(1) == 1 {
			close(fails)
			return fault.Errorf(issuance.CodeUnavailable, fault.Temporary, "acme: 503")
		}
		return nil
	}
	w.up.mu.Unlock()
	first := m.order("web1.example.com")
	m.finalize(first, newKey(t), "web1.example.com")
	<-fails
	_, chain := m.certificate(newKey(t), "web1.example.com")
	close(down)
	if got := m.final(first.header.Get("Location")); got.text(t, "status") != "invalid" {
		t.Errorf("the first order: %s", got.body)
	}
	if len(w.up.issued) != 1 || leafOf(t, chain.body) == nil {
		t.Errorf("%d certificates", len(w.up.issued))
	}
}

// TestOrder_AnotherCA has the server pass from one CA to another: what the first issued is nothing to the second, and is there again after.
func TestOrder_AnotherCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.ca = "https://staging.example/directory" })
	m := w.client("web1", "web1.example.com")
	key := newKey(t)
	_, staging := m.certificate(key, "web1.example.com")
	w.stop()
	w.ca = "https://production.example/directory"
	w.start()
	if _, next := m.certificate(key, "web1.example.com"); slices.Equal(next.body, staging.body) {
		t.Error("the certificate of the other CA is handed out")
	}
	leaf := leafOf(t, staging.body)
	if got := m.get(w.url("/acme/renewal-info/" + certificateID(leaf))); got.status != http.StatusNotFound || w.up.asked != 0 {
		t.Errorf("renewal information: %d %s", got.status, got.body)
	}
	got := m.post(w.url("/acme/revoke-cert"), map[string]any{"certificate": base64.RawURLEncoding.EncodeToString(leaf.Raw)})
	if got.problem() != "unauthorized" || len(w.up.revoked) != 0 {
		t.Errorf("revoked: %d %s", got.status, got.body)
	}
	w.stop()
	w.ca = "https://staging.example/directory"
	w.start()
	if _, again := m.certificate(key, "web1.example.com"); !slices.Equal(again.body, staging.body) {
		t.Error("back at the first CA, its certificate is not handed out")
	}
}

// TestRevocation_PassedOn has the two who may revoke: the client, and who has the certificate's key.
func TestRevocation_PassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	for what, byKey := range map[string]bool{"by the account": false, "by the key": true} {
		key := newKey(t)
		_, chain := m.certificate(key, "web1.example.com")
		payload := map[string]any{"certificate": base64.RawURLEncoding.EncodeToString(leafOf(t, chain.body).Raw), "reason": 4}
		f := func() form {
			if byKey {
				return form{url: w.url("/acme/revoke-cert"), key: key, jwk: true, nonce: m.nonce(), payload: payloadOf(t, payload)}
			}
			return m.good(w.url("/acme/revoke-cert"), payload)
		}
		before := len(w.up.revoked)
		if got := m.send(f()); got.status != http.StatusOK || len(w.up.revoked) != before+1 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
		if got := m.send(f()); got.problem() != "alreadyRevoked" || len(w.up.revoked) != before+1 {
			t.Errorf("%s, twice: %d %s", what, got.status, got.body)
		}
		if _, next := m.certificate(key, "web1.example.com"); slices.Equal(next.body, chain.body) {
			t.Errorf("%s: the revoked certificate is handed out again", what)
		}
	}
}

// TestRenewalInfo_PassedOn has what the CA suggests, kept until it may be asked again; and what holds if it says nothing.
func TestRenewalInfo_PassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	_, chain := m.certificate(newKey(t), "web1.example.com")
	start := time.Now().Add(240 * time.Hour).UTC().Truncate(time.Second)
	w.up.mu.Lock()
	w.up.window = issuance.Window{Start: start, End: start.Add(time.Hour), RetryAfter: 6 * time.Hour}
	w.up.mu.Unlock()
	url := w.url("/acme/renewal-info/" + certificateID(leafOf(t, chain.body)))
	for range 3 {
		got := m.get(url)
		window, _ := got.json(t)["suggestedWindow"].(map[string]any)
		if got.status != http.StatusOK || window["start"] != start.Format(time.RFC3339) || got.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if w.up.asked != 1 {
		t.Errorf("asked %d times", w.up.asked)
	}
	if got := m.get(w.url("/acme/renewal-info/AQID.ZZ")); got.status != http.StatusNotFound {
		t.Errorf("a strange certificate: %d", got.status)
	}
	_, silent := m.certificate(newKey(t), "web1.example.com")
	w.up.mu.Lock()
	w.up.windowErr = fault.Errorf(issuance.CodeRenewalInfo, fault.Temporary, "none")
	w.up.mu.Unlock()
	leaf := leafOf(t, silent.body)
	got := m.get(w.url("/acme/renewal-info/" + certificateID(leaf)))
	window, _ := got.json(t)["suggestedWindow"].(map[string]any)
	if from, err := time.Parse(time.RFC3339, window["start"].(string)); err != nil || !from.Before(leaf.NotAfter) || !from.After(time.Now()) {
		t.Errorf("without the CA: %s", got.body)
	}
}

// TestRenewalInfo_HungUp has who hangs up at once: the CA is asked all the same, so that nothing wrong is remembered of it.
func TestRenewalInfo_HungUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	_, chain := m.certificate(newKey(t), "web1.example.com")
	leaf := leafOf(t, chain.body)
	start := time.Now().Add(-time.Hour).UTC().Truncate(time.Second) // which says: now
	w.up.mu.Lock()
	w.up.window = issuance.Window{Start: start, End: start.Add(time.Minute), RetryAfter: 6 * time.Hour}
	w.up.mu.Unlock()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	path := "/acme/renewal-info/" + certificateID(leaf)
	w.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ended, http.MethodGet, path, nil))
	got := m.get(w.url(path))
	if window, _ := got.json(t)["suggestedWindow"].(map[string]any); window["start"] != start.Format(time.RFC3339) {
		t.Errorf("%d %s", got.status, got.body)
	}
	f := m.good(w.url("/acme/revoke-cert"), map[string]any{"certificate": base64.RawURLEncoding.EncodeToString(leaf.Raw)})
	request := httptest.NewRequestWithContext(ended, http.MethodPost, "/acme/revoke-cert", bytes.NewReader(f.sign(t)))
	request.Header.Set("Content-Type", "application/jose+json")
	w.server.ServeHTTP(httptest.NewRecorder(), request)
	if len(w.up.revoked) != 1 {
		t.Error("it is not revoked")
	}
}

func (m *machine) get(url string) answer {
	m.w.t.Helper()
	response, err := m.http.Get(url)
	if err != nil {
		m.w.t.Fatal(err)
	}
	defer response.Body.Close()
	body := make([]byte, 1<<16)
	n, _ := response.Body.Read(body)
	return answer{response.StatusCode, response.Header, body[:n]}
}

// TestClient_Changed has what a policy's change does to accounts that are there.
func TestClient_Changed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	order := m.order("web1.example.com")
	if again := m.register(); again.status != http.StatusOK || again.header.Get("Location") != m.kid {
		t.Errorf("the same key again: %d %s", again.status, again.body)
	}
	if found := m.send(m.newAccount(map[string]any{"onlyReturnExisting": true, "contact": []string{}})); found.header.Get("Location") != m.kid {
		t.Errorf("looked for: %d %s", found.status, found.body)
	}
	// Rolled over, the account is the same.
	next := newKey(t)
	inner := form{url: w.url("/acme/key-change"), key: next, jwk: true,
		payload: payloadOf(t, map[string]any{"account": m.kid, "oldKey": jwkOf(t, m.key.Public())})}
	if got := m.post(w.url("/acme/key-change"), string(inner.sign(t))); got.status != http.StatusOK {
		t.Fatalf("key change: %d %s", got.status, got.body)
	}
	if got := m.post(m.kid, nil); got.problem() != "unauthorized" {
		t.Errorf("the old key: %d %s", got.status, got.body)
	}
	m.key = next
	if got := m.post(m.kid, map[string]any{"contact": []string{"mailto:b@example.com"}}); got.status != http.StatusOK {
		t.Errorf("contact: %d %s", got.status, got.body)
	}
	// Removed, it may do nothing, neither new nor begun; nor does its binding make another account.
	if err := w.clients.Remove("web1"); err != nil {
		t.Fatal(err)
	}
	sent := w.up.sent()
	for what, ask := range map[string]func() answer{
		"order":    func() answer { return m.order("web1.example.com") },
		"finalize": func() answer { return m.finalize(order, newKey(t), "web1.example.com") },
		"account":  func() answer { return m.post(m.kid, nil) },
		"binding":  func() answer { m := *m; m.key = newKey(t); return m.register() },
		"lookup":   func() answer { return m.send(m.newAccount(map[string]any{"onlyReturnExisting": true})) },
	} {
		if got := ask(); got.problem() != "unauthorized" {
			t.Errorf("removed, %s: %d %s", what, got.status, got.body)
		}
	}
	// A client of the same name is another one.
	if _, _, err := w.clients.Add("web1", acmeserver.Policy{Names: []string{"web1.example.com"}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := m.order("web1.example.com"); got.problem() != "unauthorized" || w.up.sent() != sent {
		t.Errorf("the old account of a new client: %d %s", got.status, got.body)
	}
}

// TestClient_AddedAgain has a machine come back with the account key that it has, by the new key of its client and no other.
func TestClient_AddedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, other := w.client("web1", "web1.example.com"), w.client("web2", "web2.example.com")
	if err := w.clients.Remove("web1"); err != nil {
		t.Fatal(err)
	}
	again := w.unregistered("web1", "web1.example.com")
	again.key, again.kid = m.key, m.kid
	stolen := *other
	stolen.key = m.key
	for what, as := range map[string]*machine{"by the old key": m, "by another's": &stolen} {
		if got := as.register(); got.problem() != "unauthorized" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if got := again.order("web1.example.com"); got.problem() != "unauthorized" {
		t.Errorf("before it is bound: %d %s", got.status, got.body)
	}
	if got := again.register(); got.status != http.StatusOK || got.header.Get("Location") != m.kid {
		t.Fatalf("%d %s", got.status, got.body)
	}
	w.restart()
	again.certificate(newKey(t), "web1.example.com")
	if got := again.order("web2.example.com"); got.problem() != "rejectedIdentifier" {
		t.Errorf("another's name: %d %s", got.status, got.body)
	}
	// An account that was ended stays so.
	again.post(again.kid, map[string]any{"status": "deactivated"})
	if got := again.register(); got.problem() != "unauthorized" {
		t.Errorf("deactivated: %d %s", got.status, got.body)
	}
}

// TestClient_EndedMeanwhile gives nothing for orders of a client, or an account, that may not have their names any more.
func TestClient_EndedMeanwhile(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*world, *machine) error{
		"removed":     func(w *world, _ *machine) error { return w.clients.Remove("web1") },
		"deactivated": func(_ *world, m *machine) error { m.post(m.kid, map[string]any{"status": "deactivated"}); return nil },
		"narrowed": func(w *world, _ *machine) error {
			return os.WriteFile(w.clients.Path("web1"), []byte("names = web2.example.com\n"), 0o600)
		},
	} {
		w := newWorld(t)
		m := w.client("web1", "web1.example.com", "*.web1.example.com")
		w.up.mu.Lock()
		w.up.onProve = func(ctx context.Context, _ acmeserver.Wanted) error { <-ctx.Done(); return context.Cause(ctx) }
		w.up.mu.Unlock()
		m.finalize(m.order("web1.example.com"), newKey(t), "web1.example.com")
		m.order("*.web1.example.com") // ready
		if err := end(w, m); err != nil {
			t.Fatal(err)
		}
		w.stop()
		w.up.mu.Lock()
		w.up.onProve, w.up.proofs = nil, nil
		w.up.mu.Unlock()
		before := w.up.sent()
		w.start()
		for strings.Count(w.audit.String(), `"order.failed"`) < 2 && w.up.sent() == before {
			runtime.Gosched()
		}
		if w.up.sent() != before || strings.Count(w.audit.String(), `"problem":"unauthorized"`) != 2 {
			t.Errorf("%s: %s", what, w.audit)
		}
	}
}

// TestClient_Unreadable has a policy that cannot be read now: who asks is to come again, and is not told that it was removed for good.
func TestClient_Unreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	if err := os.Chmod(w.clients.Path("web1"), 0o666); err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func() answer{
		"order":   func() answer { return m.order("web1.example.com") },
		"account": m.register,
		"binding": func() answer { m := *m; m.key = newKey(t); return m.register() },
	} {
		if got := ask(); got.problem() != "serverInternal" || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), w.dirs.Config) {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if w.up.sent() != 0 {
		t.Error("the CA was asked")
	}
}

// TestAccount_Deactivated may do nothing any more.
func TestAccount_Deactivated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	if got := m.post(m.kid, map[string]any{"status": "deactivated"}); got.text(t, "status") != "deactivated" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := m.order("web1.example.com"); got.problem() != "unauthorized" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestClient_FromElsewhere has a client that must come from a network where it is not.
func TestClient_FromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, _, err := w.clients.Add("web1", acmeserver.Policy{Names: []string{"web1.example.com"},
		From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, time.Now())
	if err != nil || len(client.From) != 1 {
		t.Fatal(err)
	}
	here, key, err := w.clients.Add("web2", acmeserver.Policy{Names: []string{"web2.example.com"},
		From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{w: w, keyID: here.KeyID, secret: secret, key: newKey(t), http: w.http.Client()}
	if got := m.register(); got.status != http.StatusCreated {
		t.Errorf("from here: %d %s", got.status, got.body)
	}
	m = &machine{w: w, keyID: client.KeyID, secret: secret, key: newKey(t), http: w.http.Client()}
	if got := m.register(); got.problem() != "unauthorized" {
		t.Errorf("from elsewhere: %d %s", got.status, got.body)
	}
}

// TestQuota_Spent refuses orders beyond a client's share, with a time, and no other client's.
func TestQuota_Spent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, _, err := w.clients.Add("few", acmeserver.Policy{Names: []string{".few.example.com"}, Quota: 2}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.clients.Remove("few"); err != nil {
		t.Fatal(err)
	}
	client, key, err := w.clients.Add("few", acmeserver.Policy{Names: []string{".few.example.com"}, Quota: 2}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{w: w, keyID: client.KeyID, secret: secret, key: newKey(t), http: w.http.Client()}
	m.kid = m.register().header.Get("Location")
	for _, name := range []string{"a.few.example.com", "b.few.example.com"} {
		if got := m.order(name); got.status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := m.order("c.few.example.com"); got.problem() != "rateLimited" || got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := w.client("web1", "web1.example.com").order("web1.example.com"); got.status != http.StatusCreated {
		t.Errorf("another client: %d %s", got.status, got.body)
	}
}

// TestRefusals_TooMany answers an address that asks for nothing but refusals without reading what it sends.
func TestRefusals_TooMany(t *testing.T) {
	t.Parallel()
	at := time.Now()
	var ahead atomic.Int64
	w := newWorld(t, func(w *world) { w.now = func() time.Time { return at.Add(time.Duration(ahead.Load())) } })
	m := w.client("web1", "web1.example.com")
	limited := 0
	for range 300 {
		if got := m.sendBody(w.url("/acme/new-order"), "application/jose+json", []byte("{}")); got.problem() == "rateLimited" {
			limited++
			if got.header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		}
	}
	if limited < 80 {
		t.Errorf("%d of 300 were refused unread", limited)
	}
	ahead.Store(int64(20 * time.Second))
	if got := m.order("web1.example.com"); got.status != http.StatusCreated {
		t.Errorf("later: %d %s", got.status, got.body)
	}
	if n := strings.Count(w.audit.String(), `"refused"`); n > 210 {
		t.Errorf("%d lines about it", n)
	}
}

// TestAudit_NoSecrets has a line for each decision, and no key in any.
func TestAudit_NoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.client("web1", "web1.example.com")
	m.certificate(newKey(t), "web1.example.com")
	m.order("web2.example.com")
	said := w.audit.String()
	for _, event := range []string{"account.created", "order.created", "order.finalized", "certificate.issued", `"problem":"rejectedIdentifier"`} {
		if !strings.Contains(said, event) {
			t.Errorf("no line %s in %s", event, said)
		}
	}
	if secret := base64.RawURLEncoding.EncodeToString(m.secret); strings.Contains(said, secret) || strings.Contains(said, "PRIVATE") {
		t.Error("a secret is in it")
	}
}
