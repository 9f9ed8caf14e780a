package cli

import (
	"strings"
	"testing"

	"wildcard/internal/certificates"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// pin is the record's value by which CAA lets the account alone issue, by one method.
func (w *world) pin(method issuance.Method) string {
	_, value, _ := strings.Cut(certificates.Pin("example.com", false, "letsencrypt.org", w.lineageAccount(), method), " CAA ")
	return value
}

func TestDoctor_ShowsCAAPin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	w.run("doctor", "example.com", "--verbose").exits(0, "this one would let your account alone issue: example.com. CAA "+w.pin(issuance.DNS01))
}

// Before anything is changed plan says what the CAA records do not let through, and a record that does not open them further than they are.
func TestPlan_CAA(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record func(*world) string
		method string
		says   string // "" is that nothing is in the way
		add    string // what the record that is advised holds
	}{
		"pinned": {func(w *world) string { return w.pin(issuance.DNS01) }, "auto", "", ""},
		"pinned to another method": {
			func(w *world) string { return w.pin(issuance.DNS01) }, "dns-account-01", `only after a validation by "dns-01"`, "validationmethods=dns-account-01",
		},
		"pinned to another account": {
			func(w *world) string { return strings.Replace(w.pin(issuance.DNS01), "/acct/", "/acct/9", 1) }, "auto", "only the account", "accounturi=",
		},
		"another CA":    {func(*world) string { return `0 issue "another.example"` }, "auto", `only "another.example" may`, `CAA 0 issuewild "letsencrypt.org"`},
		"no wildcards":  {func(*world) string { return `0 issuewild ";"` }, "auto", "no CA may", `CAA 0 issuewild "letsencrypt.org"`},
		"reports alone": {func(*world) string { return `0 iodef "mailto:a@example.com"` }, "auto", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, acmetest.Options{DNSAccount: true, Deviations: unproven})
			w.run("account", "register", "--agree-tos").exits(0)
			w.conoha.PutRecord("example.com", "example.com", "CAA", c.record(w))
			args := []string{"plan", "--challenge", c.method, "*.example.com", "example.com"}
			if c.says == "" {
				w.run(args...).exits(0)
				return
			}
			got := w.run(args...).exits(78, "[acme.caa]", "the CAA records of example.com do not let *.example.com issue", c.says)
			if !strings.Contains(got.stderr, "add a record: example.com. CAA ") || !strings.Contains(got.stderr, c.add) {
				t.Errorf("no %s in %s", c.add, got.stderr)
			}
		})
	}
}
