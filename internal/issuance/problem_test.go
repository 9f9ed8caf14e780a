package issuance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
)

// A problem is one line that begins with a word, whatever parts of it the CA sent.
func TestProblemIsOneLine(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]*Problem{
		"403 caa: CAA forbids it": {Status: 403, Type: "caa", Detail: "CAA forbids it"},
		"503":                     {Status: 503},
		"caa":                     {Type: "caa"},
		"no reason":               {Detail: "no reason"},
		"a.test: dns: SERVFAIL":   {Names: []SubProblem{{"a.test", "dns", "SERVFAIL"}}},
		"429 rateLimited: slower; not before 2026-11-25T15:00:00Z": {
			Status: 429, Type: "rateLimited", Detail: "slower", RetryAfter: time.Date(2026, 11, 25, 15, 0, 0, 0, time.UTC),
		},
	} {
		if got := p.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestProblem_Limits: one limit, one instant. Boulder's text has one, and its Retry-After up to 3 % more (ratelimits); without a
// header the text's counts. Paused names (wfe2/wfe.go) and clients that are too old have a URL and no instant: a person is
// wanted, who needs the URL whole.
func TestProblem_Limits(t *testing.T) {
	t.Parallel()
	header := time.Date(2026, 11, 28, 20, 1, 7, 0, time.UTC)
	inText := time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC)
	const boulder = "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, " +
		"retry after 2026-11-28 20:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers"
	paused := "Your account is temporarily prevented from requesting certificates for example.com and 3 other identifiers. Please visit: " +
		"https://portal.letsencrypt.org/sfe/v1/unpause?jwt=" + strings.Repeat("eyJhbGciOiJIUzI1NiJ9", 70)
	for name, test := range map[string]struct {
		status  int
		kind    string
		detail  string
		header  time.Time
		code    string
		class   fault.Class
		instant time.Time
		shown   string // in the line
	}{
		"Boulder":           {429, "rateLimited", boulder, header, CodeRateLimited, fault.Temporary, header, "168h0m0s: see https://"},
		"without a header":  {429, "rateLimited", boulder, time.Time{}, CodeRateLimited, fault.Temporary, inText, "not before 2026-11-28T20:00:00Z"},
		"old text":          {429, "rateLimited", "too many failed authorizations recently", header, CodeRateLimited, fault.Temporary, header, "recently; not before 2026-11-28T20:01:07Z"},
		"Google's quota":    {429, "rateLimited", "over quota (30 requests in 60 seconds). Try again in 12.47s", time.Time{}, CodeRateLimited, fault.Temporary, time.Time{}, "12.47s"},
		"busy":              {503, "rateLimited", "Service busy; retry later.", header, CodeRateLimited, fault.Temporary, header, "busy"},
		"page of a proxy":   {429, "", "", time.Time{}, CodeRateLimited, fault.Temporary, time.Time{}, "429"},
		"paused":            {429, "rateLimited", paused, time.Time{}, CodePaused, fault.Refused, time.Time{}, paused},
		"client too old":    {403, "rateLimited", "Your ACME client is too old: please upgrade, see https://letsencrypt.org/docs/client-options/", time.Time{}, CodePaused, fault.Refused, time.Time{}, "upgrade"},
		"acme2certifier's":  {403, "rateLimited", "certificate is not ready", header, CodeRateLimited, fault.Temporary, header, "not ready"},
		"badNonce":          {400, "badNonce", "no", time.Time{}, CodeUnavailable, fault.Temporary, time.Time{}, "badNonce"},
		"conflict":          {409, "conflict", "already being validated", time.Time{}, CodeUnavailable, fault.Temporary, time.Time{}, "validated"},
		"other, with a URL": {403, "unauthorized", "see https://ca.example/", time.Time{}, CodeUnauthorized, fault.Refused, time.Time{}, "ca.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := parseProblem(test.status, fmt.Appendf(nil, `{"type":"%s%s","detail":%q}`, errorNamespace, test.kind, test.detail))
			if !test.header.IsZero() {
				p.RetryAfter = test.header
			}
			code, class := p.class()
			if code != test.code || class != test.class || !p.RetryAfter.Equal(test.instant) {
				t.Errorf("%s, %v, not before %v", code, class, p.RetryAfter)
			}
			text := p.Error()
			if !strings.Contains(text, test.shown) {
				t.Errorf("%q lacks %q", text, test.shown)
			}
			if n := strings.Count(text, "2026-11-28"); n > 1 {
				t.Errorf("%d instants in %q", n, text)
			}
		})
	}
}

// TestProblem_Names: of several refused names each is told, those with the same reason together, and of very many how many more.
func TestProblem_Names(t *testing.T) {
	t.Parallel()
	body := func(n int, detail func(i int) string) []byte {
		var subs []string
		for i := range n {
			subs = append(subs, fmt.Sprintf(`{"type":"%srejectedIdentifier","detail":%q,"identifier":{"type":"dns","value":"n%d.example.com"}}`, errorNamespace, detail(i), i))
		}
		return fmt.Appendf(nil, `{"type":"%srejectedIdentifier","detail":%q,"subproblems":[%s]}`, errorNamespace,
			strings.Repeat("Cannot issue for n0.example.com: the ACME server refuses to issue a certificate for this domain name. ", 4), strings.Join(subs, ","))
	}
	long := func(i int) string { return fmt.Sprintf("reason %d %s", i, strings.Repeat("x", 180)) }
	for name, test := range map[string]struct {
		n      int
		detail func(i int) string
		more   bool
	}{
		"two": {2, long, false}, "seven": {7, long, false}, "twenty": {20, long, false},
		"fifty with one reason": {50, func(int) string { return "it is forbidden by policy" }, false},
		"a hundred":             {100, long, true},
	} {
		p := parseProblem(http.StatusBadRequest, body(test.n, test.detail))
		text := p.Error()
		told := 0
		for i := range test.n {
			if strings.Contains(text, fmt.Sprintf("n%d.example.com", i)) {
				told++
			}
		}
		if !test.more && told != test.n || test.more != strings.Contains(text, " more") || len(text) > 6000 {
			t.Errorf("%s: %d of %d in %d bytes: %s", name, told, test.n, len(text), text)
		}
	}
}
