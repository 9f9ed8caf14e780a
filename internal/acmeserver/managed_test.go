package acmeserver_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/acmeserver"
	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/acmetest"
)

// realWay is the way to a Boulder-like CA through package certificates, with ConoHa's name servers.
type realWay struct {
	*acmeserver.Managed

	ca     *acmetest.Server
	conoha *conohatest.Service
}

func newRealWay(t *testing.T, dirs settings.Directories) *realWay {
	t.Helper()
	conoha, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conoha.Close() })
	account := conoha.AddAccount(conohatest.Account{Version: 2})
	conoha.AddZone(account.Tenant, "example.com")
	w := &realWay{conoha: conoha}
	if w.ca, err = acmetest.Start(acmetest.Options{ValidationTime: acmetest.Takes(0), Look: func(fqdn string) (values []string) {
		for _, r := range conoha.Records("example.com") {
			if r.Type == "TXT" && strings.TrimSuffix(r.Name, ".")+"." == fqdn {
				values = append(values, r.Data)
			}
		}
		return values
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ca.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, w.ca.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := conoha.Environ(account)
	servers := func(name string) (list []string) {
		for _, line := range environ {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				list = strings.Split(value, ",")
			}
		}
		return list
	}
	request := certificates.Request{
		Server:       certificates.Choice[string]{Value: w.ca.DirectoryURL(), Firm: true},
		CABundle:     certificates.Choice[string]{Value: bundle, Firm: true},
		Registration: issuance.Registration{AgreeToTerms: true},
	}
	request.DNS.Resolvers.Value, request.DNS.NameServers.Value = servers("WILDCARD_RESOLVERS"), servers("WILDCARD_NAMESERVERS")
	request.DNS.CACache.Value = "0"
	w.Managed = &acmeserver.Managed{Request: request, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Open: func() (*certificates.Manager, error) {
			return certificates.Open(certificates.Options{Dirs: dirs, UserAgent: "wildcard/test", Environ: environ})
		}}
	t.Cleanup(w.Close)
	return w
}

func testDirs(t *testing.T) settings.Directories {
	dir := t.TempDir()
	return settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}
}

// wanted is a certificate with a new key.
func wantedOf(t *testing.T, names ...string) acmeserver.Wanted {
	t.Helper()
	der, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{DNSNames: names}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return acmeserver.Wanted{Names: slices.Sorted(slices.Values(names)), CSR: der}
}

// TestManaged_ProvenAhead has one order at the CA for each certificate, proven before its CSR is there, and nothing left in the DNS.
func TestManaged_ProvenAhead(t *testing.T) {
	t.Parallel()
	dirs := testDirs(t)
	w := newRealWay(t, dirs)
	wanted := wantedOf(t, "a.example.com", "*.a.example.com")
	proof := wanted
	proof.CSR = nil
	for range 2 { // the second time finds it done
		if err := w.Prove(t.Context(), proof); err != nil {
			t.Fatal(err)
		}
	}
	if orders, finalized := w.ca.Count(acmetest.NewOrder), w.ca.Count(acmetest.Finalize); orders != 1 || finalized != 0 {
		t.Errorf("%d orders, %d finalized", orders, finalized)
	}
	answered := w.ca.Count(acmetest.Challenge)
	got, err := w.Issue(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	leaf := leafOf(t, got.Chain)
	if orders := w.ca.Count(acmetest.NewOrder); orders != 1 || w.ca.Count(acmetest.Challenge) != answered || len(leaf.DNSNames) != 2 {
		t.Errorf("%d orders, names %v", orders, leaf.DNSNames)
	}
	again, err := w.Issue(t.Context(), wanted) // as after a crash
	if err != nil || !slices.Equal(again.Chain, got.Chain) || w.ca.Count(acmetest.NewOrder) != 1 {
		t.Errorf("again: %v, %d orders", err, w.ca.Count(acmetest.NewOrder))
	}
	w.Delivered(wanted)
	// A client that gave up comes with another key.
	if other, err := w.Issue(t.Context(), wantedOf(t, wanted.Names...)); err != nil || slices.Equal(other.Chain, got.Chain) {
		t.Errorf("another key: %v", err)
	}
	if w.ca.Count(acmetest.Challenge) != answered {
		t.Error("names that are proven were proven again")
	}
	for _, record := range w.conoha.Records("example.com") {
		if record.Type == "TXT" {
			t.Errorf("left behind: %s %s", record.Name, record.Data)
		}
	}
	if err := w.Revoke(t.Context(), leaf, 4); err != nil {
		t.Error(err)
	}
	if err := w.Revoke(t.Context(), leaf, 4); fault.CodeOf(err) != issuance.CodeRevoked {
		t.Errorf("revoked twice: %v", err)
	}
	if window, err := w.RenewalInfo(t.Context(), leaf); err != nil || window.End.IsZero() {
		t.Errorf("renewal information: %v %v", window, err)
	}
	if err := w.Look(t.Context()); err != nil || len(w.Profiles()) == 0 {
		t.Errorf("profiles %v, %v", w.Profiles(), err)
	}
}

// TestManaged_CAFails has the CA away, and there again: the order that was made is the one that is finalized.
func TestManaged_CAFails(t *testing.T) {
	t.Parallel()
	w := newRealWay(t, testDirs(t))
	wanted := wantedOf(t, "b.example.com")
	proof := wanted
	proof.CSR = nil
	if err := w.Prove(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.ca.On(acmetest.Finalize, func(*acmetest.Request) *acmetest.Reply {
		cancel() // the server is stopped while the CA does not answer
		return &acmetest.Reply{Drop: true}
	})
	if _, err := w.Issue(ctx, wanted); err == nil {
		t.Error("it was issued")
	}
	w.ca.On(acmetest.Finalize, nil)
	if _, err := w.Issue(t.Context(), wanted); err != nil || w.ca.Count(acmetest.NewOrder) != 1 {
		t.Errorf("%v, %d orders", err, w.ca.Count(acmetest.NewOrder))
	}
}

// TestManaged_Own has the server's own certificate obtained, shown, and kept.
func TestManaged_Own(t *testing.T) {
	t.Parallel()
	w := newRealWay(t, testDirs(t))
	own := &acmeserver.Own{Upstream: w.Managed, Lineage: "acme.example.com", Names: []string{"acme.example.com"}, Log: slog.New(slog.DiscardHandler)}
	for range 2 { // the second start finds it there
		if err := own.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := own.Config().GetCertificate(nil)
	if err != nil || shown.Leaf.DNSNames[0] != "acme.example.com" || w.ca.Count(acmetest.NewOrder) != 1 {
		t.Errorf("%v, %d orders", err, w.ca.Count(acmetest.NewOrder))
	}
	missing := &acmeserver.Own{Upstream: w.Managed, Lineage: "none.example.com", Log: slog.New(slog.DiscardHandler)}
	if err := missing.Begin(t.Context()); err == nil {
		t.Error("a lineage that there is not is shown")
	}
}
