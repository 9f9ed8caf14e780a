package issuance_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/pebbletest"
	"wildcard/providers"
)

// asked are the names below _acme-challenge that name servers were asked for TXT records of.
func (w *world) asked() (names []string) {
	for _, q := range w.conoha.Questions() {
		name := providers.CanonicalName(q.Name)
		if q.Type == "TXT" && strings.Contains(name, providers.ChallengeLabel) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// At which name a record is made, by method and by what the CA offers.
func TestObtain_DNSAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method  issuance.Method
		offered bool
		of      string // "account", "name", or "" for no certificate
	}{
		"asked for":              {issuance.DNSAccount, true, "account"},
		"asked for, not offered": {issuance.DNSAccount, false, ""},
		"auto":                   {issuance.Auto, true, "name"},
		"dns-01":                 {issuance.DNS01, true, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{DNSAccount: c.offered})
			w.issuer.Method = c.method
			var want []string
			switch c.of {
			case "":
				w.fails(issuance.CodeNoChallenge, fault.Failed, "the CA offers no dns-account-01, but dns-01")
				w.untouched()
				return
			case "account":
				want = []string{providers.AccountChallengeName(w.issuer.Account.URI, "example.com")}
			case "name":
				want = []string{providers.ChallengeName("example.com")}
			}
			w.succeeds()
			if got := w.asked(); !slices.Equal(got, want) {
				t.Errorf("records at %q, want %q", got, want)
			}
		})
	}
}

// A CNAME at the account's name is followed, and one at the name itself, which is another system's, is not.
func TestObtain_DNSAccountCNAME(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{DNSAccount: true})
	w.issuer.Method = issuance.DNSAccount
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "CNAME", "elsewhere.example.")
	w.succeeds()
	w.conoha.PutRecord("example.com", providers.AccountChallengeName(w.issuer.Account.URI, "example.com"), "CNAME", "proof.example.net.")
	_, _ = w.obtain("a.example.com", "example.com") // the scripted CA follows none
	if !w.noted("a CNAME leads there from " + providers.AccountChallengeName(w.issuer.Account.URI, "example.com")) {
		t.Error("the CNAME was not followed")
	}
}

// The challenge's own zone may hold the account's name.
func TestObtain_DNSAccountOwnZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	w.conoha.AddZone(w.account.Tenant, "_acme-challenge.example.com")
	w.issuer.Method, w.issuer.CheckDelegation = issuance.DNSAccount, true
	if _, err := w.issuer.Obtain(t.Context(), request(t, "*.example.com")); err != nil {
		t.Fatal(err)
	}
	if left := w.conoha.Records("_acme-challenge.example.com"); slices.ContainsFunc(left, func(r conohatest.Record) bool { return r.Type == "TXT" }) {
		t.Errorf("left: %v", left)
	}
}

// A name for which the label is too long is refused before anything is made.
func TestObtain_DNSAccountNameTooLong(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{DNSAccount: true})
	long := strings.Repeat(strings.Repeat("a", 55)+".", 4) + "example.com"
	w.succeeds(long)
	w.issuer.Method = issuance.DNSAccount
	orders := len(w.ca.Orders())
	w.fails(fault.CodeBadChallenge, fault.Usage, "would have 269 characters", long)
	if len(w.ca.Orders()) > orders {
		t.Error("an order was made")
	}
}

// Two accounts prove one name at the same time, each in its way, and Pebble's own code looks.
func TestObtain_TwoAccountsAtPebble(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	other := w.newIssuer(t)
	w.issuer.Method, other.Method = issuance.DNSAccount, issuance.DNS01
	var group sync.WaitGroup
	for _, issuer := range []*issuance.Issuer{w.issuer, other} {
		group.Go(func() {
			if _, err := issuer.Obtain(t.Context(), request(t, "*.example.com", "example.com")); err != nil {
				t.Errorf("%s: %v", issuer.Method, err)
			}
		})
	}
	group.Wait()
	want := []string{providers.ChallengeName("example.com"), providers.AccountChallengeName(w.issuer.Account.URI, "example.com")}
	if got := w.asked(); !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
		t.Errorf("asked for %q", got)
	}
	w.clean(t)
}
