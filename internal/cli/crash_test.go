package cli

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/secretscan"
)

// Fault #151: a run that crashes, of itself or by a signal, leaves no core file, and the stacks that it prints have no secret.
func TestCrash_NoSecrets(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("wildcard")
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			secrets := secretscan.Secrets{}
			w.credentialsInFile(t, secrets)
			w.issue("*.example.com")
			hanging := w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: conohatest.Request.Create}, Hang: true})
			crash := secretscan.NewCrash(t, w.environ, program, "renew", "--force", "--cert-name", "example.com", "--vv", "--plain")
			if err := crash.Cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the record is asked for", func() bool { return hanging.Hits() > 0 })
			stderr, kept := crash.Signal(t, signal)
			if kept != "" {
				t.Error(kept)
			}
			if !bytes.Contains(stderr, []byte("goroutine 1 ")) {
				t.Errorf("no stacks: %s", stderr)
			}
			w.keys(t, secrets)
			w.tokens(secrets)
			for _, what := range []string{"password", "token 1", "account key", "certificate key 1"} {
				if secrets[what] == "" {
					t.Errorf("no %s to look for", what)
				}
			}
			secrets.Search(t, "what it printed", stderr)
			w.conoha.ClearFaults()
			w.run("renew", "--force", "--cert-name", "example.com").exits(0)
			w.nothingLeft()
		})
	}
}
