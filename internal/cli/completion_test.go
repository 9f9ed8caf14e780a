package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// complete is what may stand in the place of the last word.
func (w *world) complete(words ...string) []string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "words")
	if err := os.WriteFile(path, []byte(strings.Join(words, "\n")+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	got := w.runFrom(path, "completion", "words").exits(0)
	if got.stderr != "" {
		w.t.Errorf("%q: %s", words, got.stderr)
	}
	var found []string
	for line := range strings.Lines(got.stdout) {
		text, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		found = append(found, text)
	}
	return found
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.issue("*.example.net")
	for words, want := range map[string]string{
		"re":                              "renew revoke release",
		"completion ":                     "bash zsh fish",
		"account reg":                     "register",
		"show ":                           "example.com example.net",
		"show example.n":                  "example.net",
		"show example.net ":               "",
		"show --json example.n":           "example.net",
		"adopt ":                          "",
		"release ":                        "example.com example.net",
		"issue ":                          "",
		"renew --cert-name ":              "example.com example.net",
		"renew --cert-name=example.c":     "--cert-name=example.com",
		"renew --dep":                     "--deploy",
		"renew --deploy ":                 "now later only",
		"renew --deploy=o":                "--deploy=only",
		"issue --key-type rsa-":           "rsa-2048 rsa-3072 rsa-4096",
		"issue --server google":           "google google-staging",
		"issue --provider rf":             "rfc2136",
		"issue --provider example.org=rf": "example.org=rfc2136",
		"issue --env-file ":               ":files",
		"issue --env-file=/etc":           ":files",
		"issue --config-dir ":             ":dirs",
		"issue --agree-tos --emai":        "--email",
		"issue --no-such-flag ":           "",
		"nonsense ":                       "issue renew",
		"show --config-dir /nonexistent ": "",
		"--config-dir /nonexistent show ": "",
		"--json show example.n":           "example.net",
		"--config-dir ":                   ":dirs",
		"providers con":                   "conoha",
		"--vers":                          "--version",
	} {
		got := w.complete(strings.Split(words, " ")...)
		if words == "nonsense " {
			got = got[:2]
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
	// Each option of each command is there, and has a meaning.
	for _, command := range []string{"issue", "renew", "list", "clean"} {
		if got := w.complete(command, "--"); !slices.Contains(got, "--config-dir") || !slices.Contains(got, "--help") {
			t.Errorf("%s: %q", command, got)
		}
	}
	if got := w.run("completion", "words").exits(0); got.stdout != "" {
		t.Errorf("nothing is completed to %q", got.stdout)
	}
}

// The pages have every command and every option that --help shows.
func TestManual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.run("manual").exits(2, "folder")
	w.run("manual", filepath.Join(dir, "none")).exits(1, "output.unwritable")
	w.run("manual", dir).exits(0)
	top := w.read(filepath.Join(dir, "wildcard.1"))
	commands := 0
	for line := range strings.Lines(w.run("--help").stdout) {
		name, _, described := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.HasPrefix(line, "  ") || !described || strings.HasPrefix(name, "-") {
			continue
		}
		commands++
		if !strings.Contains(top, "\n\\fB"+name+"\\fR\n") {
			t.Errorf("wildcard.1 lacks %s", name)
		}
		page := strings.ReplaceAll(w.read(filepath.Join(dir, "wildcard-"+name+".1")), `\-`, "-")
		for option := range strings.FieldsSeq(w.run(name, "--help").stdout) {
			if flag := strings.TrimRight(option, ","); strings.HasPrefix(flag, "--") && flag != "--help" && !strings.Contains(page, flag) {
				t.Errorf("wildcard-%s.1 lacks %s", name, flag)
			}
		}
	}
	if commands < 12 {
		t.Errorf("%d commands:\n%s", commands, w.run("--help").stdout)
	}
}
