package fault

import (
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         `""`,
		"plain":                    `"plain"`,
		`quote " and \`:            `"quote \" and \\"`,
		"line\nend\r\x1b[31m\x00":  `"line\nend\r\x1b[31m\x00"`,
		"\u202e例\xff":              `"\u202e\u4f8b\xff"`,
		strings.Repeat("x", 80):    `"` + strings.Repeat("x", 80) + `"`,
		strings.Repeat("x", 81):    `"` + strings.Repeat("x", 80) + `"…`,
		strings.Repeat("x", 1<<20): `"` + strings.Repeat("x", 80) + `"…`,
		strings.Repeat("例", 27):    `"` + strings.Repeat(`\u4f8b`, 26) + `\xe4"…`,
		strings.Repeat("\x06", 41): `"` + strings.Repeat(`\x06`, 40) + `"…`,
	} {
		got := Excerpt(in)
		if got != want {
			t.Errorf("Excerpt(%.90q) = %s, want %s", in, got, want)
		}
		escaped := strings.TrimSuffix(got, "…")
		if len(got) > 200 || strings.ContainsFunc(escaped, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("Excerpt(%.90q) is %d bytes, or has what a terminal acts upon: %q", in, len(got), got)
		}
	}
}
