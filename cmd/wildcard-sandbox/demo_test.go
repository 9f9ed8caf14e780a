package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sizeOf is how many bytes the files of a folder have.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		size += info.Size()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return size
}

// The demo, from a checkout, leaves a certificate that holds, says where, and leaves nothing in the zone.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("wildcard-sandbox", "demo", "--dir", dir, "--delay", "50ms,100ms", "--zone", "example.co.jp")
	cmd.Env = append(os.Environ(), "LC_ALL=C") // the texts below are English
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../..", &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	for _, want := range []string{
		"\n1. ", "\n2. $ wildcard issue --agree-tos '*.example.co.jp' example.co.jp\n", "\nCertificate for *.example.co.jp example.co.jp\n",
		"   https://anything.example.co.jp", " verified, issued by Pebble Intermediate CA ",
		"nothing is left in the zone\n", "   -rw-------  " + dir + "/etc/letsencrypt/live/example.co.jp/privkey.pem\n",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("standard output lacks %q:\n%s", want, &stdout)
		}
	}
	if want := "wildcard-sandbox: folder kept: " + dir + "\n"; !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("standard error does not end with %q:\n%s", want, &stderr)
	}
	if _, err := handshake(t.Context(), filepath.Join(dir, "etc/letsencrypt/live/example.co.jp"), filepath.Join(dir, "issuer.pem"), "a.b.example.co.jp"); err == nil {
		t.Error("a name that is not covered was verified")
	}
	if size := sizeOf(t, dir); size > 1<<20 { // report N30: not the programs that were built
		t.Errorf("%d bytes are left", size)
	}
	if _, err := os.Stat(filepath.Join(dir, "state", "pending", "example.co.jp.json")); err == nil {
		t.Error("an order under way is left")
	}
}

// What the README shows is what the demo says, but for figures and the folder.
func TestDemo_AsInREADME(t *testing.T) {
	t.Parallel()
	figures := regexp.MustCompile(`[0-9]+`)
	for language, page := range map[string]string{"en": "README.md", "ja": "README.ja.md"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../../" + page)
			if err != nil {
				t.Fatal(err)
			}
			_, shown, _ := strings.Cut(string(text), "```console\n$ wildcard issue --agree-tos '*.example.com' example.com\n")
			shown, _, found := strings.Cut(shown, "```")
			if !found {
				t.Fatalf("%s shows no run", page)
			}
			dir := filepath.Join(t.TempDir(), "demo")
			cmd := exec.Command("wildcard-sandbox", "demo", "--dir", dir, "--delay", "50ms,100ms", "--lang", language)
			cmd.Env, cmd.Dir = append(os.Environ(), "LC_ALL=C.UTF-8"), "../.."
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			said := figures.ReplaceAllString(strings.ReplaceAll(string(out), dir, ""), "0")
			for line := range strings.Lines(figures.ReplaceAllString(shown, "0")) {
				if !strings.Contains(said, "\n"+line) {
					t.Errorf("%s shows a line that the demo does not say: %s\n%s", page, line, out)
				}
			}
		})
	}
}
