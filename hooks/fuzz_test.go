package hooks

import (
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// FuzzParseRequest takes variables as a hook may find them: what comes through can own and fill a TXT record, and what does not
// is told in three short lines and exit status 2.
func FuzzParseRequest(f *testing.F) {
	for _, domain := range []string{"example.com", "EXAMPLE.co.jp.", "*.example.com", "", "..", "xn--bcher-kva.example", "a_b.com", "-x.com", "192.0.2.1", "$(x).com", "\x1b[2J", strings.Repeat("a.", 200)} {
		f.Add(domain, value43, "0", "")
		f.Add(domain, value43[1:], "1", "wildcard/1 created _acme-challenge.example.com. zone/record")
	}
	f.Add("example.com", value43, "-1", "x")
	f.Add("example.com", value43, "99999999999999999999", "\x00")
	f.Add("example.com", value43[:42]+"\n", "", "a=b\nc")
	f.Fuzz(func(t *testing.T, domain, value, remaining, output string) {
		environ := []string{"CERTBOT_DOMAIN=" + domain, "CERTBOT_VALIDATION=" + value, "CERTBOT_REMAINING_CHALLENGES=" + remaining, "CERTBOT_AUTH_OUTPUT=" + output}
		r, err := parseRequest(environ)
		if err != nil {
			if lines := failureLines(messages.English, "hook", err); fault.ExitCode(err) != 2 || fault.CodeOf(err) == "" || len(lines) > 700 || strings.Count(lines, "\n") > 2 ||
				strings.ContainsFunc(lines, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x202e }) {
				t.Errorf("exit status %d, %q", fault.ExitCode(err), lines)
			}
			return
		}
		if !plausibleOwner(r.challengeName()) || len(r.challengeName()) > 254 || r.Domain != strings.ToLower(r.Domain) || strings.Contains(r.Domain, "*") || r.Value != value || r.Remaining < 0 || r.AuthOutput != output {
			t.Errorf("%q became %+v", environ, r)
		}
		if _, err := providers.ParseRecord(r.challenge(r.challengeName())); err != nil {
			t.Errorf("%+v is no record: %v", r, err)
		}
		again, err := parseRequest([]string{"CERTBOT_IDENTIFIER=" + r.Domain, "CERTBOT_VALIDATION=" + r.Value, "CERTBOT_REMAINING_CHALLENGES=" + remaining, "CERTBOT_AUTH_OUTPUT=" + r.AuthOutput})
		if err != nil || again != r {
			t.Errorf("%+v is read again as %+v, %v", r, again, err)
		}
	})
}
