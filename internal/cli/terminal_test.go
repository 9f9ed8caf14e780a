package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/messages"
)

// seenOn runs a command with one of its outputs, or both, on a terminal of so many columns, and returns what gets there.
func (w *world) seenOn(columns int, both bool, environ []string, args ...string) string {
	w.t.Helper()
	screen, program := pseudoTerminal(w.t)
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: 24}); err != nil {
		w.t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		all, _ := io.ReadAll(screen) // which ends with EIO when no program has the terminal any more
		seen <- string(all)
	}()
	var stderr *os.File
	if both {
		stderr = program
	}
	before := w.environ
	w.environ = slices.Concat(before, environ)
	end := w.begin(program, stderr, args...).end()
	w.environ = before
	program.Close()
	text := strings.ReplaceAll(<-seen, "\r\n", "\n")
	if end.code != 0 {
		w.t.Fatalf("%q: exit status %d\n%s%s", args, end.code, text, end.stderr)
	}
	return text
}

// TestLocale_ASCII: report N4. Where the locale is not UTF-8, whatever it is called, ASCII alone gets to either output, on a terminal
// and elsewhere, and a JSON document says the same; where it is, or where Japanese is asked for by name, letters are as they are.
func TestLocale_ASCII(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("adopt", "nothing…here").exits(2)
	for i, locale := range []string{"LC_ALL=C", "LANG=en_US.ISO-8859-1", "LC_CTYPE=POSIX", "LANG=ja_JP.eucJP", ""} {
		text := w.seenOn(80, true, []string{locale, "NO_COLOR=1"}, "issue", "--agree-tos", fmt.Sprintf("n%d.example.com", i), "*.example.net")
		if messages.ASCII(text) != text || !strings.Contains(text, "  + ") {
			t.Errorf("%s: issue shows\n%s", locale, text)
		}
	}
	for _, args := range [][]string{{}, {"--lang", "ja"}} {
		seen := w.seenOn(80, true, []string{"LC_ALL=C.UTF-8"}, append([]string{"issue", "--force", "www.example.com"}, args...)...)
		if !strings.Contains(seen, "✓") {
			t.Errorf("in UTF-8 issue shows\n%s", seen)
		}
	}
	const hook = "echo 更新 ✓ 🔒; echo … >&2"
	before := w.environ
	w.environ = append(slices.Clone(before), "LC_ALL=C")
	for _, args := range [][]string{
		{"--help"}, {"help", "dns"}, {"help", "ca"}, {"renew", "--help"}, {"list"}, {"show", "n0.example.com"}, {"plan", "example.com", "…example.com"},
		{"providers"}, {"providers", "conoha"}, {"providers", "rfc2136"}, {"explain"}, {"explain", "dns.no-answer"}, {"doctor", "n0.example.com"},
		{"issue", "--resolver", "日本", "example.com"}, {"issue", "192.0.2.1"}, {"issue", "--deploy-hook", hook, "--force", "www.example.com"},
		{"systemd", "status"}, {"completion", "bash"}, {"clean", "--dry-run"}, {"renew", "--notify", "…"}, {"-vv", "plan", "example.com"},
	} {
		for _, more := range [][]string{nil, {"--json"}} {
			said := w.run(append(slices.Clone(args), more...)...)
			if text := said.stdout + said.stderr; messages.ASCII(text) != text {
				t.Errorf("%q says\n%s", args, text)
			}
		}
	}
	said := w.run("show", "--json", "www.example.com").exits(0)
	if hooks := answerOf[showAnswer](said).DeployHooks; messages.ASCII(said.stdout) != said.stdout || hooks[0] != hook {
		t.Errorf("%q in\n%s", hooks, said.stdout)
	}
	if text := w.run("list", "--lang", "ja").exits(0).stdout; !strings.Contains(text, "証明書") {
		t.Errorf("Japanese that was asked for is\n%s", text)
	}
	w.environ = before
}

// TestList_Terminal: report N6. On a terminal no line of a list is wider than that, in either language; piped it is whole.
func TestList_Terminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{"issue", "--agree-tos"}
	for i := range 18 {
		names = append(names, fmt.Sprintf("n%d.example.com", i+1))
	}
	w.run(names...).exits(0)
	w.run("issue", "--cert-name", strings.Repeat("long-", 12)+"name", "example.net").exits(0)
	if err := os.Remove(w.config("live", "n1.example.com", "chain.pem")); err != nil { // a problem is told below the table
		t.Fatal(err)
	}
	for _, language := range []string{"en", "ja"} {
		for _, columns := range []int{40, 80, 132} {
			for _, args := range [][]string{{"list"}, {"providers"}, {"providers", "conoha"}} {
				text := w.seenOn(columns, false, []string{"LANG=C.UTF-8"}, append(args, "--lang", language)...)
				if args[0] != "list" && columns < 80 {
					continue // what is typed stands there whole
				}
				for line := range strings.SplitSeq(text, "\n") {
					if messages.Width(line) > columns && strings.Contains(strings.TrimSpace(line), " ") { // a path stays whole
						t.Errorf("%q: %d cells of %d: %s", args, messages.Width(line), columns, line)
					}
				}
				if want := "n1.example.com +17"; args[0] == "list" && columns >= 80 && !strings.Contains(text, want) {
					t.Errorf("%d columns: not %q:\n%s", columns, want, text)
				}
			}
		}
	}
	for _, said := range []said{w.run("list"), w.run("list", "--json"), w.run("show", "n1.example.com")} {
		if !strings.Contains(said.exits(0).stdout, "n18.example.com") {
			t.Errorf("not whole:\n%s", said.stdout)
		}
	}
}
