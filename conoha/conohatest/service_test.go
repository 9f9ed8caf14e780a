package conohatest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

func TestEnviron(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for name, c := range map[string]struct {
		accounts []conohatest.Account
		names    string
		servers  []string
	}{
		"two":   {[]conohatest.Account{w.v2}, "CONOHA_REGION CONOHA_TENANT_ID CONOHA_API_USERNAME CONOHA_API_PASSWORD CONOHA_IDENTITY_URL CONOHA_DNS_URL", w.NameServers(2)},
		"three": {[]conohatest.Account{w.v3}, "CONOHA_REGION CONOHA_TENANT_ID CONOHA_API_USER_ID CONOHA_API_PASSWORD CONOHA_IDENTITY_URL CONOHA_DNS_URL", w.NameServers(3)},
		"both": {[]conohatest.Account{w.v3, w.v2}, "CONOHA_REGION CONOHA_TENANT_ID CONOHA_API_USERNAME CONOHA_API_PASSWORD CONOHA_IDENTITY_URL CONOHA_DNS_URL " +
			"CONOHAV3_REGION CONOHAV3_TENANT_ID CONOHAV3_API_USER_ID CONOHAV3_API_PASSWORD CONOHAV3_IDENTITY_URL CONOHAV3_DNS_URL", w.NameServers()},
	} {
		environ := w.Environ(c.accounts...)
		var names []string
		for _, text := range environ {
			name, _, _ := strings.Cut(text, "=")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != c.names+" WILDCARD_RESOLVERS WILDCARD_NAMESERVERS" {
			t.Errorf("%s: %s", name, got)
		}
		if !slices.Contains(environ, "WILDCARD_NAMESERVERS="+strings.Join(c.servers, ",")) || !slices.Contains(environ, "WILDCARD_RESOLVERS="+w.Resolver()) {
			t.Errorf("%s: %q", name, environ)
		}
	}
	three := w.Environ(w.v3)
	for _, text := range []string{"CONOHA_REGION=c3j1", "CONOHA_API_USER_ID=" + w.v3.UserID, "CONOHA_DNS_URL=" + w.DNSURL(3), "CONOHA_IDENTITY_URL=" + w.IdentityURL(3)} {
		if !slices.Contains(three, text) {
			t.Errorf("no %s in %q", text, three)
		}
	}
	if !strings.HasSuffix(w.IdentityURL(2), "/v2.0") || !strings.HasSuffix(w.IdentityURL(3), "/v3") || strings.HasSuffix(w.DNSURL(3), "/v1") {
		t.Error("URLs")
	}
}

func TestAccountsArePlausible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	again := newWorld(t, conohatest.Options{})
	if w.v2 != again.v2 || w.v3 != again.v3 || w.zone2 != again.zone2 {
		t.Error("another run, other values")
	}
	if w.v2.User != "gncu00000001" || w.v2.TenantName != "gnct00000001" || len(w.v2.Tenant) != 32 || w.v2.Region != "tyo1" || w.v3.Region != "c3j1" || len(w.v3.UserID) != 32 {
		t.Errorf("%+v %+v", w.v2, w.v3)
	}
	given := conohatest.Account{Version: 3, Region: "c3j2", Tenant: "t", TenantName: "n", User: "u", UserID: "i", Password: `p"\`}
	if got := w.AddAccount(given); got != given {
		t.Errorf("%+v", got)
	}
	if got := w.AddAccount(conohatest.Account{}); got.Version != 2 {
		t.Errorf("%+v", got)
	}
}

// Mistakes of a test are not to be passed over.
func TestPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for name, f := range map[string]func(){
		"zone of nobody":          func() { w.AddZone("nobody", "x.example") },
		"zone twice":              func() { w.AddZone(w.v2.Tenant, "TWO.example.") },
		"zone in both":            func() { w.AddZone(w.v2.Tenant, "three.example") },
		"account of Ver.4.0":      func() { w.AddAccount(conohatest.Account{Version: 4}) },
		"account twice":           func() { w.AddAccount(w.v2) },
		"record in no zone":       func() { w.PutRecord("x.example", "x.example", "TXT", "x") },
		"record that is none":     func() { w.PutRecord("two.example", "two.example", "A", "x") },
		"unknown name server":     func() { w.NameServer("ns.example") },
		"URL of Ver.4.0":          func() { w.DNSURL(4) },
		"two accounts of Ver.2.0": func() { w.Environ(w.v2, w.v2) },
		"address that is none":    func() { w.SetHostAddresses("ns-a1.conoha.io", "x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	// It goes on working.
	if a := w.dns(2, "GET", "/v1/domains", ""); a.status != 200 {
		t.Errorf("%+v", a)
	}
}

// Fault 83: no update is lost, and every record is there once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Now: time.Now})
	w.token(2)
	w.token(3)
	var all sync.WaitGroup
	for i := range 20 {
		for version, zone := range map[int]string{2: "two.example.", 3: "three.example."} {
			all.Go(func() {
				name := fmt.Sprintf("_acme-challenge.n%d.%s", i, zone)
				a, err := w.try("POST", w.DNSURL(version)+w.records(version), txt(name, value), "X-Auth-Token", w.tokenCache[version], "Content-Type", "application/json")
				if err != nil || a.status != 200 {
					t.Errorf("%+v, %v", a, err)
				}
				for _, server := range w.NameServers(version) {
					if m, err := query(t, "udp", server, name, "TXT"); err != nil || len(m.Answer) != 1 {
						t.Errorf("%v, %v", m, err)
					}
				}
				w.Log()
				w.Records(zone)
			})
		}
	}
	all.Wait()
	if n := w.present(); n != 20 {
		t.Errorf("%d records", n)
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	s, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
