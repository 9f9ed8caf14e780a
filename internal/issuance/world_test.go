package issuance_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/persist"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/pebbletest"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// world is an offline ConoHa with its name servers, a true ACME server, and an issuer with a fresh account.
type world struct {
	conoha  *conohatest.Service
	account conohatest.Account
	pebble  *pebbletest.CA
	issuer  *issuance.Issuer
	state   string

	mu         sync.Mutex
	events     []issuance.Event
	downloaded time.Time // the last certificate
}

// newWorld has example.com and example.net in one account of Ver.2.0.
func newWorld(t testing.TB, c conohatest.Options, p pebbletest.Options) *world {
	t.Helper()
	w := &world{state: t.TempDir()}
	var err error
	if w.conoha, err = conohatest.Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	w.account = w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.conoha.AddZone(w.account.Tenant, "example.com")
	w.conoha.AddZone(w.account.Tenant, "example.net")
	p.Resolver = w.conoha.ValidationResolver()
	if w.pebble, err = pebbletest.Start(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pebble.Close)
	w.issuer = w.newIssuer(t)
	return w
}

// newIssuer opens the DNS account and makes an ACME account.
func (w *world) newIssuer(t testing.TB) *issuance.Issuer {
	t.Helper()
	environ := w.conoha.Environ(w.account)
	spec, err := providers.ParseSpec("conoha")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{
		Settings: settings.FromProcess("", environ, "", filepath.Join(w.state, "etc")), UserAgent: "wildcard/test",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.state, "journal")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	records, err := journal.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca := w.dial(t)
	account, err := ca.Register(t.Context(), nil, issuance.Registration{AgreeToTerms: true})
	if err != nil {
		t.Fatal(err)
	}
	return &issuance.Issuer{
		CA: ca, Account: account, Router: providers.Router{Accounts: accounts},
		Resolver:   &propagation.Resolver{Servers: []string{w.conoha.Resolver()}, NameServers: w.nameServers(environ)},
		Journal:    records,
		HistoryDir: filepath.Join(w.state, "history"),
		Observe:    w.observed,
	}
}

func (w *world) observed(e issuance.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	if e.Step == issuance.StepDownload && e.State == issuance.Finished {
		w.downloaded = time.Now()
	}
}

func (w *world) nameServers(environ []string) []string {
	for _, line := range environ {
		if list, ok := cut(line, "WILDCARD_NAMESERVERS="); ok {
			servers, _ := propagation.ParseServers(list)
			return servers
		}
	}
	return nil
}

func cut(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

func (w *world) dial(t testing.TB) *issuance.CA {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.pebble.RootPEM())
	ca, err := issuance.Dial(t.Context(), issuance.Options{Server: w.pebble.DirectoryURL(), UserAgent: "wildcard/test", RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	return ca
}

// request asks for n names in example.com, the base and its wildcard first, with a new key.
func request(t testing.TB, names ...string) issuance.Request {
	t.Helper()
	key, err := issuance.ECDSA256.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return issuance.Request{Names: names, Key: key}
}

func manyNames(n int) []string {
	names := []string{"*.example.com", "example.com"}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("*.s%d.example.com", i))
	}
	return names[:n]
}

// clean fails the test unless nothing of ours is left anywhere.
func (w *world) clean(t testing.TB) {
	t.Helper()
	for _, zone := range []string{"example.com", "example.net"} {
		for _, record := range w.conoha.Records(zone) {
			if record.Type == "TXT" && record.Data != foreign && !strings.HasPrefix(record.Name, persist.Label) { // which stays
				t.Errorf("left behind: %s %s", record.Name, record.Data)
			}
		}
	}
	entries, damage, err := w.issuer.Journal.Entries()
	if err != nil || len(entries)+len(damage) > 0 {
		t.Errorf("journal: %v %v %v", entries, damage, err)
	}
}

const foreign = "somebody-else"

func TestObtain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond}}, pebbletest.Options{})
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "TXT", foreign)
	var saved []issuance.Checkpoint
	r := request(t, "*.example.com", "example.com", "a.b.example.net")
	r.Save = func(c issuance.Checkpoint) error { saved = append(saved, c); return nil }
	result, err := w.issuer.Obtain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if result.CleanUp != nil || len(result.Warnings) > 0 {
		t.Errorf("clean up: %v, warnings: %q", result.CleanUp, result.Warnings)
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(w.pebble.IssuerPEM())
	intermediates.AppendCertsFromPEM(result.Chain)
	for _, name := range []string{"anything.example.com", "example.com", "a.b.example.net"} {
		if _, err := result.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates}); err != nil {
			t.Error(err)
		}
	}
	w.clean(t)
	if len(saved) != 2 || saved[0].Order != result.Order || saved[0].Chain != nil || string(saved[1].Chain) != string(result.Chain) {
		t.Errorf("saved: %+v", saved)
	}
	calls := w.conoha.Calls()
	if calls.Logins != 1 || calls.ZoneLists != 1 || calls.Creates != 3 || calls.Deletes != 3 || calls.Connections > 4 {
		t.Errorf("calls: %+v", calls)
	}
	var steps []issuance.Step
	for _, e := range w.events {
		if e.State == issuance.Started && e.Step != issuance.StepCleanup {
			steps = append(steps, e.Step)
		}
	}
	want := []issuance.Step{
		issuance.StepZones, issuance.StepOrder, issuance.StepAuthorization, issuance.StepRecords, issuance.StepPublication,
		issuance.StepValidation, issuance.StepFinalize, issuance.StepDownload,
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps: %v", steps)
	}
	for _, q := range w.conoha.Questions() {
		if q.Server == conohatest.ResolverName && len(q.Name) > 15 && q.Name[:15] == "_acme-challenge" {
			t.Errorf("the resolver was asked for %s %s", q.Name, q.Type)
		}
	}
}

// TestResume ends a run after the order was made; the next one takes the order up, and a third finds it valid.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	var saved issuance.Checkpoint
	r := request(t, "*.example.com", "example.com")
	ctx, cancel := context.WithCancel(t.Context())
	r.Save = func(c issuance.Checkpoint) error { saved = c; cancel(); return nil }
	if _, err := w.issuer.Obtain(ctx, r); err == nil {
		t.Fatal("a cancelled run succeeded")
	}
	w.clean(t)
	r.Save = func(c issuance.Checkpoint) error { saved = c; return nil }
	for range 2 {
		checkpoint := issuance.Checkpoint{Order: saved.Order}
		r.Resume = &checkpoint
		result, err := w.issuer.Obtain(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if !result.Resumed || result.Order != checkpoint.Order {
			t.Errorf("resumed %v, order %s, want %s", result.Resumed, result.Order, checkpoint.Order)
		}
		w.clean(t)
	}
}
