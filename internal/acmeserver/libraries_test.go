package acmeserver_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	legoacme "github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/lego"
	"github.com/go-acme/lego/v4/registration"
	"github.com/mholt/acmez/v3"
	acmezacme "github.com/mholt/acmez/v3/acme"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// library is an ACME client that others wrote, with an account of its own. lego is that of lego, Traefik; acmez that of Caddy.
type library interface {
	register(kid, hmac string) error // "" is without external account binding
	obtain(w wish) (chain []byte, err error)
	renewalInfo(leaf *x509.Certificate) (start, end time.Time, err error)
	revoke(leaf *x509.Certificate, reason uint) error
	existing() error // finds the account by its key
	deactivate() error
}

// wish is a certificate that is wanted.
type wish struct {
	names    []string
	key      crypto.Signer
	profile  string
	replaces *x509.Certificate
}

// libraries are those that the server is tried with, each with a new key.
func libraries() map[string]func(*world) library {
	return map[string]func(*world) library{"lego": newLego, "acmez": newAcmez}
}

type legoLibrary struct {
	w      *world
	key    *ecdsa.PrivateKey
	client *lego.Client
	it     *registration.Resource
}

func newLego(w *world) library {
	l := &legoLibrary{w: w, key: newKey(w.t)}
	config := lego.NewConfig(l)
	config.CADirURL, config.HTTPClient = w.url("/directory"), w.http.Client()
	var err error
	if l.client, err = lego.NewClient(config); err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (l *legoLibrary) GetEmail() string                        { return "a@example.com" }
func (l *legoLibrary) GetRegistration() *registration.Resource { return l.it }
func (l *legoLibrary) GetPrivateKey() crypto.PrivateKey        { return l.key }

func (l *legoLibrary) register(kid, hmac string) (err error) {
	if kid == "" {
		l.it, err = l.client.Registration.Register(registration.RegisterOptions{TermsOfServiceAgreed: true})
		return err
	}
	l.it, err = l.client.Registration.RegisterWithExternalAccountBinding(registration.RegisterEABOptions{
		TermsOfServiceAgreed: true, Kid: kid, HmacEncoded: hmac})
	return err
}

func (l *legoLibrary) obtain(w wish) ([]byte, error) {
	r := certificate.ObtainRequest{Domains: w.names, PrivateKey: w.key, Bundle: true, Profile: w.profile}
	if w.replaces != nil {
		r.ReplacesCertID = certificateID(w.replaces)
	}
	got, err := l.client.Certificate.Obtain(r)
	if err != nil {
		return nil, err
	}
	return got.Certificate, nil
}

func (l *legoLibrary) renewalInfo(leaf *x509.Certificate) (start, end time.Time, err error) {
	got, err := l.client.Certificate.GetRenewalInfo(certificate.RenewalInfoRequest{Cert: leaf})
	if err != nil {
		return start, end, err
	}
	return got.SuggestedWindow.Start, got.SuggestedWindow.End, nil
}

func (l *legoLibrary) revoke(leaf *x509.Certificate, reason uint) error {
	return l.client.Certificate.RevokeWithReason(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), &reason)
}

func (l *legoLibrary) existing() error { // asked for with the key alone, as by a lego that knows no more than that
	fresh := newLego(l.w).(*legoLibrary)
	fresh.key = l.key
	config := lego.NewConfig(fresh)
	config.CADirURL, config.HTTPClient = l.w.url("/directory"), l.w.http.Client()
	client, err := lego.NewClient(config)
	if err != nil {
		return err
	}
	_, err = client.Registration.ResolveAccountByKey()
	return err
}

func (l *legoLibrary) deactivate() error { return l.client.Registration.DeleteRegistration() }

type acmezLibrary struct {
	w       *world
	client  *acmez.Client
	account acmezacme.Account
}

func newAcmez(w *world) library {
	return &acmezLibrary{w: w, client: &acmez.Client{Client: &acmezacme.Client{Directory: w.url("/directory"), HTTPClient: w.http.Client()}},
		account: acmezacme.Account{Contact: []string{"mailto:a@example.com"}, TermsOfServiceAgreed: true, PrivateKey: newKey(w.t)}}
}

func (l *acmezLibrary) register(kid, hmac string) error {
	account := l.account
	if kid != "" {
		if err := account.SetExternalAccountBinding(l.w.t.Context(), l.client.Client, acmezacme.EAB{KeyID: kid, MACKey: hmac}); err != nil {
			return err
		}
	}
	made, err := l.client.NewAccount(l.w.t.Context(), account)
	if err == nil {
		l.account = made
	}
	return err
}

func (l *acmezLibrary) obtain(w wish) ([]byte, error) {
	csr, err := acmez.NewCSR(w.key, w.names)
	if err != nil {
		return nil, err
	}
	params, err := acmez.OrderParametersFromCSR(l.account, csr)
	if err != nil {
		return nil, err
	}
	params.Profile, params.Replaces = w.profile, w.replaces
	got, err := l.client.ObtainCertificate(l.w.t.Context(), params)
	if err != nil {
		return nil, err
	}
	if len(got) != 2 {
		l.w.t.Errorf("%d chains", len(got))
	}
	return got[0].ChainPEM, nil
}

func (l *acmezLibrary) renewalInfo(leaf *x509.Certificate) (start, end time.Time, err error) {
	got, err := l.client.GetRenewalInfo(l.w.t.Context(), leaf)
	return got.SuggestedWindow.Start, got.SuggestedWindow.End, err
}

func (l *acmezLibrary) revoke(leaf *x509.Certificate, reason uint) error {
	return l.client.RevokeCertificate(l.w.t.Context(), l.account, leaf, nil, int(reason))
}

func (l *acmezLibrary) existing() error {
	_, err := l.client.GetAccount(l.w.t.Context(), acmezacme.Account{PrivateKey: l.account.PrivateKey})
	return err
}

func (l *acmezLibrary) deactivate() error {
	_, err := l.client.UpdateAccount(l.w.t.Context(), acmezacme.Account{Location: l.account.Location, Status: "deactivated", PrivateKey: l.account.PrivateKey})
	return err
}

// kindOf is the type of problem that a library has made an error of; acmez has that of an order in a text.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if p, ok := errors.AsType[*legoacme.ProblemDetails](err); ok {
		text = p.Type
	}
	if p, ok := errors.AsType[acmezacme.Problem](err); ok {
		text = p.Type
	}
	if _, kind, ok := strings.Cut(text, "urn:ietf:params:acme:error:"); ok {
		kind, _, _ = strings.Cut(kind, " ")
		return kind
	}
	return text
}

// library is a library with an account of a client.
func (w *world) library(kind func(*world) library, name string, names ...string) library {
	w.t.Helper()
	m := w.unregistered(name, names...)
	l := kind(w)
	if err := l.register(m.keyID, base64.RawURLEncoding.EncodeToString(m.secret)); err != nil {
		w.t.Fatal(err)
	}
	return l
}

func held(w *world) { w.hold = time.Minute } // as long as it takes: libraries wait for seconds between two looks

// TestLibraries_Issued has lego's and acmez's libraries get, renew and revoke certificates, over an end of the server.
func TestLibraries_Issued(t *testing.T) {
	t.Parallel()
	for name, kind := range libraries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, held)
			w.up.window = issuance.Window{Start: time.Now().Add(time.Hour), End: time.Now().Add(2 * time.Hour), RetryAfter: time.Hour}
			l := w.library(kind, "web1", "web1.example.com", "*.web1.example.com")
			key, names := newKey(t), []string{"web1.example.com", "*.web1.example.com"}
			chain, err := l.obtain(wish{names: names, key: key, profile: "short"})
			if err != nil {
				t.Fatal(err)
			}
			leaf := leafOf(t, chain)
			if len(leaf.DNSNames) != 2 || !key.PublicKey.Equal(leaf.PublicKey) || bytes.Count(chain, []byte("BEGIN")) != 2 || w.up.issued[0].Profile != "short" {
				t.Errorf("%v %s", leaf.DNSNames, chain)
			}
			w.restart() // after which its nonces are those of another server
			if err := l.existing(); err != nil {
				t.Error(err)
			}
			if start, end, err := l.renewalInfo(leaf); err != nil || end.Sub(start).Round(time.Minute) != time.Hour {
				t.Errorf("renewal information: %v to %v, %v", start, end, err)
			}
			renewed, err := l.obtain(wish{names: names, key: newKey(t), replaces: leaf})
			if err != nil || leafOf(t, renewed).Equal(leaf) || w.up.issued[1].Replaces != certificateID(leaf) {
				t.Fatalf("renewed: %v", err)
			}
			// What has a successor is not followed twice; both go on without.
			if again, err := l.obtain(wish{names: names, key: newKey(t), replaces: leaf}); err != nil || w.up.issued[2].Replaces != "" {
				t.Errorf("followed twice: %v %s", err, again)
			}
			if err := l.revoke(leaf, 4); err != nil || len(w.up.revoked) != 1 {
				t.Errorf("revoked: %v %v", err, w.up.revoked)
			}
			if err := l.deactivate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLibraries_Refused provokes each refusal: both libraries make an error of its type.
func TestLibraries_Refused(t *testing.T) {
	t.Parallel()
	for name, kind := range libraries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, held)
			l := w.library(kind, "web1", "web1.example.com", "caa.example.com", "bad.example.com", "*.web1.example.com")
			chain, err := l.obtain(wish{names: []string{"web1.example.com"}, key: newKey(t)})
			if err != nil {
				t.Fatal(err)
			}
			leaf, other := leafOf(t, chain), w.library(kind, "web2", "web2.example.com")
			tries := 0
			w.up.mu.Lock()
			w.up.onIssue = func(_ context.Context, wanted acmeserver.Wanted) error {
				tries++
				if wanted.Names[0] == "caa.example.com" {
					return fault.Errorf(issuance.CodeCAA, fault.Misconfigured, "acme: CAA")
				}
				return fault.Errorf(issuance.CodeName, fault.Failed, "acme: forbidden by policy")
			}
			w.up.mu.Unlock()
			obtain := func(l library, names ...string) func() error {
				return func() error { _, err := l.obtain(wish{names: names, key: newKey(t)}); return err }
			}
			removed := w.library(kind, "gone", "gone.example.com")
			if err := w.clients.Remove("gone"); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				what, kind string
				do         func() error
			}{
				{"no external account", "externalAccountRequired", func() error { return kind(w).register("", "") }},
				{"an external account that is not known", "unauthorized", func() error { return kind(w).register("web9.abc", strings.Repeat("A", 43)) }},
				{"another key's signature", "unauthorized", func() error {
					client, err := w.clients.Get("web1")
					if err != nil {
						return err
					}
					return kind(w).register(client.KeyID, base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
				}},
				{"no account", "accountDoesNotExist", func() error { return kind(w).existing() }},
				{"another's name", "rejectedIdentifier", obtain(l, "web2.example.com")},
				{"a wildcard above", "rejectedIdentifier", obtain(l, "*.example.com")},
				{"one of two", "rejectedIdentifier", obtain(l, "web1.example.com", "x.web1.example.com")},
				{"an address", "unsupportedIdentifier", obtain(l, "192.0.2.1")},
				{"a profile", map[string]string{"lego": "invalidProfile", // acmez compares it with the directory
					"acmez": "creating new order: unknown profile name 'long'; supported profiles: map[short:a short life]"}[name], func() error {
					_, err := l.obtain(wish{names: []string{"web1.example.com"}, key: newKey(t), profile: "long"})
					return err
				}},
				{"another's certificate to follow", "unauthorized", func() error {
					_, err := other.obtain(wish{names: []string{"web2.example.com"}, key: newKey(t), replaces: leaf})
					return err
				}},
				{"the CA refuses", map[string]string{"lego": "rejectedIdentifier", "acmez": "caa"}[name],
					obtain(l, map[string]string{"lego": "bad.example.com", "acmez": "caa.example.com"}[name])},
				{"another's certificate to revoke", "unauthorized", func() error { return other.revoke(leaf, 0) }},
				{"a reason that is none", "badRevocationReason", func() error { return l.revoke(leaf, 9) }},
				{"revoked", "", func() error { return l.revoke(leaf, 1) }},
				{"revoked twice", "alreadyRevoked", func() error { return l.revoke(leaf, 1) }},
				{"a client that is gone", "unauthorized", obtain(removed, "gone.example.com")},
				{"deactivated", "", other.deactivate},
				{"an account that is deactivated", "unauthorized", obtain(other, "web2.example.com")},
			} {
				if got := kindOf(c.do()); got != c.kind {
					t.Errorf("%s: %q, want %q", c.what, got, c.kind)
				}
			}
			if tries == 0 || len(w.up.issued) != 1 {
				t.Errorf("%d tries, %d certificates", tries, len(w.up.issued))
			}
		})
	}
}

// TestAcmez_ByHand goes through what acmez does not do by itself: another key for the account, a CSR with that key, an order that is
// finalized twice, an authorization that is given up.
func TestAcmez_ByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, held)
	l := w.library(newAcmez, "web1", "web1.example.com").(*acmezLibrary)
	other := w.library(newAcmez, "web2", "web2.example.com").(*acmezLibrary)
	if _, err := l.client.AccountKeyRollover(t.Context(), l.account, other.account.PrivateKey); err == nil {
		t.Error("the key of another account")
	}
	changed, err := l.client.AccountKeyRollover(t.Context(), l.account, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.client.GetAccount(t.Context(), l.account); kindOf(err) != "accountDoesNotExist" && kindOf(err) != "unauthorized" {
		t.Errorf("the old key: %v", err)
	}
	l.account = changed
	order := func() acmezacme.Order {
		o, err := l.client.NewOrder(t.Context(), l.account, acmezacme.Order{Identifiers: []acmezacme.Identifier{{Type: "dns", Value: "web1.example.com"}}})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	finalize := func(o acmezacme.Order, key crypto.Signer) error {
		csr, err := acmez.NewCSR(key, []string{"web1.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.client.FinalizeOrder(t.Context(), l.account, o, csr.Raw)
		return err
	}
	first := order()
	if err := finalize(first, l.account.PrivateKey); kindOf(err) != "badCSR" {
		t.Errorf("the account's key: %v", err)
	}
	if err := finalize(first, newKey(t)); err != nil {
		t.Error(err)
	}
	if err := finalize(first, newKey(t)); err == nil || !strings.Contains(err.Error(), "already finalized") { // what it makes of orderNotReady
		t.Errorf("twice: %v", err)
	}
	if _, err := other.client.GetOrder(t.Context(), other.account, first); kindOf(err) != "unauthorized" {
		t.Errorf("another's order: %v", err)
	}
	second := order()
	if a, err := l.client.DeactivateAuthorization(t.Context(), l.account, second.Authorizations[0]); err != nil || a.Status != "deactivated" {
		t.Errorf("given up: %v %v", a, err)
	}
	if err := finalize(second, newKey(t)); err == nil || !strings.Contains(err.Error(), "already finalized") {
		t.Errorf("an order that was given up: %v", err)
	}
	if _, err := l.client.GetCertificateChain(t.Context(), l.account, second.Location+"x"); err == nil {
		t.Error("a certificate that is none")
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		request, err := http.NewRequestWithContext(t.Context(), method, first.Location, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := w.http.Client().Do(request); err != nil || response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v %v", method, response, err)
		} else {
			response.Body.Close()
		}
	}
}
