package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"wildcard/internal/messages"
)

// The help of every command fits a screen of 24 lines and 80 columns, in each language, and has two examples.
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
			if n := strings.Count(got.stdout, "\n"); n > 24 {
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

// Help is the same however it is asked for.
func TestHelpIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := w.run("help", "account", "show").exits(0, "usage: wildcard account show").stdout
	for _, words := range [][]string{{"account", "show", "-h"}, {"account", "show", "--help"}, {"account", "show", "x", "--json", "--help"}} {
		if got := w.run(words...).exits(0).stdout; got != want {
			t.Errorf("%v: %s", words, got)
		}
	}
	if got := w.run("help").exits(0).stdout; got != w.run("--help").exits(0).stdout {
		t.Errorf("help alone: %s", got)
	}
	w.run("help", "dns").exits(0, "--nameserver IP[:PORT],...", "WILDCARD_NAMESERVERS")
	w.run("help", "isue").exits(2, "did you mean issue?")
	w.run("help", "account", "shwo").exits(2, "did you mean account show?")
	w.run("help", "cpmmon").exits(2, "did you mean common?")
}

// Mistyped commands and options are told apart from nonsense, in the language that was asked for, wherever --lang stands.
func TestMistakesAreUnderstood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for line, text := range map[string]string{
		"isue *.example.com":          `no command "isue": did you mean issue?`,
		"acount show":                 "did you mean account?",
		"account registr":             `no command "account registr": did you mean account register?`,
		"frobnicate":                  `no command "frobnicate" [usage]`,
		"renew --dryrun":              `wildcard renew has no option "--dryrun": did you mean --dry-run?`,
		"renew --frobnicate":          `wildcard renew has no option "--frobnicate" [usage]`,
		"account show --sever=x":      `wildcard account show has no option "--sever": did you mean --server?`,
		"--jsn list":                  `wildcard has no option "--jsn" [usage]`,
		"issue x.example.com --email": "--email wants a value",
		"list --lang":                 "--lang wants a value",
		"list --lang fr":              `--lang "fr": the languages are en and ja`,
		"--lang ja isue":              "もしかして: issue",
		"isue --lang ja":              "もしかして: issue",
		"renew --dryrun --lang=ja":    "もしかして: --dry-run",
		"show --lang ja":              "証明書の名前を 1 つ指定してください",
		"renew x --lang ja":           "名前は指定できません",
	} {
		got := w.run(strings.Fields(line)...).exits(2, text, "[usage]")
		if strings.Contains(line, "--lang ja") != strings.Contains(got.stderr, "原因: ") && !strings.Contains(line, "--lang=") {
			t.Errorf("%s: in two languages, or the wrong one:\n%s", line, got.stderr)
		}
	}
	w.run("renew", "--dryrun").exits(2, "wildcard renew --help")
	answer := answerOf[struct{ Error messages.Failure }](w.run("renew", "--dryrun", "--json", "--lang", "ja").exits(2))
	if e := answer.Error; e.Code != "usage" || !strings.Contains(e.Message, "もしかして") || e.Cause == "" || e.Next != "wildcard renew --help" {
		t.Errorf("%+v", e)
	}
}

// The locale decides, and what failed is explained in its language below a line that is the same in both.
func TestFailuresAreExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	english := w.run("show", "example.net").exits(2, "[lineage.not-found]", "cause: There is no certificate", "next:  wildcard list")
	w.environ = append(w.environ, "LC_ALL=ja_JP.UTF-8")
	japanese := w.run("show", "example.net").exits(2, "[lineage.not-found]", "原因: ", "対処: wildcard list")
	first := func(text string) string { line, _, _ := strings.Cut(text, "\n"); return line }
	if first(english.stderr) != first(japanese.stderr) {
		t.Errorf("%s\n%s", first(english.stderr), first(japanese.stderr))
	}
	if strings.Count(japanese.stderr, "\n") != 3 {
		t.Errorf("not three lines:\n%s", japanese.stderr)
	}
	w.run("list").exits(0, "に証明書はありません。取得: wildcard issue")
	w.run("--lang", "en", "list").exits(0, "There is no certificate in")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("explain", "zone.not-found").exits(0, "cause: ", "next:  wildcard plan NAME", "exit status: 78 (configuration)")
	w.run("explain", "[zone.not-found]", "--lang", "ja").exits(0, "原因: ", "対処: ", "終了コード: 78 (設定)")
	w.run("explain", "zone.notfound").exits(2, "did you mean zone.not-found?")
	w.run("explain", "x").exits(2, "wildcard explain lists them")
	w.run("explain", "a", "b").exits(2, "one code")
	for _, language := range []string{"en", "ja"} {
		list := w.run("explain", "--lang", language).exits(0).stdout
		for _, code := range messages.Codes() {
			if !strings.Contains(list, "\n"+code+" ") {
				t.Errorf("%s is not in the list", code)
			}
		}
	}
	one := answerOf[codeLine](w.run("explain", "--json", "dns.not-published").exits(0))
	if one.Code != "dns.not-published" || one.Exits[0] != 75 || one.Class[0] != "try again later" || one.Cause == "" || one.Next == "" {
		t.Errorf("%+v", one)
	}
	all := answerOf[struct{ Codes []codeLine }](w.run("explain", "--json", "--lang", "ja").exits(0))
	if len(all.Codes) != len(allCodes()) {
		t.Errorf("%d codes", len(all.Codes))
	}
	// What is to be tried next can be typed as it is.
	commands := (&program{}).app().Commands
	next := regexp.MustCompile(`\bwildcard ([a-z]+)`)
	for _, code := range messages.Codes() {
		for _, language := range []messages.Language{messages.English, messages.Japanese} {
			e, _ := language.Explain(code)
			for _, match := range next.FindAllStringSubmatch(e.Next, -1) {
				if find(commands, match[1]) == nil {
					t.Errorf("%s: no command %q: %s", code, match[1], e.Next)
				}
			}
		}
	}
}
