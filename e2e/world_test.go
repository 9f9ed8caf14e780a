//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/pebbletest"
)

// world is a machine with certbot and our hooks, an offline ConoHa and a CA. Everything certbot writes is below dir.
type world struct {
	t       testing.TB
	conoha  *conohatest.Service
	ca      *pebbletest.CA
	dir     string
	environ []string // beside what certbot itself needs
}

// foreign is the contents of a TXT record of another client, which has to survive.
const foreign = "somebody-else"

func newWorld(t *testing.T, o conohatest.Options) *world {
	t.Helper()
	service, err := conohatest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	bin := t.TempDir()
	executable.Build(t, bin, "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook")
	return newWorldOf(t, service, service.ValidationResolver(), bin)
}

// newWorldOf is a world whose programs are there, and whose CA asks a resolver of its own.
func newWorldOf(t *testing.T, service *conohatest.Service, resolver, bin string) *world {
	t.Helper()
	return newWorldAt(t, service, pebbletest.Options{Resolver: resolver, Strict: true}, bin)
}

// newWorldAt is newWorldOf with another CA.
func newWorldAt(t *testing.T, service *conohatest.Service, o pebbletest.Options, bin string) *world {
	t.Helper()
	if _, err := exec.LookPath("certbot"); err != nil {
		t.Fatalf("the e2e ring needs certbot: %v", err)
	}
	authority, err := pebbletest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(authority.Close)
	w := &world{t: t, conoha: service, ca: authority, dir: t.TempDir()}
	if err := errors.Join(authority.WriteRoot(w.dir+"/root.pem"), os.Symlink(bin, w.dir+"/bin")); err != nil {
		t.Fatal(err)
	}
	return w
}

// use makes the hooks use these accounts.
func (w *world) use(accounts ...conohatest.Account) {
	w.environ = append(w.conoha.Environ(accounts...),
		"WILDCARD_CONFIG_DIR="+w.dir+"/etc", "WILDCARD_STATE_DIR="+w.dir+"/state", "WILDCARD_RUN_DIR="+w.dir+"/run",
		"WILDCARD_CA_CACHE=0") // Pebble asks the name servers themselves; memory_test.go has a resolver before them
}

// command is certbot with our folders and CA. Hooks are found in the PATH, as a user has them.
func (w *world) command(args ...string) *exec.Cmd { return w.commandIn(w.dir, args...) }

// commandIn is command with certbot's folders elsewhere.
func (w *world) commandIn(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("certbot", append(args, "--config-dir", dir+"/etc", "--work-dir", dir+"/work", "--logs-dir", dir+"/log", "-n")...)
	cmd.Env = append([]string{
		"PATH=" + w.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + w.dir, "LANG=C.UTF-8", "REQUESTS_CA_BUNDLE=" + w.dir + "/root.pem",
	}, w.environ...)
	return cmd
}

// certbot runs it, and fails the test unless it succeeds without a single warning.
func (w *world) certbot(args ...string) {
	w.t.Helper()
	cmd := w.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	log := w.log()
	if err != nil {
		w.t.Fatalf("certbot %s: %v\n%s\n%s", args[0], err, out.String(), log)
	}
	for _, line := range warnings(log) {
		w.t.Errorf("certbot %s warns: %s", args[0], line)
	}
}

// warnings are the lines of a log that a user should not have to read.
func warnings(log string) []string {
	return slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return !strings.Contains(line, ":WARNING:") && !strings.Contains(line, ":ERROR:")
	})
}

// log is what the last certbot logged.
func (w *world) log() string {
	text, _ := os.ReadFile(w.dir + "/log/letsencrypt.log")
	return string(text)
}

func (w *world) certonly(domains ...string) []string {
	return certonly(w.ca.DirectoryURL(), domains...)
}

func certonly(directory string, domains ...string) []string {
	args := []string{"certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "wildcard-auth-hook",
		"--manual-cleanup-hook", "wildcard-cleanup-hook", "--server", directory, "--agree-tos", "--register-unsafely-without-email"}
	for _, domain := range domains {
		args = append(args, "-d", domain)
	}
	return args
}

// clean checks that nothing of ours is left and nothing of others is missing.
func (w *world) clean(zones ...string) {
	w.t.Helper()
	for _, zone := range zones {
		kept := 0
		for _, r := range w.conoha.Records(zone) {
			if r.Type != "TXT" {
				continue
			}
			if r.Data == foreign {
				kept++
			} else {
				w.t.Errorf("left in %s: %s %s", zone, r.Name, r.Data)
			}
		}
		if kept != 1 {
			w.t.Errorf("%s: somebody else's record: there are %d", zone, kept)
		}
	}
	if left, _ := filepath.Glob(w.dir + "/state/journal/*"); len(left) > 0 {
		w.t.Errorf("left in the journal: %q", left)
	}
}

// zone adds a zone, with another client's record at its challenge name.
func (w *world) zone(a conohatest.Account, name string) {
	w.conoha.AddZone(a.Tenant, name)
	w.conoha.PutRecord(name, "_acme-challenge."+name, "TXT", foreign)
}

// eventually waits for what another process brings about.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within two minutes\n%s", what, w.log())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// txt counts the TXT records of a zone that are ours.
func (w *world) txt(zone string) int {
	n := 0
	for _, r := range w.conoha.Records(zone) {
		if r.Type == "TXT" && r.Data != foreign {
			n++
		}
	}
	return n
}

func zoneName(i int) string { return fmt.Sprintf("zone%03d.example", i) }
