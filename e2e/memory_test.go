//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
)

// remembering is a world whose CA asks through a resolver that remembers.
type remembering struct {
	*world
	resolver *unbound
	most     time.Duration // for which the CA remembers
	since    *atomic.Int64 // when the last command ended
}

// newRemembering has our programs, and a zone whose records come to unbound from these servers. certbot and ours take the CA to be
// one that remembers, unlike that of the other worlds.
func newRemembering(t *testing.T, zone string, environ []string, servers ...string) *remembering {
	t.Helper()
	bin := t.TempDir()
	executable.Build(t, bin, "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook")
	resolver := startUnbound(t, zone, servers...)
	w := &remembering{newWorldOf(t, nil, resolver.address, bin), resolver, 62 * time.Second, new(atomic.Int64)}
	w.environ = append([]string{
		"WILDCARD_CONFIG_DIR=" + w.dir + "/etc", "WILDCARD_STATE_DIR=" + w.dir + "/state", "WILDCARD_RUN_DIR=" + w.dir + "/run",
		"WILDCARD_SERVER=" + w.ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + w.dir + "/root.pem",
	}, environ...)
	return w
}

// slow is what [remembering.wildcard] returns of a command that has taken so long that everything may be forgotten.
const slow = -2

// countdown is the line in which a wait for the CA's memory begins; the seconds are those that are left.
var countdown = regexp.MustCompile(`(\S+\.): waiting until the CA's resolvers have forgotten what stood there before: (\d+) s more`)

// wildcard runs our program, which has to end with a status, and returns for how many seconds it says to wait: -1 if it says
// nothing of it.
func (w *remembering) wildcard(t *testing.T, code int, args ...string) int {
	t.Helper()
	cmd := exec.Command(w.dir+"/bin/wildcard", args...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + w.dir}, w.environ...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	before := time.Unix(0, w.since.Load())
	err := cmd.Run()
	w.since.Store(time.Now().UnixNano())
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || cmd.ProcessState.ExitCode() != code {
		t.Errorf("wildcard %s: %v, want status %d\n%s", strings.Join(args, " "), err, code, &said)
	}
	m := countdown.FindStringSubmatch(said.String())
	if m == nil && time.Since(before) > w.most {
		return slow
	}
	if m == nil {
		return -1
	}
	left, err := strconv.Atoi(m[2])
	if err != nil {
		t.Error(err)
	}
	return left
}

// Real unbound before the CA, and BIND with a TTL of some seconds: whatever people do one after the other, or at once, succeeds; what
// waits says so, and for no longer than is left; what was not looked at does not.
func TestMemory_Sequences(t *testing.T) {
	const ttl, most = 8, 10
	b := startAnywhere(t, "127.0.0.1", "example.com", "other")
	environ := []string{"WILDCARD_PROVIDER=example.com=rfc2136", fmt.Sprint("RFC2136_TTL=", ttl), "WILDCARD_NAMESERVERS=" + b.address}
	for _, line := range b.environ() { // as it stands in a file
		environ = append(environ, strings.ReplaceAll(line, "'", ""))
	}
	w := newRemembering(t, "example.com", environ, b.address)
	w.most = most * time.Second
	w.wildcard(t, 0, "account", "register", "--agree-tos")
	forgets := func(t *testing.T, left int) {
		t.Helper()
		if left != slow && (left < 1 || left > most) {
			t.Errorf("says that %d s are left, want 1 to %d", left, most)
		}
	}
	atOnce := func(t *testing.T, left int) {
		t.Helper()
		if left >= 0 {
			t.Errorf("waits %d s for a name that was not looked at", left)
		}
	}
	// again renews a certificate, up to three times: of one order in a hundred Pebble takes the proofs of the one before
	// (package pebbletest), and then there is nothing to wait for.
	again := func(t *testing.T, left int, certificate string) int {
		t.Helper()
		for n := 0; left == -1 && n < 3; n++ {
			left = w.wildcard(t, 0, "renew", "--force", "--cert-name", certificate)
		}
		return left
	}
	for name, run := range map[string]func(t *testing.T, domain string){
		"try": func(t *testing.T, domain string) {
			atOnce(t, w.wildcard(t, 0, "issue", "--dry-run", domain, "*."+domain))
			forgets(t, w.wildcard(t, 0, "issue", "--dry-run", domain, "*."+domain))
			forgets(t, again(t, w.wildcard(t, 0, "issue", domain, "*."+domain), domain))
			atOnce(t, w.wildcard(t, 0, "issue", "other."+domain))
		},
		"types": func(t *testing.T, domain string) {
			atOnce(t, w.wildcard(t, 0, "issue", domain, "*."+domain))
			left := w.wildcard(t, 0, "issue", "--cert-name", "rsa."+domain, "--key-type", "rsa-2048", "*."+domain)
			forgets(t, again(t, left, "rsa."+domain))
		},
		"force": func(t *testing.T, domain string) {
			atOnce(t, w.wildcard(t, 0, "issue", domain, "*."+domain))
			for range 2 {
				forgets(t, again(t, w.wildcard(t, 0, "renew", "--force", "--cert-name", domain), domain))
			}
		},
		"once": func(t *testing.T, domain string) { // two processes
			var all sync.WaitGroup
			for n, name := range []string{domain, "*." + domain} {
				all.Go(func() { w.wildcard(t, 0, "issue", "--cert-name", fmt.Sprint("n", n, ".", domain), name) })
			}
			all.Wait()
		},
		"turns": func(t *testing.T, domain string) { // certbot, each time with one challenge at the name
			w := *w
			w.world = &world{t: t, ca: w.ca, dir: w.dir, environ: append([]string{"RFC2136_TTL=60"}, w.environ...)} // certbot itself takes its time
			for n, name := range []string{domain, "*." + domain} {
				said := w.certbotAlone(t, fmt.Sprint(domain, n), name)
				if waits := strings.Contains(said, "resolvers have forgotten"); waits != (n > 0) {
					t.Errorf("the hook waits at challenge %d: %v\n%s", n, waits, said)
				}
			}
		},
		"ours": func(t *testing.T, domain string) { // certbot, and then our program
			w.certbotAlone(t, domain, domain, "*."+domain)
			forgets(t, w.wildcard(t, 0, "issue", "--cert-name", "ours."+domain, domain))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, name+".example.com")
			if !w.resolver.asked("_acme-challenge." + name + ".example.com") {
				t.Error("the CA did not ask its resolver")
			}
		})
	}
}

// certbotAlone gets a certificate with certbot and our hooks, in folders of its own, and returns what that said.
func (w *remembering) certbotAlone(t *testing.T, certificate string, names ...string) string {
	t.Helper()
	args := []string{"certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "wildcard-auth-hook -v",
		"--manual-cleanup-hook", "wildcard-cleanup-hook", "--server", w.ca.DirectoryURL(), "--agree-tos", "--register-unsafely-without-email",
		"--cert-name", certificate}
	for _, name := range names {
		args = append(args, "-d", name)
	}
	out, err := w.commandIn(t.TempDir(), args...).CombinedOutput()
	if err != nil {
		t.Errorf("certbot %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The true minute, with ConoHa's least TTL: a try, and then the certificate. A run that does not wait is shown the first value.
func TestMemory_Minute(t *testing.T) {
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	account := service.AddAccount(conohatest.Account{Version: 3})
	service.AddZone(account.Tenant, "example.com")
	w := newRemembering(t, "example.com", service.Environ(account), service.NameServers(3)...)
	names := []string{"*.example.com", "example.com"}
	issue := func(args ...string) []string { return slices.Concat([]string{"issue", "--agree-tos"}, args, names) }
	if left := w.wildcard(t, 0, issue("--dry-run")...); left >= 0 {
		t.Errorf("the first waits %d s", left)
	}
	w.wildcard(t, 1, issue("--dry-run", "--ca-cache", "0")...)
	if left := w.wildcard(t, 0, issue()...); left != slow && (left < 1 || left > 62) {
		t.Errorf("the second waits %d s, want what is left of 62", left)
	}
	if left := w.wildcard(t, 0, "issue", "www.example.com"); left >= 0 {
		t.Errorf("a name that was not looked at waits %d s", left)
	}
	for _, r := range service.Records("example.com") {
		if r.Type == "TXT" {
			t.Errorf("left: %s %s", r.Name, r.Data)
		}
	}
}
