//go:build k8s

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	acmetest "github.com/cert-manager/cert-manager/test/acme"

	"wildcard/conoha/conohatest"
	"wildcard/providers/builtin"
)

// cert-manager's own conformance suite for webhooks, with a real API server, which it starts itself. It presents two values of a
// name one after the other and wants both at once, which cert-manager itself never does for one domain (its scheduler.go): no CA
// looks, so the config says that it keeps nothing. That the second is kept back else, TestPresent_ValueAfterAnother shows.
func TestConformance(t *testing.T) {
	for name, version := range map[string]int{"ConoHa Ver.2.0": 2, "ConoHa Ver.3.0": 3} {
		t.Run(name, func(t *testing.T) {
			service, err := conohatest.Start(conohatest.Options{PublicationDelay: []time.Duration{300 * time.Millisecond, time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = service.Close() })
			account := service.AddAccount(conohatest.Account{Version: version})
			service.AddZone(account.Tenant, "example.com")
			before := len(service.Records("example.com"))
			conform(t, "conoha", service.NameServers(version)[0], map[string]any{
				"secretRef": map[string]string{"name": "account"}, "nameServers": strings.Join(service.NameServers(version), ","),
				"caCache": 0,
			}, service.Environ(account))
			if after := service.Records("example.com"); len(after) != before {
				t.Errorf("left behind: %v", after)
			}
		})
	}
	t.Run("rfc2136 and BIND", func(t *testing.T) {
		server, key := startBIND(t)
		conform(t, "rfc2136", server, map[string]any{
			"provider": "example.com=rfc2136", "secretRef": map[string]string{"name": "account"}, "nameServers": server, "caCache": 0,
			"settings": map[string]string{"RFC2136_TSIG_ALGORITHM": "hmac-sha256"},
		}, []string{"RFC2136_NAMESERVER=" + server, "RFC2136_TSIG_KEY=wildcard-key", "RFC2136_TSIG_SECRET=" + key})
	})
}

// conform runs the suite for a solver whose Secret holds the variables of environ that are the provider's.
func conform(t *testing.T, name, server string, config any, environ []string) {
	t.Helper()
	var solver *Solver
	for _, s := range solvers(builtin.Registry(), offline(), slog.New(slog.DiscardHandler)) {
		if s.Name() == name {
			solver = s.(*Solver)
		}
	}
	manifests := t.TempDir()
	if err := os.WriteFile(filepath.Join(manifests, "secret.yaml"), []byte(secretManifest("", "account", environ)), 0o600); err != nil {
		t.Fatal(err)
	}
	acmetest.NewFixture(solver,
		acmetest.SetResolvedZone("example.com."), acmetest.SetDNSName("example.com"), acmetest.SetResolvedFQDN("_acme-challenge.example.com."),
		acmetest.SetDNSServer(server), acmetest.SetUseAuthoritative(false), acmetest.SetStrict(true),
		acmetest.SetConfig(config), acmetest.SetManifestPath(manifests), acmetest.SetPollInterval(200*time.Millisecond), acmetest.SetPropagationLimit(long),
	).RunConformance(t)
}
