package cli

import (
	"slices"
	"strings"
	"testing"
)

// A shell replaces *.example.com by the names of files that end in .example.com, dots and all, and leaves it where there are none.
func TestExpanded_FilesOfSuchNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ files, names, star, found string }{
		{"www.example.com mail.example.com", "mail.example.com www.example.com example.com", "*.example.com", "mail.example.com www.example.com"},
		{"www.example.com example.com notes.txt", "www.example.com example.com", "*.example.com", "www.example.com"},
		{"a.b.example.com www.example.com", "a.b.example.com www.example.com", "*.example.com", "a.b.example.com www.example.com"},
		{"a.b.example.com www.example.com", "a.b.example.com", "*.b.example.com", "a.b.example.com"},
		{"www.example.com .hidden.example.com", "www.example.com", "*.example.com", "www.example.com"},
		{"x.example.co.jp example.co.jp", "x.example.co.jp example.co.jp", "*.example.co.jp", "x.example.co.jp"},
		{"mail.corp.internal", "mail.corp.internal corp.internal", "*.corp.internal", "mail.corp.internal"},
		// Not by a star:
		{"www.example.com mail.example.com", "www.example.com", "", ""},            // which would have had both
		{"www.example.com", "*.example.com www.example.com", "", ""},               // which is in quotes
		{"example.com", "example.com", "", ""},                                     // *.com
		{"example.co.jp", "example.co.jp", "", ""},                                 // *.co.jp
		{"www.example.com.conf", "www.example.com example.com", "", ""},            // no file of that name
		{"", "www.example.com", "", ""},                                            // no files
		{"localhost", "localhost", "", ""},                                         // no dot
		{"www.example.com", "'*.example.com' www.example.net example.net", "", ""}, // others
	} {
		star, found := expanded(strings.Fields(c.names), strings.Fields(c.files))
		slices.Sort(found)
		if star != c.star || strings.Join(found, " ") != c.found {
			t.Errorf("files %q, names %q: %q %q, want %q %q", c.files, c.names, star, found, c.star, c.found)
		}
	}
}
