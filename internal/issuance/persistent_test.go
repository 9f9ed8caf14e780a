package issuance_test

import (
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/persist"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/pebbletest"
	"wildcard/providers"
)

// standing puts the persistent records of names into the DNS, as the operator sets them.
func (w *world) standing(t testing.TB, until time.Time, names ...string) {
	t.Helper()
	texts := map[string]string{}
	for _, name := range names {
		q, err := w.issuer.CA.PersistQuestion(w.issuer.Account, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[persist.Name(q.Domain)] = q.CA.Make(q.Account, q.Domain, true, until).String()
	}
	for fqdn, text := range texts {
		zone := "example.com"
		if strings.HasSuffix(fqdn, ".example.net.") {
			zone = "example.net"
		}
		w.conoha.PutRecord(zone, fqdn, "TXT", text)
	}
}

// unrouted takes the credentials of the DNS service away.
func (w *world) unrouted() {
	w.issuer.Router = providers.Router{}
	w.issuer.Unrouted = fault.Errorf(fault.CodeMissing, fault.Misconfigured, "conoha: no credentials")
}

// What becomes of two names by what is in the DNS, what the CA offers, and whether there are credentials.
func TestObtain_ByMethod(t *testing.T) {
	t.Parallel()
	const none, plain, hashed = acmetest.NoPersist, acmetest.PersistPlain, acmetest.PersistHashed
	fits := func(w *scripted) { w.standing(w.t, time.Time{}, "example.com") }
	put := func(text string) func(*scripted) {
		return func(w *scripted) {
			w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", strings.ReplaceAll(text, "URI", w.issuer.Account.URI))
		}
	}
	nothing := func(*scripted) {}
	other := put("letsencrypt.org;accounturi=https://ca.example/acct/9;policy=wildcard")
	beside := func(w *scripted) { other(w); fits(w); put("v=spf1 -all")(w); put("letsencrypt.org;policy=wildcard")(w) }
	for name, c := range map[string]struct {
		offers  acmetest.Persist
		method  issuance.Method
		there   func(*scripted)
		keyless bool // no credentials
		creates int
		code    string // of the failure; "" is a certificate
		text    string
	}{
		"asked for":                         {plain, issuance.Persist, fits, true, 0, "", ""},
		"asked for, -02":                    {hashed, issuance.Persist, fits, true, 0, "", ""},
		"asked for, beside those of others": {plain, issuance.Persist, beside, true, 0, "", ""},
		"asked for, none there":             {plain, issuance.Persist, nothing, false, 0, issuance.CodePersist, "has no record; what lets this account prove it is: _validation-persist.example.com. TXT \"letsencrypt.org;accounturi="},
		"asked for, another account's":      {plain, issuance.Persist, other, false, 0, issuance.CodePersist, "a record of another account only"},
		"asked for, without policy":         {plain, issuance.Persist, put("letsencrypt.org;accounturi=URI"), false, 0, issuance.CodePersist, "without policy=wildcard"},
		"asked for, ended":                  {plain, issuance.Persist, put("letsencrypt.org;accounturi=URI;policy=wildcard;persistUntil=86400"), false, 0, issuance.CodePersist, "ended on 1970-01-02"},
		"asked for, a semicolon too many":   {plain, issuance.Persist, put("letsencrypt.org;accounturi=URI;policy=wildcard;"), false, 0, issuance.CodePersist, "a semicolon at its end"},
		"asked for, the shape of before":    {hashed, issuance.Persist, put("letsencrypt.org;accounturi=URI;policy=wildcard"), false, 0, issuance.CodePersist, "the shape that this CA took before"},
		"asked for, not offered":            {none, issuance.Persist, fits, false, 0, issuance.CodeNoChallenge, "no dns-persist-01"},
		"dns-01 though it is there":         {plain, issuance.DNS01, fits, false, 2, "", ""},
		"auto":                              {plain, issuance.Auto, fits, false, 0, "", ""},
		"auto, -02":                         {hashed, issuance.Auto, fits, false, 0, "", ""},
		"auto, no credentials":              {plain, issuance.Auto, fits, true, 0, "", ""},
		"auto, no credentials, -02":         {hashed, issuance.Auto, fits, true, 0, "", ""},
		"auto, none there":                  {plain, issuance.Auto, nothing, false, 2, "", ""},
		"auto, another account's":           {plain, issuance.Auto, other, false, 2, "", ""},
		"auto, the shape of before":         {hashed, issuance.Auto, put("letsencrypt.org;accounturi=URI;policy=wildcard"), false, 2, "", ""},
		"auto, not offered":                 {none, issuance.Auto, fits, false, 2, "", ""},
		"auto, nothing at all":              {plain, issuance.Auto, nothing, true, 0, fault.CodeMissing, "no credentials"},
		"auto, no credentials, ended":       {plain, issuance.Auto, put("letsencrypt.org;accounturi=URI;policy=wildcard;persistUntil=86400"), true, 0, fault.CodeMissing, "no credentials"},
		"auto, no credentials, not offered": {none, issuance.Auto, fits, true, 0, fault.CodeMissing, "no credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{Persist: c.offers})
			c.there(w)
			w.issuer.Method = c.method
			if c.keyless {
				w.unrouted()
			}
			result, err := w.obtain()
			calls := w.conoha.Calls()
			switch {
			case c.code == "" && err != nil:
				t.Fatal(err)
			case c.code == "":
				if result.Standing != (c.creates == 0) {
					t.Errorf("by standing records: %v", result.Standing)
				}
			case fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text):
				t.Errorf("[%s] %v", fault.CodeOf(err), err)
			case w.ca.Answered() > 0:
				t.Error("a challenge was answered that cannot succeed")
			}
			if calls.Creates != c.creates || c.keyless && calls.Logins > 0 {
				t.Errorf("calls of the DNS service: %+v", calls)
			}
		})
	}
}

// One name has its record and the other has none: each goes its way, in one order.
func TestObtain_MethodsMixed(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Persist: acmetest.PersistPlain})
	w.standing(t, time.Time{}, "example.com")
	w.issuer.Method = issuance.Auto
	result := w.succeeds("*.example.com", "a.example.net")
	if n := w.conoha.Calls().Creates; n != 1 || result.Standing {
		t.Errorf("%d records made, standing %v", n, result.Standing)
	}
}

// Where a CA offers nothing of it, no one is asked for persistent records.
func TestObtain_NotOfferedCostsNothing(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.issuer.Method = issuance.Auto
	w.succeeds()
	for _, q := range w.conoha.Questions() {
		if strings.Contains(q.Name, persist.Label) {
			t.Errorf("%s was asked for %s", q.Server, q.Name)
		}
	}
}

// The CA goes from -01 to -02 between two renewals. With both records there, neither fails; with the old one alone, dns-01 goes on.
func TestObtain_ShapeChanges(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{true, false} {
		w := newScripted(t, acmetest.Options{Persist: acmetest.PersistPlain})
		w.issuer.Method = issuance.Auto
		w.standing(t, time.Time{}, "example.com")
		w.succeeds()
		w.ca.OfferPersist(acmetest.PersistHashed)
		w.issuer.CA = w.dialTo(issuance.Options{})
		if both {
			w.standing(t, time.Time{}, "example.com")
		}
		w.succeeds()
		if n := w.conoha.Calls().Creates; (n == 0) != both {
			t.Errorf("both shapes %v: %d records were made", both, n)
		}
	}
}

// The CA validates as soon as there is an order, and wants no answer.
func TestObtain_JustInTime(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Persist: acmetest.PersistHashed, Deviations: acmetest.Deviations{JustInTime: true}})
	w.issuer.Method = issuance.Persist
	w.standing(t, time.Time{}, "example.com")
	w.unrouted()
	w.succeeds()
	if n := w.ca.Answered(); n > 0 {
		t.Errorf("%d challenges were answered", n)
	}
}

// What the CA says against the record is told with the name of the record.
func TestObtain_PersistRefused(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Persist: acmetest.PersistPlain, Look: func(string) []string { return nil }})
	w.issuer.Method = issuance.Persist
	w.standing(t, time.Time{}, "example.com")
	w.unrouted()
	w.fails(issuance.CodeValidation, fault.Failed, "wildcard persist check example.com")
}

// Pebble's own code reads the record.
func TestObtain_PersistAtPebble(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{}, pebbletest.Options{})
	w.standing(t, time.Now().Add(365*24*time.Hour), "example.com")
	for _, method := range []issuance.Method{issuance.Persist, issuance.Auto} {
		w.issuer.Method = method
		w.unrouted()
		result, err := w.issuer.Obtain(t.Context(), request(t, "*.example.com", "example.com"))
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if calls := w.conoha.Calls(); calls.Logins+calls.Creates > 0 || !result.Standing {
			t.Errorf("%s: %+v", method, calls)
		}
	}
	w.clean(t)
}

// A record that ends before long is told of with each certificate that it proves.
func TestObtain_PersistEndsSoon(t *testing.T) {
	t.Parallel()
	for days, told := range map[int]bool{20: true, 200: false} {
		w := newScripted(t, acmetest.Options{Persist: acmetest.PersistPlain})
		w.issuer.Method = issuance.Persist
		w.standing(t, w.clock.Now().AddDate(0, 0, days), "example.com")
		w.succeeds()
		if w.noted("wildcard persist set '*.example.com'") != told {
			t.Errorf("%d days: told %v", days, !told)
		}
	}
}
