package acmetest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/testkit/acmetest"
)

func start(t *testing.T, o acmetest.Options) *acmetest.Server {
	t.Helper()
	s, err := acmetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newClient is lego's ACME core with an account of its own.
func newClient(t *testing.T, s *acmetest.Server) *api.Core {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	core, err := api.New(&http.Client{Transport: transport}, "acmetest", s.DirectoryURL(), "", key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err != nil {
		t.Fatal(err)
	}
	return core
}

// order makes an order and reads its authorizations.
func order(t *testing.T, core *api.Core, names ...string) (acme.ExtendedOrder, []acme.Authorization) {
	t.Helper()
	o, err := core.Orders.New(names)
	if err != nil {
		t.Fatal(err)
	}
	var all []acme.Authorization
	for _, url := range o.Authorizations {
		a, err := core.Authorizations.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return o, all
}

// dns01 is the URL of the challenge that is answered here.
func dns01(t *testing.T, a acme.Authorization) string {
	t.Helper()
	for _, c := range a.Challenges {
		if c.Type == "dns-01" {
			return c.URL
		}
	}
	t.Fatalf("no dns-01: %+v", a)
	return ""
}

// value is the contents of the TXT record for a key authorization (RFC 8555 §8.4).
func value(authorization string) string {
	digest := sha256.Sum256([]byte(authorization))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
