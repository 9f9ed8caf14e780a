package doctor

import (
	"strings"
	"testing"
	"wildcard/internal/issuance"

	"github.com/miekg/dns"
)

// What RFC 8659 and RFC 8657 allow and forbid.
func TestCAARefusal(t *testing.T) {
	t.Parallel()
	const account = "https://ca.example/acct/1"
	for _, test := range []struct {
		records string // one a line
		wild    bool
		account string
		refusal string // "" is none
	}{
		{`0 issue "ca.example"`, false, account, ""},
		{`0 issue "CA.Example."`, false, account, ""},
		{`0 issue "ca.example"`, true, account, ""},
		{`0 issue ";"`, false, account, "no CA may"},
		{`0 issue "other.example"`, false, account, `only "other.example" may`},
		{"0 issue \"other.example\"\n0 issue \"ca.example\"", false, account, ""},
		{"0 issue \"ca.example\"\n0 issuewild \";\"", true, account, "no CA may"},
		{"0 issue \"ca.example\"\n0 issuewild \";\"", false, account, ""},
		{"0 issue \";\"\n0 issuewild \"ca.example\"", true, account, ""},
		{"0 issue \";\"\n0 issuewild \"ca.example\"", false, account, "no CA may"},
		{`0 issuewild "other.example"`, false, account, ""}, // restricts wildcards alone
		{`0 issuewild "other.example"`, true, account, `only "other.example" may`},
		{`0 iodef "mailto:a@example.com"`, true, account, ""},
		{`128 iodef "mailto:a@example.com"`, true, account, ""},
		{`128 future "x"`, true, account, `critical property "future"`},
		{`0 future "x"`, true, account, ""},
		{`0 issue "ca.example; accounturi=https://ca.example/acct/1"`, false, account, ""},
		{`0 issue "ca.example; accounturi=https://ca.example/acct/2"`, false, account, `only the account "https://ca.example/acct/2" may`},
		{`0 issue "ca.example; accounturi=https://ca.example/acct/1"`, false, "", "only the account"},
		{`0 issue "ca.example; validationmethods=dns-01"`, false, account, ""},
		{`0 issue "ca.example; validationmethods=http-01,dns-01; accounturi=https://ca.example/acct/1"`, false, account, ""},
		{`0 issue "ca.example; validationmethods=http-01"`, false, account, `only after a validation by "http-01"`},
		{`0 issue "ca.example; unknown=1"`, false, account, ""},
		{`0 issue "ca.example; broken"`, false, account, "cannot be read"},
		{`0 issue "ca.example;"`, false, account, ""},
		{`0 ISSUE "ca.example"`, false, account, ""},
	} {
		var records []*dns.CAA
		for line := range strings.Lines(test.records) {
			rr, err := dns.NewRR("example.com. CAA " + strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, rr.(*dns.CAA))
		}
		got := ""
		if why := refusal(records, test.wild, []string{"ca.example"}, test.account, issuance.DNS01); why != nil {
			got = why.String()
		}
		if (got == "") != (test.refusal == "") || !strings.Contains(got, test.refusal) {
			t.Errorf("%s wild=%v: %q, want %q", test.records, test.wild, got, test.refusal)
		}
	}
}

// The nearest name upwards that has records counts, and those of a CNAME's target are the name's own (RFC 8659 §3).
func TestCAAClimbs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.PutRecord(apex, apex, "CAA", `0 issue "another.example"`)
	w.conoha.PutRecord(apex, "allowed."+apex, "CAA", `0 issue "`+identity+`"`)
	w.conoha.PutRecord(apex, "alias."+apex, "CNAME", "allowed."+apex+".")
	for domain, allowed := range map[string]bool{
		"a.b." + apex: false, "allowed." + apex: true, "deep.below.allowed." + apex: true, "alias." + apex: true, "below.alias." + apex: true,
	} {
		resolver, err := w.doctor.Resolver(w.certificate().Settings)
		w.check(err)
		at, records, err := relevant(t.Context(), resolver, domain)
		if domain == "below.alias."+apex { // does not exist, nor does CAA climb through the alias's target but through its name
			if err != nil || at != "alias."+apex {
				t.Errorf("%s: at %s, %v", domain, at, err)
			}
			continue
		}
		if err != nil || (refusal(records, false, []string{identity}, "", issuance.DNS01) == nil) != allowed {
			t.Errorf("%s: at %s %v, %v", domain, at, records, err)
		}
	}
}
