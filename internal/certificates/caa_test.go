package certificates

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
		if why := (CAA{"example.com", records}).Refusal(test.wild, []string{"ca.example"}, test.account, issuance.DNS01); why != nil {
			got = why.String()
		}
		if (got == "") != (test.refusal == "") || !strings.Contains(got, test.refusal) {
			t.Errorf("%s wild=%v: %q, want %q", test.records, test.wild, got, test.refusal)
		}
	}
}

// What doctor advises where records name an account or methods does not open them to others.
func TestCAAAllowing_Limited(t *testing.T) {
	t.Parallel()
	const account = "https://ca.example/acct/1"
	for _, test := range []struct{ records, account, want string }{
		{`0 issue "other.example"`, account, `issue "ca.example"`},
		{`0 issue ";"`, account, `issue "ca.example"`},
		{`0 issue "ca.example; accounturi=https://ca.example/acct/2"`, account, `issue "ca.example; accounturi=https://ca.example/acct/1"`},
		{`0 issue "other.example; AccountURI=https://other.example/1"`, account, `issue "ca.example; accounturi=https://ca.example/acct/1"`},
		{`0 issue "ca.example; accounturi=https://ca.example/acct/2"`, "", `issue "ca.example; accounturi=URL-OF-YOUR-ACCOUNT"`},
		{`0 issue "ca.example; validationmethods=http-01"`, account, `issue "ca.example; validationmethods=dns-01"`},
		{`0 issuewild "ca.example;validationmethods=http-01; accounturi=x"`, account, `issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"`},
		{`0 iodef "mailto:a@example.com; accounturi=x"`, account, `issue "ca.example"`},
	} {
		rr, err := dns.NewRR("example.com. CAA " + test.records)
		if err != nil {
			t.Fatal(err)
		}
		found := CAA{"example.com", []*dns.CAA{rr.(*dns.CAA)}}
		if got := found.Allowing(false, "ca.example", test.account, issuance.DNS01); got != "example.com. CAA 0 "+test.want {
			t.Errorf("%s: %s, want %s", test.records, got, test.want)
		}
	}
	if got := Pin("example.com.", true, "ca.example", account, issuance.Persist); got !=
		`example.com. CAA 0 issuewild "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-persist-01"` {
		t.Error(got)
	}
}
