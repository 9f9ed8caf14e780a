package secretscan

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be a program with a secret and nothing done about it.
func TestMain(m *testing.M) {
	if os.Getenv("CANARY_TEST_PROGRAM") != "" {
		fmt.Println("ready")
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// found is a test that notes what it is failed with.
type found struct {
	testing.TB
	errors []string
}

func (f *found) Helper() {}
func (f *found) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func TestSearch(t *testing.T) {
	t.Parallel()
	const secret = `can"ary & co`
	secrets := Secrets{"password": secret, "token": "elsewhere"}
	for _, text := range []string{
		secret, `{"password":"can\"ary \u0026 co"}`, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		f := &found{TB: t}
		if secrets.Search(f, "it", []byte("before "+text+" after")); len(f.errors) != 1 || !strings.HasPrefix(f.errors[0], "it has the password") {
			t.Errorf("%s: %q", text, f.errors)
		}
	}
	f := &found{TB: t}
	if secrets.Search(f, "it", []byte("can & ary")); len(f.errors) > 0 {
		t.Errorf("%q", f.errors)
	}
}

func TestSearchFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"its-own", "below/another"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("canary"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &found{TB: t}
	n := Secrets{"password": "canary"}.SearchFiles(f, dir, func(file, what string) bool { return file == "its-own" && what == "password" })
	if n != 2 || len(f.errors) != 1 || !strings.HasPrefix(f.errors[0], "below/another has the password") {
		t.Errorf("%d %q", n, f.errors)
	}
}

// A program that does nothing about it prints its stacks, and its memory is open to its user.
func TestCrash(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := NewCrash(t, append(os.Environ(), "CANARY_TEST_PROGRAM=yes"), program)
	stdout, err := c.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	stderr, kept := c.Signal(t, syscall.SIGQUIT)
	if !bytes.Contains(stderr, []byte("goroutine 1 ")) {
		t.Errorf("%s", stderr)
	}
	if kept == "" && os.Geteuid() != 0 {
		t.Error("its memory was not open")
	}
	t.Logf("as user %d: %q", os.Geteuid(), kept) // root sees nothing where the machine writes no core files
}
