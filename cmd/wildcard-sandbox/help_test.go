package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/messages"
)

// said runs a command line that ends at once, and returns what it prints.
func said(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var files []*os.File
	for _, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	p := program{stdout: files[0], stderr: files[1]}
	status = p.main(append([]string{"wildcard-sandbox"}, args...))
	var texts []string
	for _, f := range files {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return status, texts[0], texts[1]
}

func TestHelpFits(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "ja"} {
		for _, command := range []string{"", "demo", "serve", "run"} {
			status, text, stderr := said(t, append(strings.Fields(command), "--help", "--lang", language)...)
			if status != 0 || stderr != "" {
				t.Errorf("%s: exit status %d, %q", command, status, stderr)
			}
			if n := strings.Count(text, "\n"); n > 24 {
				t.Errorf("%d lines:\n%s", n, text)
			}
			_, examples, _ := strings.Cut(text, "\n\n")
			if examples, _, _ = strings.Cut(examples, "\n\n"); strings.Count(examples, "\n") < 1 {
				t.Errorf("not two examples:\n%s", text)
			}
			for line := range strings.Lines(text) {
				if cells := messages.Width(strings.TrimSuffix(line, "\n")); cells > 80 {
					t.Errorf("%d cells: %s", cells, line)
				}
			}
			if strings.ContainsAny(text, "のをにはします") != (language == "ja") {
				t.Errorf("not in %s:\n%s", language, text)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dmeo":                  `no command "dmeo": did you mean demo?`,
		"frobnicate":            `no command "frobnicate"`,
		"serve --dely 1s":       "no option --dely: did you mean --delay?",
		"serve --x":             "no option --x",
		"--lang ja dmeo":        "もしかして: demo",
		"serve --dely 1 --lang": "did you mean --delay?",
		"demo --lang fr":        "the languages are en and ja",
	} {
		if status, _, stderr := said(t, strings.Fields(line)...); status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d, %s", line, status, stderr)
		}
	}
}
