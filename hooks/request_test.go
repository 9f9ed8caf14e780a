package hooks

import (
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const value43 = "AAAA_first_value_43_characters_long_AAAAAAA"

func TestParseRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		environ []string
		want    request
	}{
		{"certbot 2", []string{"CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION=" + value43, "CERTBOT_REMAINING_CHALLENGES=2"},
			request{Domain: "example.com", Value: value43, Remaining: 2}},
		{"before certbot 1.4 nobody counted", []string{"CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION=" + value43},
			request{Domain: "example.com", Value: value43}},
		{"the identifier of certbot 5.3 wins", []string{"CERTBOT_DOMAIN=old.example", "CERTBOT_IDENTIFIER=Example.CO.JP", "CERTBOT_VALIDATION=" + value43},
			request{Domain: "example.co.jp", Value: value43}},
		{"the receipt", []string{"CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION=" + value43, "CERTBOT_AUTH_OUTPUT=a=b\nc"},
			request{Domain: "example.com", Value: value43, AuthOutput: "a=b\nc"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseRequest(test.environ)
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// Faults 105, 106 and 107 of reference/reliability.md.
func TestParseRequest_Hostile(t *testing.T) {
	t.Parallel()
	domains := []string{
		"", ".", "..", "a..b", "-rf", "$(touch /tmp/p)", "a;b", "../../etc/x", "example.com\nX: y", "exa mple.com", "例え.jp",
		"ex\u202eample.com", "ехample.com", "\xff\xfe.com", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 126) + "com",
		strings.Repeat("a", 64<<10), "*.example.com", "_x.example.com", "192.0.2.1", "2001:db8::1", "localhost", "example.123", "a_b.com",
	}
	for _, domain := range domains {
		refused(t, "domain "+fault.Excerpt(domain), "CERTBOT_DOMAIN="+domain, "CERTBOT_VALIDATION="+value43)
	}
	for _, value := range []string{"", `"` + value43[2:] + `"`, value43[1:], value43 + "A", value43[:42] + "\n", strings.Repeat("A", 10<<10), value43[:42] + "="} {
		refused(t, "value "+fault.Excerpt(value), "CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION="+value)
	}
	refused(t, "no variables")
	refused(t, "no value", "CERTBOT_DOMAIN=example.com")
	refused(t, "no domain", "CERTBOT_VALIDATION="+value43)
	refused(t, "HTTP-01", "CERTBOT_TOKEN=x", "CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION="+value43)
	for _, count := range []string{"x", "-1", "1e3", "99999999999999999999"} {
		refused(t, "count "+count, "CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION="+value43, "CERTBOT_REMAINING_CHALLENGES="+count)
	}
}

func refused(t *testing.T, what string, environ ...string) {
	t.Helper()
	_, err := parseRequest(environ)
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	if code := fault.ExitCode(err); code != 2 {
		t.Errorf("%s: exit code %d, want 2", what, code)
	}
	if lines := failureLines(messages.English, "hook", err); len(lines) > 600 || strings.Count(lines, "\n") > 2 || strings.ContainsAny(lines, "\r\x00") {
		t.Errorf("%s: not three short lines: %q", what, lines)
	}
}

func TestParseReceipt(t *testing.T) {
	t.Parallel()
	made := receipt{Created: true, FQDN: "_acme-challenge.example.com.", Handle: "zone/record"}
	for _, test := range []struct {
		name, output string
		want         receipt
		ok           bool
	}{
		{"as printed", made.String(), made, true},
		{"without a handle", receipt{Created: true, FQDN: "a.b."}.String(), receipt{Created: true, FQDN: "a.b."}, true},
		{"nothing", receipt{}.String(), receipt{}, true},
		{"among a wrapper's output", "starting\n  " + made.String() + "  \ndone", made, true},
		{"the last one counts", receipt{}.String() + "\n" + made.String(), made, true},
		{"none", "", receipt{}, false},
		{"another version", "wildcard/2 created a. b", receipt{}, false},
		{"an owner that is none", "wildcard/1 created ../../etc/passwd x", receipt{}, false},
		{"too many words", "wildcard/1 created a. b c", receipt{}, false},
		// Fault 112.
		{"a megabyte of quotes", strings.Repeat(`"'\`, 1<<20/3) + "\n" + made.String(), receipt{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := parseReceipt(test.output)
			if got != test.want || ok != test.ok {
				t.Errorf("got %+v, %v; want %+v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add("wildcard/1 created _acme-challenge.example.com. a/b")
	f.Add("wildcard/1 nothing")
	f.Add("x\nwildcard/1 created a.\n\x00")
	f.Fuzz(func(t *testing.T, output string) {
		r, ok := parseReceipt(output)
		if !ok {
			return
		}
		again, ok := parseReceipt(r.String())
		if !ok || again != r {
			t.Errorf("%q: %+v is printed as %q and read as %+v, %v", output, r, r, again, ok)
		}
	})
}
