package messages_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wildcard/internal/messages"
)

// TestShowsUTF8: report N4. The locale's character set, as POSIX finds it.
func TestShowsUTF8(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag    string
		environ []string
		want    bool
	}{
		{"", nil, false},
		{"", []string{"LC_ALL=C"}, false},
		{"", []string{"LANG=POSIX"}, false},
		{"", []string{"LANG=en_US"}, false},
		{"", []string{"LANG=en_US.ISO-8859-1"}, false},
		{"", []string{"LANG=de_DE@euro"}, false},
		{"", []string{"LANG=ja_JP.eucJP"}, false},
		{"", []string{"LANG=ja_JP.SJIS"}, false},
		{"", []string{"LANG=C.UTF-8", "LC_ALL=C"}, false},
		{"", []string{"LANG=C.UTF-8", "LC_CTYPE=C"}, false},
		{"", []string{"LANG=C", "LC_CTYPE=C.UTF-8"}, true},
		{"", []string{"LC_CTYPE=UTF-8"}, true},
		{"", []string{"LC_ALL=", "LANG=en_GB.utf8@x"}, true},
		{"", []string{"LANG=C.UTF-8"}, true},
		{"", []string{"LANG=ja_JP"}, true},
		{"", []string{"LANG=ja_JP.UTF-8"}, true},
		{"ja", []string{"LC_ALL=C"}, true},
		{"en", []string{"LANG=ja_JP.UTF-8"}, true},
		{"en", []string{"LANG=C"}, false},
	} {
		l, err := messages.Choose(test.flag, test.environ)
		if got := l.ShowsUTF8(test.environ); err != nil || got != test.want {
			t.Errorf("%q, %q: %t, %v", test.flag, test.environ, got, err)
		}
	}
}

// TestASCII_NothingIsLost: marks have a spelling, other letters and bytes their code.
func TestASCII_NothingIsLost(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain \x1b[1m": "plain \x1b[1m", "a…": "a...", "RFC 8738 §7": "RFC 8738 section 7", "5 µs": "5 us",
		"✓ ✗ ·": "+ x -", "更新": `\u66f4\u65b0`, "é": `\u00e9`, "🔒": `\U0001f512`, "\xff\xfe": `\xff\xfe`, "\ufffd": `\ufffd`,
	} {
		if got := messages.ASCII(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		var b strings.Builder
		if n, err := messages.English.Writer(&b, []string{"LC_ALL=C"}).Write([]byte(text)); b.String() != want || n != len(text) || err != nil {
			t.Errorf("%q is written as %q: %d, %v", text, b.String(), n, err)
		}
		if text == strings.ToValidUTF8(text, "") {
			document, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			plain, back := messages.ASCIIDocument(document), ""
			if err := json.Unmarshal(plain, &back); err != nil || back != text || messages.ASCII(string(plain)) != string(plain) {
				t.Errorf("%q: %s is read as %q, %v", text, plain, back, err)
			}
		}
	}
}
