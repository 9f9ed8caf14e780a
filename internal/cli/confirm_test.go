package cli

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

// A person who has not answered yet keeps no other run waiting: the order lock is not held meanwhile.
func TestConfirm_NoAnswer(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"release", "delete", "revoke"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com")
			screen, program := pseudoTerminal(t)
			asked := w.command(command, "example.com")
			asked.Stdin, asked.Stderr = program, program
			if err := asked.Start(); err != nil {
				t.Fatal(err)
			}
			question := bufio.NewReader(screen)
			if _, err := question.ReadString(']'); err != nil { // [y/N]
				t.Fatal(err)
			}
			w.run("renew", "--force", "--no-jitter", "--cert-name", "example.com").exits(0)
			if _, err := screen.WriteString("n\n"); err != nil {
				t.Fatal(err)
			}
			asked.end().exits(1)
			w.orders(2)
		})
	}
}

// What takes something away is not done where no one was asked: a pipe's "n" or "y" is no answer, nor is --json. --yes is one.
func TestConfirm_NotATerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.issue("*.example.net")
	w.run("release", "--yes", "example.net").exits(0)
	for _, command := range [][]string{
		{"delete", "example.com"}, {"revoke", "example.com"}, {"revoke", "--delete", "example.com"}, {"release", "example.com"},
		{"adopt", "example.net"}, {"account", "deactivate"},
		{"issue", "--cert-name", "example.com", "www.example.com"}, {"issue", "--force", "example.com"},
	} {
		before := w.tree(w.config())
		unanswered := func(what string, end said) {
			t.Helper()
			if end.exits(2, "confirm", "--yes"); !maps.Equal(w.tree(w.config()), before) {
				t.Fatalf("%q, %s: something was changed", command, what)
			}
		}
		unanswered("standard input is /dev/null", w.run(command...))
		for _, text := range []string{"n\n", "y\n", "yes\n"} {
			path := filepath.Join(t.TempDir(), "answers")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			unanswered("answers in a file", w.runFrom(path, command...))
		}
		unanswered("--json", w.run(append(command, "--json")...))

		_, program := pseudoTerminal(t)
		asked := w.command(command...)
		asked.Stdin = program
		unanswered("standard error is a file", begun(asked))
		asked = w.command(command...)
		asked.Stderr = program
		if end := begun(asked); end.code != 2 || !maps.Equal(w.tree(w.config()), before) {
			t.Fatalf("%q, standard input is no terminal: exit status %d", command, end.code)
		}
		asked = w.command(append(command, "--json")...)
		asked.Stdin, asked.Stderr = program, program
		unanswered("--json at a terminal", begun(asked))
	}
	w.orders(2)
	if n := w.ca.Count(acmetest.RevokeCert); n != 0 {
		t.Errorf("%d revocations", n)
	}
	for _, command := range [][]string{
		{"revoke", "--yes", "example.com"}, {"release", "-y", "example.com"}, {"adopt", "--json", "--yes", "example.com"},
		{"delete", "example.com", "--yes"}, {"account", "deactivate", "--yes"},
	} {
		w.run(command...).exits(0)
	}
}

// begun runs a command to its end.
func begun(c *child) said {
	c.t.Helper()
	if err := c.Start(); err != nil {
		c.t.Fatal(err)
	}
	return c.end()
}

// Names that a certificate has are not taken off it unasked, whichever way the command line leaves them out. Nothing is ordered.
func TestIssue_FewerNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, shown []string }{
		"one of two": {
			[]string{"--cert-name", "two", "a.example.com", "b.example.com"}, []string{"--cert-name", "two", "a.example.com"},
			[]string{"  - b.example.com\n", "two would lose b.example.com"},
		},
		"wildcard, without --cert-name": {
			[]string{"*.example.com", "example.com"}, []string{"example.com"}, []string{"  - *.example.com\n"},
		},
		"apex, by force and as JSON": {
			[]string{"example.com", "*.example.com"}, []string{"--force", "--json", "*.example.com"}, []string{"  - example.com\n"},
		},
		"others in their place": {
			[]string{"--cert-name", "two", "a.example.com", "*.b.example.com"},
			[]string{"--cert-name", "two", "a.example.net", "b.example.com"},
			[]string{"  - a.example.com\n", "  - *.b.example.com\n", "  + a.example.net\n", "  + b.example.com\n"},
		},
		"more labels than the wildcard covers": {
			[]string{"--cert-name", "two", "a.b.example.com"}, []string{"--cert-name", "two", "*.example.com"},
			[]string{"  - a.b.example.com\n", "  + *.example.com\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue(c.before...)
			before, asked := w.tree(w.config()), w.ca.Count(acmetest.NewOrder)
			got := w.run(append([]string{"issue"}, c.after...)...).exits(2, append(c.shown, "[confirm]", "--yes")...)
			if strings.Contains(got.stdout, "  - ") || !maps.Equal(w.tree(w.config()), before) {
				t.Errorf("on standard output, or something was changed:\n%s", got.stdout)
			}
			if n := w.ca.Count(acmetest.NewOrder); n != asked {
				t.Errorf("%d orders before the question", n-asked)
			}
			w.run(append([]string{"plan"}, c.after...)...).exits(0, "issue asks before it does that")
			w.run(append([]string{"issue", "--dry-run"}, slices.DeleteFunc(slices.Clone(c.after), func(s string) bool { return s == "--force" })...)...).exits(0)
			w.run(append([]string{"issue", "--yes"}, c.after...)...).exits(0)
			if now := w.ca.Count(acmetest.NewOrder); now <= asked {
				t.Error("nothing was ordered although --yes was given")
			}
		})
	}
}

// What keeps all names, adds some, covers one by a wildcard, or goes to another certificate takes nothing away.
func TestIssue_NoFewerNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("a.example.com")
	for _, args := range [][]string{
		{"--cert-name", "a.example.com", "a.example.com", "example.com"},
		{"--cert-name", "a.example.com", "*.example.com", "example.com"},
		{"example.com", "*.example.com"},
		{"--cert-name", "another", "example.com"},
	} {
		if got := w.run(append([]string{"issue"}, args...)...).exits(0); strings.Contains(got.stderr, "names of the certificate") {
			t.Errorf("%q: %s", args, got.stderr)
		}
	}
}
