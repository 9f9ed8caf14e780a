package acmetest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
)

// request is a certificate request for names.
func request(t *testing.T, key crypto.Signer, names ...string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issued is an order with its certificate, and all chains, the default first.
func issued(t *testing.T, c *clock.Clock, core *api.Core, key crypto.Signer, names ...string) (acme.ExtendedOrder, [][]*x509.Certificate) {
	t.Helper()
	o := validated(t, c, core, names...)
	o, err := core.Orders.UpdateForCSR(o.Finalize, request(t, key, names...))
	if err != nil || o.Status != "valid" {
		t.Fatalf("%+v, %v", o, err)
	}
	all, err := core.Certificates.GetAll(o.Certificate, true)
	if err != nil {
		t.Fatal(err)
	}
	chains := make([][]*x509.Certificate, len(all))
	for url, raw := range all {
		i := 0
		if _, n, alternate := strings.Cut(strings.TrimPrefix(url, o.Certificate), "/"); alternate {
			i = int(n[0] - '0')
		}
		for rest := raw.Cert; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			chains[i] = append(chains[i], certificate)
		}
	}
	return o, chains
}

// F28: a chain has four certificates, for an RSA key three; every alternate is its beginning, and each leads to a root.
func TestCertificate_Chains(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key     crypto.Signer
		lengths []int
	}{"ECDSA": {newKey(t), []int{4, 3, 2}}, "RSA": {rsaKey, []int{3, 2}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.New(time.Now())
			s := start(t, acmetest.Options{Now: c.Now})
			_, chains := issued(t, c, newClient(t, s), test.key, "*.example.com")
			var lengths []int
			for _, chain := range chains {
				lengths = append(lengths, len(chain))
				for i := range chain[1:] {
					if !chain[i].Equal(chains[0][i]) || chain[i].CheckSignatureFrom(chain[i+1]) != nil {
						t.Errorf("certificate %d of %d", i, len(chain))
					}
				}
			}
			if !slices.Equal(lengths, test.lengths) {
				t.Errorf("lengths %v, want %v", lengths, test.lengths)
			}
			roots, between := x509.NewCertPool(), x509.NewCertPool()
			roots.AppendCertsFromPEM(s.IssuerPEM())
			for _, certificate := range chains[0][1:] {
				between.AddCert(certificate)
			}
			if _, err := chains[0][0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: "a.example.com"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// F29: names that no client asked for.
func TestCertificate_AddsNames(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now, Deviations: acmetest.Deviations{
		ShortChain: true, AddsNames: func(names []string) []string { return append(names, "www."+names[0]) },
	}})
	_, chains := issued(t, c, newClient(t, s), newKey(t), "example.com")
	if len(chains) != 1 || len(chains[0]) != 2 || !slices.Equal(chains[0][0].DNSNames, []string{"example.com", "www.example.com"}) {
		t.Errorf("%d chains, %v", len(chains), chains[0][0].DNSNames)
	}
}

// F6: staging's finalize is processing first, and says when to look again.
func TestFinalize_Staging(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	core := newClient(t, start(t, acmetest.Options{Now: c.Now, Staging: true}))
	o := validated(t, c, core, "example.com")
	first, err := core.Orders.UpdateForCSR(o.Finalize, request(t, newKey(t), "example.com"))
	if err != nil || first.Status != "processing" || first.Certificate != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	c.Advance(time.Second)
	if o, err := core.Orders.Get(o.Location); err != nil || o.Status != "valid" || o.Certificate == "" {
		t.Errorf("%+v, %v", o, err)
	}
}

// What finalize refuses leaves the order ready.
func TestFinalize_Refusals(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	core := newClient(t, start(t, acmetest.Options{Now: c.Now}))
	o, _ := order(t, core, "example.com")
	_, err := core.Orders.UpdateForCSR(o.Finalize, request(t, newKey(t), "example.com"))
	refused(t, err, 403, "orderNotReady", `"pending"`)
	o = validated(t, c, core, "example.com")
	_, err = core.Orders.UpdateForCSR(o.Finalize, request(t, newKey(t), "example.net"))
	refused(t, err, 403, "unauthorized", "same identifiers")
	wide, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = core.Orders.UpdateForCSR(o.Finalize, request(t, wide, "example.com"))
	refused(t, err, 400, "badCSR", "P-521")
	if o, err := core.Orders.Get(o.Location); err != nil || o.Status != "ready" {
		t.Errorf("%+v, %v", o, err)
	}
}

// renewalID is a certificate's name in renewal information (RFC 9773 §4.1).
func renewalID(leaf *x509.Certificate) string {
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(leaf.SerialNumber.Bytes())
}

// F30: an order may replace a certificate of the same account, which is then replaced as long as the order may still be of use.
func TestOrder_Replaces(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now, Look: nil})
	core := newClient(t, s)
	_, chains := issued(t, c, core, newKey(t), "example.com")
	id := renewalID(chains[0][0])
	_, err := newClient(t, s).Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{ReplacesCertID: id})
	refused(t, err, 403, "unauthorized", "did not request")
	_, err = core.Orders.NewWithOptions([]string{"example.net"}, &api.OrderOptions{ReplacesCertID: id})
	refused(t, err, 400, "malformed", "do not match")
	_, err = core.Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{ReplacesCertID: "AAAA.BBBB"})
	refused(t, err, 404, "malformed", "known issuer")
	if _, err = core.Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{ReplacesCertID: id}); err != nil {
		t.Fatal(err)
	}
	asked := s.Count(acmetest.NewOrder)
	if _, err = core.Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{ReplacesCertID: id}); err != nil || s.Count(acmetest.NewOrder) != asked+2 {
		t.Errorf("%v; lego asks once more after alreadyReplaced, and has asked %d times", err, s.Count(acmetest.NewOrder)-asked)
	}
	c.Advance(8 * 24 * time.Hour) // the order that was not finished has been deleted
	if _, err = core.Orders.NewWithOptions([]string{"example.com"}, &api.OrderOptions{ReplacesCertID: id}); err != nil {
		t.Error(err)
	}
}

// F31: the window is 2 % of the life wide; of a revoked certificate it is over; what is not known is 404.
func TestRenewalInfo(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	core := newClient(t, start(t, acmetest.Options{Now: c.Now}))
	_, chains := issued(t, c, core, newKey(t), "example.com")
	leaf := chains[0][0]
	window := func() (start, end time.Time) {
		r, err := core.Certificates.GetRenewalInfo(renewalID(leaf))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.Header.Get("Replay-Nonce") != "" || r.Header.Get("Retry-After") < "17" {
			t.Errorf("%v", r.Header)
		}
		var info acme.RenewalInfoResponse
		decode(t, r.Body, &info)
		return info.SuggestedWindow.Start, info.SuggestedWindow.End
	}
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	if start, end := window(); end.Sub(start) < life/51 || end.Sub(start) > life/49 || start.Before(leaf.NotBefore.Add(life*6/10)) {
		t.Errorf("%v to %v", start, end)
	}
	if err := core.Certificates.Revoke(acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(leaf.Raw)}); err != nil {
		t.Fatal(err)
	}
	if _, end := window(); !end.Before(c.Now()) {
		t.Errorf("revoked, and the window is open until %v", end)
	}
	refused(t, core.Certificates.Revoke(acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(leaf.Raw)}), 400, "alreadyRevoked", "")
}
