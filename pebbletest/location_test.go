package pebbletest_test

import (
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/pebbletest"
)

// heard is a transport that keeps the Location of every reply, by the request's URL.
type heard struct {
	http.RoundTripper
	location map[string]string
}

func (h heard) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := h.RoundTripper.RoundTrip(r)
	if err == nil {
		h.location[r.URL.String()] = reply.Header.Get("Location")
	}
	return reply, err
}

func TestOrderLocation(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} {
		dns := startResolver(t)
		ca := start(t, pebbletest.Options{Resolver: dns.addr, OrderLocation: named})
		client := client(t, ca)
		replies := heard{client.Transport, map[string]string{}}
		client.Transport = replies
		core, err := api.New(client, "pebbletest", ca.DirectoryURL(), "", newKey(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err != nil {
			t.Fatal(err)
		}
		order := authorize(t, core, []string{"example.com"}, dns.add)
		csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"example.com"}}, newKey(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := core.Orders.UpdateForCSR(order.Finalize, csr); err != nil {
			t.Fatal(err)
		}
		want := ""
		if named {
			want = order.Location
		}
		if got := replies.location[order.Finalize]; got != want {
			t.Errorf("OrderLocation %v: finalize is answered with Location %q, want %q", named, got, want)
		}
	}
}
