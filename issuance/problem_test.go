package issuance

import (
	"testing"
	"time"
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
