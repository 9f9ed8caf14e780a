package messages

import "testing"

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "",
		"証明書 \"é\" ~":                 "証明書 \"é\" ~",
		"a\nb\r\tc":                   "a b  c",
		"\x1b[31mred\x7f":             " [31mred ",
		"\u009b31mred\u0085next":      " 31mred next",
		"line\u2028paragraph\u2029":   "line paragraph ",
		"not UTF-8: \x9b31m and more": "not UTF-8: \ufffd31m and more",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
