package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"wildcard/internal/messages"
)

// The help of every command fits a screen of 24 lines and 80 columns, in each language, and has two examples. The list of all commands,
// with a line for each, may have 32 lines.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, language := range []messages.Language{messages.English, messages.Japanese} {
		var lines [][]string
		add := func(words ...string) { lines = append(lines, append(words, "--help")) }
		var all func(path []string, commands []*cli.Command)
		all = func(path []string, commands []*cli.Command) {
			add(path...)
			for _, c := range commands {
				if !c.Hidden {
					all(append(path[:len(path):len(path)], c.Name), c.Subcommands)
				}
			}
		}
		all(nil, (&program{}).app().Commands)
		for _, group := range groups() {
			lines = append(lines, []string{"help", group})
		}
		for _, words := range lines {
			got := w.run(append([]string{"--lang", string(language)}, words...)...).exits(0)
			if got.stderr != "" {
				t.Errorf("%v: %q", words, got.stderr)
			}
			if n := strings.Count(got.stdout, "\n"); n > 24 && (len(words) > 1 || n > 32) {
				t.Errorf("%s %v: %d lines\n%s", language, words, n, got.stdout)
			}
			examples := 0
			for line := range strings.Lines(got.stdout) {
				line = strings.TrimSuffix(line, "\n")
				if strings.HasPrefix(line, "  wildcard ") || strings.HasPrefix(line, "  source ") {
					examples++
				}
				if cells := messages.Width(line); cells > 80 {
					t.Errorf("%s %v: %d cells: %s", language, words, cells, line)
				}
			}
			if words[0] != "help" && examples < 2 {
				t.Errorf("%s %v: %d examples\n%s", language, words, examples, got.stdout)
			}
			if japanese := strings.ContainsAny(got.stdout, "のをにはします"); japanese != (language == messages.Japanese) {
				t.Errorf("%s %v: in another language\n%s", language, words, got.stdout)
			}
		}
	}
}

// Each code is in the list of "wildcard explain", and what is to be tried next can be typed as it is.
func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, language := range []string{"en", "ja"} {
		list := w.run("explain", "--lang", language).exits(0).stdout
		for _, code := range messages.Codes() {
			if !strings.Contains(list, "\n"+code.Name+" ") {
				t.Errorf("%s is not in the list", code.Name)
			}
		}
	}
	all := answerOf[struct{ Codes []codeLine }](w.run("explain", "--json", "--lang", "ja").exits(0))
	if len(all.Codes) != len(allCodes()) {
		t.Errorf("%d codes", len(all.Codes))
	}
	commands := (&program{}).app().Commands
	next := regexp.MustCompile(`\bwildcard ([a-z]+)`)
	for _, code := range messages.Codes() {
		for _, language := range []messages.Language{messages.English, messages.Japanese} {
			e := code.In(language)
			for _, match := range next.FindAllStringSubmatch(e.Next, -1) {
				if find(commands, match[1]) == nil {
					t.Errorf("%s: no command %q: %s", code.Name, match[1], e.Next)
				}
			}
		}
	}
}

// TestHelp_ResolverOverHTTPS: report N22. That --resolver takes the URL of a resolver over HTTPS, and that what such a one says is told
// as not verified, stands wherever the option is explained.
func TestHelp_ResolverOverHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	texts := map[string]string{
		"help dns":                  w.run("help", "dns").exits(0).stdout,
		"help dns in Japanese":      w.run("help", "dns", "--lang", "ja").exits(0).stdout,
		"wildcard-auth-hook.1":      w.read("../../packaging/man/wildcard-auth-hook.1"),
		"wildcard-cleanup-hook":     w.read("../../packaging/man/wildcard-cleanup-hook.1"),
		"docs/settings":             w.read("../../docs/settings.md"),
		"docs/settings in Japanese": w.read("../../docs/settings.ja.md"),
	}
	for name, page := range manualPages((&program{}).app()) {
		if strings.Contains(page, `\-\-resolver`) {
			texts[name+"(1)"] = page
		}
	}
	if len(texts) < 9 {
		t.Errorf("only %d texts explain --resolver", len(texts))
	}
	for name, text := range texts {
		words := strings.Join(strings.Fields(strings.ReplaceAll(text, `\-`, "-")), " ")
		i := strings.Index(words, "--resolver")
		if strings.HasPrefix(name, "docs/") {
			i = 0
		}
		if i < 0 || !strings.Contains(words[i:], "https://") || !strings.Contains(words[i:], "not verified") && !strings.Contains(words[i:], "未確認") {
			t.Errorf("%s does not say it", name)
		}
	}
}
