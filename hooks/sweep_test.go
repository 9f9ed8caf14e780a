//go:build failpoint

package hooks_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/system/failpoint/sweep"
	"wildcard/internal/testkit/zonetest"
)

// Faults #109, #119, #121, #125, #139, #141 for the auth hook, with a certbot that ends without calling the cleanup hook: the
// next start of a hook, for another name, leaves no record.
func TestSweepAuth(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard-auth-hook", Least: 60, Every: map[sweep.Action]int{sweep.Kill: 1, sweep.Term: 3, sweep.ENOSPC: 3, sweep.EIO: 3}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t, conohatest.Options{})
		code := w.struck(p, "auth", call{domain: "example.com", value: value(1)})
		if left := w.txt(); code != 0 && p.Action != sweep.Kill && len(left) > 0 {
			t.Errorf("left by a hook that failed and was not killed: %q", left)
		}
		w.afterwards()
	})
}

// The same for the cleanup hook.
func TestSweepCleanUp(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard-cleanup-hook", Least: 20, Every: map[sweep.Action]int{sweep.Kill: 1, sweep.Term: 3, sweep.ENOSPC: 3, sweep.EIO: 3}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t, conohatest.Options{})
		w.struck(p, "cleanup", call{domain: "example.com", value: value(1)})
		w.afterwards()
	})
}

// The auth hook with a name server that takes signed updates, at the points that ConoHa does not have.
func TestSweepAuthUpdates(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard-auth-hook with rfc2136", Of: []string{"primary"}, Least: 6,
		Every: map[sweep.Action]int{sweep.Kill: 2, sweep.Term: 4, sweep.ENOSPC: 4, sweep.EIO: 4}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		server, err := zonetest.Start(t.TempDir(), "example.edu")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		w := newWorld(t, conohatest.Options{})
		w.environ = append(w.environ, append(server.Environ(), "WILDCARD_PROVIDER=conoha example.edu=rfc2136")...)
		for i, entry := range w.environ {
			if strings.HasPrefix(entry, "WILDCARD_NAMESERVERS=") {
				w.environ[i] += "," + server.Address()
			}
		}
		code := w.struck(p, "auth", call{domain: "example.edu", value: value(1)})
		if left := server.All(); code != 0 && p.Action != sweep.Kill && len(left) > 0 {
			t.Errorf("left by a hook that failed and was not killed: %q", left)
		}
		w.afterwards()
		if left := server.All(); len(left) > 0 || len(server.Violations()) > 0 {
			t.Errorf("left: %q, %q", left, server.Violations())
		}
	})
}

// struck runs a hook to which something happens, below a certbot that has called the auth hook before a cleanup hook, and that
// then ends. It judges how the hook ends and what it says.
func (w *world) struck(p sweep.Point, kind string, c call) (code int) {
	w.t.Helper()
	status := filepath.Join(w.dir, "status")
	certbot := w.certbot(kind, c)
	start := func(kind string, environ ...string) string {
		return "env '" + strings.Join(append(environ, "WILDCARD_TEST_PROGRAM="+kind), "' '") + "' " + strings.TrimSuffix(certbot.Args[2], "; exit $?")
	}
	script := start(kind, p.Environ()...) + "; echo $? >" + status
	if kind == "cleanup" {
		script = start("auth") + " && " + script
	}
	certbot.Args[2] = script
	var said bytes.Buffer
	certbot.Stdout, certbot.Stderr = &said, &said
	if err := certbot.Run(); err != nil {
		w.t.Fatalf("%v: %s", err, said.Bytes())
	}
	text, err := os.ReadFile(status)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := strings.TrimSpace(string(text))
	codes := []string{"0"}
	switch {
	case !p.Reached():
	case p.Action == sweep.Kill:
		codes = []string{"137"}
	case p.Action == sweep.Term:
		codes = []string{"0", "143"}
	default:
		codes = []string{"0", "1", "75", "78"}
	}
	if !slices.Contains(codes, ended) {
		w.t.Errorf("exit status %s", ended)
	}
	secrets := []string{"canary", "em9uZXRlc3Q"} // what is in passwords, and in zonetest's key
	for _, r := range w.conoha.Log() {
		if token := r.Header.Get("X-Auth-Token"); token != "" {
			secrets = append(secrets, token)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(said.String(), secret) {
			w.t.Errorf("%q was printed", secret)
		}
	}
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("exit status %s: %s", ended, said.Bytes())
		}
	})
	if ended == "0" {
		return 0
	}
	return 1
}

// afterwards fails the test if the journal cannot be read, or if the next start of a hook leaves anything.
func (w *world) afterwards() {
	w.t.Helper()
	if dir := filepath.Join(w.dir, "state", "journal"); len(w.journal()) > 0 {
		j, err := journal.Open(dir, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, damaged, err := j.Entries(); err != nil || len(damaged) > 0 {
			w.t.Errorf("the journal: %v %v", damaged, err)
		}
	}
	c := call{domain: "example.co.jp", value: value(2)}
	c.output = w.must("auth", c)
	if left := w.txt(); !slices.Equal(left, []string{value(2)}) {
		w.t.Errorf("left after the next start: %q", left)
	}
	w.must("cleanup", c)
	if left := w.txt(); len(left) > 0 {
		w.t.Errorf("left: %q", left)
	}
	if left := slices.DeleteFunc(w.journal(), func(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }); len(left) > 0 {
		w.t.Errorf("left in the journal: %q", left)
	}
}
