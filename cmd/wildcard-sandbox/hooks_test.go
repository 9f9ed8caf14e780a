package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/testkit/executable"
)

// In a checkout the hooks are built into the folder, and they reach this world's ConoHa and its name servers: the record is
// made and seen at every server, and what is not removed is named in the end.
func TestHooksFromCheckout(t *testing.T) {
	t.Parallel()
	script := `set -eu
export CERTBOT_VALIDATION=LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0 CERTBOT_REMAINING_CHALLENGES=0
export CERTBOT_DOMAIN=example.com CERTBOT_ALL_DOMAINS=example.com
command -v wildcard-auth-hook
receipt=$(wildcard-auth-hook)
CERTBOT_AUTH_OUTPUT="$receipt" wildcard-cleanup-hook
export CERTBOT_DOMAIN=www.example.net CERTBOT_ALL_DOMAINS=www.example.net
wildcard-auth-hook
`
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("wildcard-sandbox", "run", "--delay", "50ms,100ms", "--", "sh", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../..", &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	if !strings.Contains(stdout.String(), "/bin/wildcard-auth-hook\n") {
		t.Errorf("the hook is not the one in the folder:\n%s", &stdout)
	}
	for _, want := range []string{
		"wildcard-sandbox: building ",
		"wildcard-sandbox: left in DNS: 1 record that was not there before\n",
		"wildcard-sandbox:   _acme-challenge.www.example.net. TXT ",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("standard error lacks %q:\n%s", want, &stderr)
		}
	}
}

// A signal while the hooks are being built ends that, and leaves nothing.
func TestInterruptedBuild(t *testing.T) {
	t.Parallel()
	dir, temporary := t.TempDir(), t.TempDir()
	building := filepath.Join(dir, "building")
	executable.Write(t, filepath.Join(dir, "go"), "#!/bin/sh\n>"+building+"\nexec sleep 60\n")
	var stderr bytes.Buffer
	cmd := exec.Command("wildcard-sandbox", "run", "--", "true")
	cmd.Dir, cmd.Stderr = "../..", &stderr
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TMPDIR="+temporary)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, building)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, is := errors.AsType[*exec.ExitError](err); !is || exit.ExitCode() != 143 {
		t.Errorf("ended with %v, want exit status 143", err)
	}
	if !strings.HasSuffix(stderr.String(), "wildcard-sandbox: interrupted by SIGTERM\n") {
		t.Errorf("standard error:\n%s", &stderr)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// await waits until a file is there.
func await(t *testing.T, path string) {
	t.Helper()
	for range 6000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s was not there after a minute", path)
}
