package providers

import (
	"slices"
	"strings"
	"testing"
)

func TestParseDomain(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	longest := strings.Join([]string{label63, label63, label63, strings.Repeat("b", 237-3*64)}, ".") // 253 with "_acme-challenge."
	for in, want := range map[string]string{
		"example.com":              "example.com",
		"EXAMPLE.Com":              "example.com",
		"example.com.":             "example.com",
		"example.co.jp":            "example.co.jp",
		"a.b.c.d.example.com":      "a.b.c.d.example.com",
		"xn--r8jz45g.jp":           "xn--r8jz45g.jp",
		"XN--R8JZ45G.JP":           "xn--r8jz45g.jp",
		"1and1.example":            "1and1.example",
		"1.2.3.example":            "1.2.3.example",
		"my-host.example.com":      "my-host.example.com",
		"a--b.example.com":         "a--b.example.com",
		label63 + ".example.com":   label63 + ".example.com",
		longest:                    longest,
		strings.ToUpper(longest):   longest,
		"4.3.2.1.in-addr.arpa":     "4.3.2.1.in-addr.arpa",
		"touch.rf.example.co.jp.":  "touch.rf.example.co.jp",
		"example.xn--vermgensberr": "example.xn--vermgensberr",
	} {
		if got, err := ParseDomain(in); got != want || err != nil {
			t.Errorf("ParseDomain(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

// A zone may be what is delegated for challenges alone; everything else is as strict as with domains.
func TestParseZone(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	longest := strings.Join([]string{label63, label63, label63, strings.Repeat("b", 237-3*64)}, ".")
	for in, want := range map[string]string{
		"example.com":                      "example.com.",
		"Example.COM.":                     "example.com.",
		"_acme-challenge.example.com":      "_acme-challenge.example.com.",
		"_ACME-challenge.www.example.com.": "_acme-challenge.www.example.com.",
		"_tcp._acme.example.com":           "_tcp._acme.example.com.",
		"a._b.c":                           "a._b.c.",
		longest:                            longest + ".",
		"_acme-challenge." + longest:       "_acme-challenge." + longest + ".",
	} {
		if got, err := ParseZone(in); got != want || err != nil {
			t.Errorf("ParseZone(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", ".", "com", "_com", "a._com", "_.example.com", "__a.example.com", "_-a.example.com", "a_.example.com", "a_b.example.com",
		"_" + label63 + ".example.com", "b" + longest, "_acme-challenge.b" + longest, "192.0.2.1", "*.example.com", "例え.jp", "a..b", "_acme-challenge..com",
	} {
		got, err := ParseZone(in)
		if err == nil || got != "" || CodeOf(err) != CodeBadSettings || ClassOf(err) != Misconfigured {
			t.Errorf("ParseZone(%q) = %q, %v", in, got, err)
			continue
		}
		wantPlain(t, err)
	}
	if _, err := ParseDomain("_acme-challenge.example.com"); err == nil {
		t.Error("a certificate's name may have an underscore")
	}
}

func TestParseDomainRefuses(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	for what, in := range map[string]string{
		"nothing":                      "",
		"the root":                     ".",
		"two dots":                     "..",
		"three dots":                   "...",
		"a command":                    "$(touch /tmp/p)",
		"a command in a name":          "$(id).example.com",
		"backticks":                    "`id`.example.com",
		"two commands":                 "a;b",
		"a path upwards":               "../../etc/x",
		"a path upwards in a name":     "../../etc/x.example.com",
		"an absolute path":             "/etc/passwd.example.com",
		"a flag":                       "-rf",
		"a flag that looks like one":   "-rf.example.com",
		"a hyphen at a label's end":    "a-.example.com",
		"a line end":                   "example.com\n",
		"a line end within":            "exam\nple.com",
		"a carriage return":            "example.com\r",
		"a NUL":                        "example.com\x00",
		"a NUL within":                 "example\x00.com",
		"a space":                      "exam ple.com",
		"a space before":               " example.com",
		"a tab":                        "example\t.com",
		"64 KiB":                       strings.Repeat("a", 64<<10),
		"64 KiB of labels":             strings.Repeat("a.", 32<<10) + "com",
		"bad UTF-8":                    "exam\xffple.com",
		"right to left":                "\u202eexample.com",
		"Cyrillic that looks Latin":    "ex\u0430mple.com",
		"the Kelvin sign, lower k":     "\u212aelvin.example.com",
		"a dotted I, lower i":          "\u0130stanbul.example.com",
		"a soft hyphen":                "exam\u00adple.com",
		"a zero-width joiner":          "exam\u200dple.com",
		"an ideographic full stop":     "example。com",
		"fullwidth letters":            "ｅｘａｍｐｌｅ.com",
		"Unicode":                      "例え.jp",
		"a label of 64":                label63 + "a.example.com",
		"254 octets":                   strings.Join([]string{label63, label63, label63, strings.Repeat("b", 254-3*64)}, "."),
		"one too long for a challenge": strings.Join([]string{label63, label63, label63, strings.Repeat("b", 238-3*64)}, "."),
		"an empty label":               "example..com",
		"an empty first label":         ".example.com",
		"two dots at the end":          "example.com..",
		"a wildcard":                   "*.example.com",
		"two wildcards":                "*.*.example.com",
		"half a wildcard":              "*x.example.com",
		"a wildcard within":            "a.*.example.com",
		"an underscore":                "_x.example.com",
		"a challenge's own name":       "_acme-challenge.example.com",
		"one label":                    "localhost",
		"one label with a dot":         "com.",
		"IPv4":                         "192.0.2.1",
		"IPv4 with a dot":              "192.0.2.1.",
		"short IPv4":                   "127.1",
		"hexadecimal IPv4":             "0x7f.0.0.1",
		"IPv6":                         "2001:db8::1",
		"IPv6 with a zone":             "fe80::1%eth0",
		"IPv6 in brackets":             "[2001:db8::1]",
		"a number as top label":        "example.123",
		"a port":                       "example.com:443",
		"a URL":                        "https://example.com/",
		"an address":                   "root@example.com",
		"two names":                    "example.com,example.net",
		"a percent escape":             "example%2ecom",
		"a backslash escape":           `exam\046ple.com`,
		"quotes":                       `"example.com"`,
	} {
		got, err := ParseDomain(in)
		if err == nil {
			t.Errorf("%s: ParseDomain(%.80q) = %.80q, want an error", what, in, got)
			continue
		}
		if got != "" || CodeOf(err) != CodeBadChallenge || ClassOf(err) != Usage {
			t.Errorf("%s: got %q, code %q, class %d, want nothing, %q, Usage", what, got, CodeOf(err), ClassOf(err), CodeBadChallenge)
		}
		wantPlain(t, err)
	}
}

// wantPlain fails the test if an error's text could forge a log line or flood a terminal. What it quotes is escaped, so
// nothing is left that is not ASCII but our own signs.
func wantPlain(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	ours := strings.NewReplacer("…", "", "§", "")
	if len(text) > 1000 || strings.ContainsFunc(ours.Replace(text), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("error of %d bytes: %.200q", len(text), text)
	}
}

func FuzzParseDomain(f *testing.F) {
	for _, seed := range []string{"example.com", "EXAMPLE.com.", "*.example.com", "xn--r8jz45g.jp", "\u212a.jp", "1.2.3.4", "a..b", "-a.b", "_a.b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseDomain(in)
		if err != nil {
			wantPlain(t, err)
			return
		}
		if again, err := ParseDomain(got); again != got || err != nil {
			t.Errorf("ParseDomain(%q) = %q, %v", got, again, err)
		}
		if !strings.EqualFold(got, strings.TrimSuffix(in, ".")) || strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Errorf("ParseDomain(%q) = %q", in, got)
		}
		if len(ChallengeLabel+"."+got) > 253 {
			t.Errorf("%q is too long", got)
		}
	})
}

func TestParseValue(t *testing.T) {
	t.Parallel()
	good := "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
	for _, in := range []string{good, strings.Repeat("-", 43), strings.Repeat("_", 43)} {
		if got, err := ParseValue(in); got != in || err != nil {
			t.Errorf("ParseValue(%q) = %q, %v", in, got, err)
		}
	}
	for what, in := range map[string]string{
		"nothing":           "",
		"42 characters":     good[:42],
		"44 characters":     good + "A",
		"padding":           good + "=",
		"quotes":            `"` + good + `"`,
		"quotes within":     good[:41] + `""`,
		"a line end":        good + "\n",
		"a line end of 43":  good[:42] + "\n",
		"two lines":         good + "\n" + good,
		"10 kB":             strings.Repeat("A", 10_000),
		"standard base64":   good[:42] + "+",
		"a slash":           good[:42] + "/",
		"a space":           good[:42] + " ",
		"a semicolon":       good[:42] + ";",
		"a NUL":             good[:42] + "\x00",
		"a letter not ours": good[:41] + "é", // 43 bytes
		"bad UTF-8":         good[:42] + "\xff",
	} {
		got, err := ParseValue(in)
		if err == nil || got != "" || CodeOf(err) != CodeBadChallenge || ClassOf(err) != Usage {
			t.Errorf("%s: ParseValue(%.80q) = %.80q, %v", what, in, got, err)
			continue
		}
		wantPlain(t, err)
	}
}

func TestCanonicalName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"example.com":       "example.com.",
		"Example.COM.":      "example.com.",
		"":                  ".",
		".":                 ".",
		"_ACME-challenge.x": "_acme-challenge.x.",
		"\u212a.example":    "\u212a.example.", // not k.example.
		"\xff.Example":      "\xff.example.",
	} {
		if got := CanonicalName(in); got != want {
			t.Errorf("CanonicalName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestInZone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone string
		want       bool
	}{
		{"example.com.", "example.com.", true},
		{"_acme-challenge.example.com.", "example.com.", true},
		{"_ACME-Challenge.Example.COM", "example.com", true},
		{"_acme-challenge.example.com", "EXAMPLE.com.", true},
		{"notexample.com.", "example.com.", false},
		{"_acme-challenge.notexample.com.", "example.com.", false},
		{"example.com.evil.example.", "example.com.", false},
		{"com.", "example.com.", false},
		{"example.com.", "sub.example.com.", false},
		{"_acme-challengeXexample.com.", "_acme-challenge.example.com.", false}, // a dot is not "any character"
		{"examplexcom.", "example.com.", false},
		{"anything.at.all.", ".", true},
	} {
		if got := InZone(test.name, test.zone); got != test.want {
			t.Errorf("InZone(%q, %q) = %t", test.name, test.zone, got)
		}
	}
}

// TestLongestZone has the mistakes of other clients (conoha-api.md §5): last two labels, shortest match, first match, exact
// match only, no label boundary, case, order.
func TestLongestZone(t *testing.T) {
	t.Parallel()
	zones := []string{
		"example.com.", "sub.example.com.", "Deep.Sub.Example.COM", "example.co.jp", "other.co.jp.", "hyphen-ated.example.",
		"xn--r8jz45g.jp.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "le.com.", ".", "_acme-challenge.own.example.",
	}
	for name, want := range map[string]string{
		"_acme-challenge.example.com.":            "example.com.",
		"_acme-challenge.www.example.com.":        "example.com.",
		"_acme-challenge.sub.example.com.":        "sub.example.com.",
		"_acme-challenge.x.sub.example.com.":      "sub.example.com.",
		"_acme-challenge.deep.sub.example.com.":   "deep.sub.example.com.",
		"_ACME-CHALLENGE.DEEP.SUB.EXAMPLE.COM":    "deep.sub.example.com.",
		"_acme-challenge.notsub.example.com.":     "example.com.",
		"_acme-challenge.notexample.com.":         "",
		"_acme-challenge.example.com.evil.test.":  "",
		"_acme-challenge.example.co.jp.":          "example.co.jp.",
		"_acme-challenge.www.example.co.jp.":      "example.co.jp.",
		"_acme-challenge.third.co.jp.":            "",
		"_acme-challenge.co.jp.":                  "",
		"_acme-challenge.a.hyphen-ated.example.":  "hyphen-ated.example.",
		"_acme-challenge.ated.example.":           "",
		"_acme-challenge.xn--r8jz45g.jp.":         "xn--r8jz45g.jp.",
		"_acme-challenge.1.2.0.192.in-addr.arpa.": "2.0.192.in-addr.arpa.",
		"_acme-challenge.example.arpa.":           "",
		"_acme-challenge.own.example.":            "_acme-challenge.own.example.",
		"_acme-challenge.le.com.":                 "le.com.",
		"_acme-challenge.org.":                    "", // the root is no zone to write in
	} {
		for _, list := range orders(zones) {
			if got := LongestZone(name, list); got != want {
				t.Errorf("LongestZone(%q, %q) = %q, want %q", name, list, got, want)
			}
		}
	}
	if got := LongestZone("_acme-challenge.example.com.", nil); got != "" {
		t.Errorf("without zones, got %q", got)
	}
}

// orders returns list in every rotation, forwards and backwards.
func orders(list []string) [][]string {
	var all [][]string
	for i := range list {
		rotated := slices.Concat(list[i:], list[:i])
		backwards := slices.Clone(rotated)
		slices.Reverse(backwards)
		all = append(all, rotated, backwards)
	}
	return all
}

func FuzzLongestZone(f *testing.F) {
	f.Add("_acme-challenge.www.example.com.", "example.com. com. www.example.com. notexample.com.")
	f.Add("a.EXAMPLE.co.jp", "co.jp Example.CO.JP .")
	f.Fuzz(func(t *testing.T, name, list string) {
		zones := strings.Fields(list)
		got := LongestZone(name, zones)
		backwards := slices.Clone(zones)
		slices.Reverse(backwards)
		if other := LongestZone(name, backwards); other != got {
			t.Errorf("%q or %q, depending on the order", got, other)
		}
		for _, zone := range zones {
			zone = CanonicalName(zone)
			if zone != "." && InZone(name, zone) && len(zone) > len(got) {
				t.Errorf("got %q, but %q is longer", got, zone)
			}
		}
		if got != "" && (!InZone(name, got) || !slices.ContainsFunc(zones, func(z string) bool { return CanonicalName(z) == got })) {
			t.Errorf("got %q, which is not listed or does not hold the name", got)
		}
	})
}

// The name of the draft's example (draft-ietf-acme-dns-account-label-02 §3.2).
func TestAccountChallengeName(t *testing.T) {
	t.Parallel()
	const account = "https://example.com/acme/acct/ExampleAccount"
	if got := AccountChallengeName(account, "www.example.org"); got != "_ujmmovf2vn55tgye._acme-challenge.www.example.org." {
		t.Error(got)
	}
}
