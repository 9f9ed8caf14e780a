package providers

import (
	"strings"
	"testing"
)

func TestParseOwner(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61) + "."
	for in, want := range map[string]string{
		"_acme-challenge.Example.COM":      "_acme-challenge.example.com.",
		"_acme-challenge.xn--fsq.example.": "_acme-challenge.xn--fsq.example.",
		"a_b._c.d-e.example.":              "a_b._c.d-e.example.",
		"com":                              "com.",
		longest:                            longest,
	} {
		if got, err := ParseOwner(in); got != want || err != nil {
			t.Errorf("ParseOwner(%q) = %q, %v", in, got, err)
		}
	}
	for what, in := range map[string]string{
		"nothing":         "",
		"the root":        ".",
		"an empty label":  "a..example.",
		"an empty end":    "example.com..",
		"a wildcard":      "*.example.com.",
		"a path":          "../example.com.",
		"a query":         "example.com?x=.",
		"a blank":         "a b.example.",
		"a line":          "a\nb.example.",
		"an escape":       `a\.b.example.`,
		"a hyphen before": "-a.example.",
		"a hyphen after":  "a-.example.",
		"64 octets":       strings.Repeat("a", 64) + ".example.",
		"254 octets":      strings.Replace(longest, "b.", "bb.", 1),
		"not ASCII":       "日本.example.",
		"the Kelvin sign": "\u212a.example.",
	} {
		got, err := ParseOwner(in)
		if err == nil || got != "" || CodeOf(err) != CodeBadChallenge || ClassOf(err) != Usage {
			t.Errorf("%s: ParseOwner(%q) = %q, %v", what, in, got, err)
			continue
		}
		wantPlain(t, err)
	}
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"x", "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", "-_-", "123d==", strings.Repeat("a", 255), "~!"} {
		for _, zone := range []string{"", "example.com.", "EXAMPLE.com", "_acme-challenge.example.com.", "com."} {
			got, err := ParseRecord(Challenge{FQDN: "_acme-challenge.Example.com", Zone: zone, Value: value})
			if got != "_acme-challenge.example.com." || err != nil {
				t.Errorf("%q in %q: %q, %v", value, zone, got, err)
			}
		}
	}
	for what, c := range map[string]Challenge{
		"no name":     {Value: "x"},
		"a wildcard":  {FQDN: "*.example.com.", Value: "x"},
		"no value":    {FQDN: "a.example."},
		"quotes":      {FQDN: "a.example.", Value: `"x"`},
		"two strings": {FQDN: "a.example.", Value: `x" "y`},
		"a backslash": {FQDN: "a.example.", Value: `\034`},
		"a blank":     {FQDN: "a.example.", Value: "x y"},
		"a line end":  {FQDN: "a.example.", Value: "x\n"},
		"a NUL":       {FQDN: "a.example.", Value: "x\x00"},
		"not ASCII":   {FQDN: "a.example.", Value: "é"},
		"bad UTF-8":   {FQDN: "a.example.", Value: "\xff"},
		"its parent":  {FQDN: "a.example.", Zone: "b.a.example.", Value: "x"},
		"a neighbour": {FQDN: "a.example.", Zone: "ba.example.", Value: "x"},
		"not a zone":  {FQDN: "a.example.", Zone: "..", Value: "x"},
		"256 octets":  {FQDN: "a.example.", Value: strings.Repeat("a", 256)},
	} {
		got, err := ParseRecord(c)
		if err == nil || got != "" || CodeOf(err) != CodeBadChallenge || ClassOf(err) != Usage {
			t.Errorf("%s: ParseRecord(%q) = %q, %v", what, c, got, err)
			continue
		}
		wantPlain(t, err)
	}
}
