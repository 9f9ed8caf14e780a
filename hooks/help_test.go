package hooks

import (
	"regexp"
	"strings"
	"testing"

	"wildcard/internal/messages"
)

func TestHelpFits(t *testing.T) {
	t.Parallel()
	apart := regexp.MustCompile(`(?m)^  -\S+ ( |[A-Z]+ )`)
	for _, language := range []messages.Language{messages.English, messages.Japanese} {
		for _, duty := range []messages.Message{authDuty(), cleanUpDuty()} {
			text := help(language, "wildcard-cleanup-hook", duty)
			if n := strings.Count(text, "\n"); n > 24 {
				t.Errorf("%d lines:\n%s", n, text)
			}
			for line := range strings.Lines(text) {
				if columns := messages.Width(strings.TrimSuffix(line, "\n")); columns > 80 {
					t.Errorf("%d cells: %s", columns, line)
				}
			}
			if n := len(apart.FindAllString(text, -1)); n != strings.Count(text, "\n  -") {
				t.Errorf("options and what they do are not apart:\n%s", text)
			}
			if strings.Count(text, "\n  certbot ") != 2 {
				t.Errorf("not two examples:\n%s", text)
			}
			if strings.Contains(text, "します") != (language == messages.Japanese) || strings.Contains(text, "default") != (language == messages.English) {
				t.Errorf("not in %s:\n%s", language, text)
			}
		}
	}
}

func TestNearestOption(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--providr conoha": "no option --providr: did you mean --provider?",
		"--envfile x":      "no option --envfile: did you mean --env-file?",
		"--frobnicate":     "no option --frobnicate",
		"--provider":       "flag needs an argument: -provider",
		"x":                `unexpected argument "x"`,
	} {
		_, err := parseOptions("hook", strings.Fields(args), nil)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestLocale_ASCII: report N4. Where the locale is not UTF-8, what a hook says is in ASCII, unless Japanese is asked for by name.
func TestLocale_ASCII(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{nil, {"LC_ALL=C", "LANG=ja_JP.UTF-8"}, {"LANG=en_US.ISO-8859-1"}, {"LANG=ja_JP.eucJP"}} {
		for _, args := range [][]string{{"--help"}, {"--resolver", "…"}, {"--provider", "日本"}, {}} {
			var out strings.Builder
			Auth(Program{Args: append([]string{"wildcard-auth-hook"}, args...), Environ: environ, Stdout: &out, Stderr: &out})
			if text := out.String(); text == "" || messages.ASCII(text) != text {
				t.Errorf("%q, %q: %q", environ, args, text)
			}
		}
	}
	var out strings.Builder
	Auth(Program{Args: []string{"wildcard-auth-hook", "--lang", "ja", "--help"}, Environ: []string{"LC_ALL=C"}, Stdout: &out, Stderr: &out})
	if !strings.Contains(out.String(), "します") {
		t.Errorf("Japanese that was asked for is %q", out.String())
	}
}
