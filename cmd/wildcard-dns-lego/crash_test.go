package main

import (
	"bufio"
	"bytes"
	"path/filepath"
	"syscall"
	"testing"

	"wildcard/internal/testkit/secretscan"
)

// Fault #151: what crashes with a service's credentials in its environment leaves no core file, and the stacks that it prints
// do not have them.
func TestCrash_NoSecrets(t *testing.T) {
	t.Parallel()
	secrets := secretscan.Secrets{"token": "canary-token-of-a-service"}
	program := filepath.Join(pluginDir(t), name)
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			crash := secretscan.NewCrash(t, []string{"CLOUDFLARE_DNS_API_TOKEN=" + secrets["token"]}, program)
			stdin, err := crash.Cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			stdout, err := crash.Cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := crash.Cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := stdin.Write([]byte(`{"protocol":1,"id":1,"op":"describe","service":"cloudflare"}` + "\n")); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
				t.Fatal(line, err)
			}
			stderr, kept := crash.Signal(t, signal)
			if kept != "" {
				t.Error(kept)
			}
			if !bytes.Contains(stderr, []byte("goroutine 1 ")) {
				t.Errorf("no stacks: %s", stderr)
			}
			secrets.Search(t, "what it printed", stderr)
		})
	}
}
