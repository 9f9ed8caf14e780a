package lineage

import (
	"slices"
	"testing"
)

// What is quoted is read as it was, by us; that shells do so too is POSIX.
func TestQuote(t *testing.T) {
	t.Parallel()
	words := []string{"", "plain-1.2/x:y=z,@%+", "*.example.com", "a b", "it's", `'"\$(x)` + "`", "証明書", "tab\tand\nline"}
	line := ""
	for _, word := range words {
		line += " " + Quote(word)
	}
	if got := Words(line); !slices.Equal(got, words) {
		t.Errorf("%q", got)
	}
	if got := Quote("/usr/bin/wildcard-auth-hook"); got != "/usr/bin/wildcard-auth-hook" {
		t.Error(got)
	}
}
