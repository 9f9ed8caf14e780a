package acmetest_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
)

func decode(t *testing.T, from io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// F10: one look in so many shows what was a second ago.
func TestLooks_Stale(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	core := newClient(t, start(t, acmetest.Options{Now: c.Now, StaleReads: 2, ValidationTime: acmetest.Takes(0)}))
	o, all := order(t, core, "example.com")
	c.Advance(5 * time.Second)
	if _, err := core.Challenges.New(dns01(t, all[0])); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for range 6 {
		a, err := core.Authorizations.Get(o.Authorizations[0])
		if err != nil {
			t.Fatal(err)
		}
		seen[a.Status]++
	}
	if seen["pending"] != 3 || seen["valid"] != 3 {
		t.Errorf("%v", seen)
	}
	c.Advance(time.Second + 1)
	for range 2 {
		if a, err := core.Authorizations.Get(o.Authorizations[0]); err != nil || a.Status != "valid" {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// F12: the CA's own errors ask for a minute's patience. F32: nonces are refused once in so many, and all after a restart.
func TestServer_Faults(t *testing.T) {
	t.Parallel()
	s := start(t, acmetest.Options{Outages: 7, BadNonces: 5})
	core := newClient(t, s)
	o, err := core.Orders.New([]string{"example.com"})
	if err != nil {
		t.Fatal(err)
	}
	outages := 0
	for range 30 {
		if _, err := core.Orders.Get(o.Location); err != nil { // lego tries again after a bad nonce
			refused(t, err, 500, "serverInternal", "")
			outages++
		}
	}
	if outages < 4 {
		t.Errorf("%d outages", outages)
	}
	steady := start(t, acmetest.Options{})
	core = newClient(t, steady)
	if o, err = core.Orders.New([]string{"example.com"}); err != nil {
		t.Fatal(err)
	}
	before := steady.Count(acmetest.Order)
	steady.Restart()
	if _, err := core.Orders.Get(o.Location); err != nil || steady.Count(acmetest.Order) != before+2 {
		t.Errorf("%v after %d requests", err, steady.Count(acmetest.Order)-before)
	}
}

// F22: trouble inside the CA ends a validation, and counts.
func TestValidation_Trouble(t *testing.T) {
	t.Parallel()
	c := clock.New(time.Now())
	s := start(t, acmetest.Options{Now: c.Now})
	s.Trouble(1)
	core := newClient(t, s)
	o := validated(t, c, core, "example.com")
	a, err := core.Authorizations.Get(o.Authorizations[0])
	if err != nil || a.Status != "invalid" || !strings.HasSuffix(a.Challenges[0].Error.Type, ":serverInternal") || s.Failed() != 1 {
		t.Errorf("%+v, %v, %d failed", a, err, s.Failed())
	}
	if o := validated(t, c, core, "example.com"); o.Status != "pending" {
		t.Errorf("%+v", o)
	}
}

// F26, F27, F33: terms, contacts and deactivated accounts.
func TestAccount_Ways(t *testing.T) {
	t.Parallel()
	s := start(t, acmetest.Options{})
	core := newClient(t, s)
	got, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true})
	if err != nil || len(got.Contact) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := core.Accounts.Deactivate(got.Location); err != nil {
		t.Fatal(err)
	}
	_, err = core.Accounts.New(acme.Account{TermsOfServiceAgreed: true})
	refused(t, err, 403, "unauthorized", "deactivated")
	_, err = core.Orders.New([]string{"example.com"})
	refused(t, err, 403, "unauthorized", "deactivated")
}

// F34: HTTP/2, and what a script drops is lost.
func TestServer_HTTP2(t *testing.T) {
	t.Parallel()
	s := start(t, acmetest.Options{})
	core := newClient(t, s)
	r, err := core.HTTPClient.Get(s.DirectoryURL())
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.ProtoMajor != 2 {
		t.Errorf("%s", r.Proto)
	}
	s.On(acmetest.NewOrder, acmetest.Once(acmetest.Lost))
	if _, err := core.Orders.New([]string{"example.com"}); err == nil || len(s.Orders()) != 1 {
		t.Errorf("%v, %d orders", err, len(s.Orders()))
	}
	if _, err := core.Orders.New([]string{"example.com"}); err != nil || len(s.Orders()) != 1 {
		t.Errorf("%v, %d orders", err, len(s.Orders()))
	}
}
