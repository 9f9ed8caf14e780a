package messages

import (
	"strings"
	"testing"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                    "",
		"証明書 \"é\" ~":                         "証明書 \"é\" ~",
		"a\nb\r\tc":                           "a b  c",
		"\x1b[31mred\x7f":                     " [31mred ",
		"\u009b31mred\u0085next":              " 31mred next",
		"line\u2028paragraph\u2029":           "line paragraph ",
		"a\u202ecod.exe\u202c b\u2066c\u2069": "acod.exe bc", // turned around
		"in\u200bvi\u00adsi\u2060ble\ufeff \u061ca\u180eb\U000e0041\u034fc\u115fd\u3164e\uffa0f": "invisible abcdef",
		"private \ue000 and unassigned \U000effff":                                               "private  and unassigned ",
		"全角\u3000空白、か\u3099、👍\ufe0f":                                                             "全角\u3000空白、か\u3099、👍\ufe0f",
		"\u061b\u0627\u0644\u0639":                                                               "\u061b\u0627\u0644\u0639", // letters of scripts that run to the left
		"not UTF-8: \x9b31m and more":                                                            "not UTF-8: \ufffd31m and more",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " \n a b \t": "a b", "0123456789": "0123456789", "0123456789x": "0123456789…", "あいうえお": "あいう…",
		"\u202e" + "01234567890123": "0123456789…", "012345678 9": "012345678…",
	} {
		if got := Short(text, 10); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Short(strings.Repeat("\x00", 1<<20), 10); got != "" {
		t.Errorf("%q", got)
	}
}
