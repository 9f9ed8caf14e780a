package lineage

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// FuzzWords takes command lines apart. Words that were quoted for a shell come back, and where nothing is to be expanded a
// shell sees the same words.
func FuzzWords(f *testing.F) {
	for _, line := range []string{
		"", "/usr/bin/wildcard-auth-hook --provider 'conoha@/a b/.env'", `a "b c" 'd"e' f\ g`, `'it'\''s'`, `"a\"b"`, `"a\b" "\\"`, "\"\\\nx\"", `''`, `""''`, `"a`, `'a`, `a\`, "a\nb", "é\u3000b", "a\\\nb",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ToValidUTF8(line, "") != line || strings.Contains(line, "\x00") {
			return
		}
		words := Words(line)
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, Quote(w))
		}
		if again := Words(strings.Join(quoted, " ")); !slices.Equal(again, words) {
			t.Errorf("%q is taken apart as %q, and that as %q", line, words, again)
		}
		if strings.ContainsAny(line, "$`*?[]~#&|;<>(){}!=^\n\r") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return // a shell would do more than take it apart
		}
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `eval "set -- $1"; for w; do printf '%s\0' "$w"; done`, "sh", line).Output()
		if err != nil {
			return // quotes that are not closed
		}
		if want := strings.Split(string(out), "\x00"); !slices.Equal(words, want[:len(want)-1]) {
			t.Errorf("%q is taken apart as %q, by a shell as %q", line, words, want[:len(want)-1])
		}
	})
}
