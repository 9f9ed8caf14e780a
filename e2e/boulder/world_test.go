//go:build boulder

package boulder

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/boulder"
	"wildcard/internal/testkit/executable"
)

// shared is what all tests have in common: our programs, and a CA of each variant that has been asked for.
type shared struct {
	bin string
	cas map[boulder.Variant]func() (*boulder.CA, error)

	mu      sync.Mutex
	started []*boulder.CA
	serial  atomic.Int64
}

var all shared

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "32") // they wait for the CA, which waits on purpose
	os.Exit(all.run(m))
}

// run runs the tests, and leaves nothing.
func (s *shared) run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "boulder")
	if err == nil {
		err = s.prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	defer func() {
		for _, ca := range s.started {
			if err := ca.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "end Boulder:", err)
				code = 1
			}
		}
	}()
	return m.Run()
}

func (s *shared) prepare(dir string) error {
	s.bin = filepath.Join(dir, "bin")
	if err := executable.BuildIn(s.bin, "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook"); err != nil {
		return err
	}
	s.cas = map[boulder.Variant]func() (*boulder.CA, error){}
	for _, variant := range boulder.Variants() {
		s.cas[variant] = sync.OnceValues(func() (*boulder.CA, error) {
			home := filepath.Join(dir, string(variant))
			if err := os.Mkdir(home, 0o755); err != nil {
				return nil, err
			}
			ca, err := boulder.Start(context.Background(), boulder.Options{Variant: variant, Dir: home})
			if err != nil {
				return nil, err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.started = append(s.started, ca)
			return ca, nil
		})
	}
	return nil
}

// world is a machine with our programs and certbot, an offline ConoHa with one zone, and a CA that looks there.
type world struct {
	t       *testing.T
	ca      *boulder.CA
	variant boulder.Variant
	conoha  *conohatest.Service
	tenant  string // of the ConoHa account
	zone    string // a registered domain that no other test has
	dir     string
	environ []string
}

// everywhere runs a test against each variant, all at once.
func everywhere(t *testing.T, test func(w *world)) {
	t.Helper()
	everywhereWith(t, conohatest.Options{}, test)
}

// everywhereWith is everywhere with a ConoHa of its own kind.
func everywhereWith(t *testing.T, o conohatest.Options, test func(w *world)) {
	t.Parallel()
	for _, variant := range boulder.Variants() {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			test(newWorld(t, variant, o))
		})
	}
}

func newWorld(t *testing.T, variant boulder.Variant, o conohatest.Options) *world {
	t.Helper()
	ca, err := all.cas[variant]()
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOf(t, ca, variant, o)
}

// newWorldOf is a world with a CA of its own.
func newWorldOf(t *testing.T, ca *boulder.CA, variant boulder.Variant, o conohatest.Options) *world {
	t.Helper()
	var err error
	w := &world{t: t, ca: ca, variant: variant, zone: fmt.Sprintf("zone%d-wildcard.com", all.serial.Add(1)), dir: t.TempDir()}
	if w.conoha, err = conohatest.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	account := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.tenant = account.Tenant
	w.conoha.AddZone(w.tenant, w.zone)
	ca.Delegate(w.zone, w.conoha.ValidationResolver())
	root, err := ca.Root()
	if err == nil {
		err = os.WriteFile(w.dir+"/root.pem", root, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.environ = slices.Concat(w.conoha.Environ(account), []string{
		"PATH=" + all.bin + ":" + os.Getenv("PATH"), "HOME=" + w.dir, "LANG=C.UTF-8", "REQUESTS_CA_BUNDLE=" + w.dir + "/root.pem",
		"WILDCARD_SERVER=" + ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + w.dir + "/root.pem",
		"WILDCARD_CONFIG_DIR=" + w.dir + "/etc", "WILDCARD_STATE_DIR=" + w.dir + "/state", "WILDCARD_RUN_DIR=" + w.dir + "/run",
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was said to the CA:\n%s", w.conversation())
		}
	})
	return w
}

// conversation is what clients of this world and the CA said to each other, a line for each exchange.
func (w *world) conversation() string {
	var b strings.Builder
	accounts := map[string]bool{}
	for _, e := range w.ca.Exchanges() {
		if e.Path == "/acme/new-order" && strings.Contains(string(e.Payload), w.zone) {
			accounts[e.Account] = true
		}
	}
	for _, e := range w.ca.Exchanges() {
		if !accounts[e.Account] {
			continue
		}
		fmt.Fprintf(&b, "%s +%.2fs %s %s %.200s -> %d", e.At.Format("05.00"), e.Took.Seconds(), e.Method, e.Path, e.Payload, e.Status)
		if after := e.Header.Get("Retry-After"); after != "" {
			fmt.Fprintf(&b, " Retry-After %s", after)
		}
		fmt.Fprintf(&b, " %.300s\n", strings.Join(strings.Fields(string(e.Reply)), " "))
	}
	return b.String()
}

// validations are how long the CA looks: Let's Encrypt takes 2–7 s, and longer where servers are slow.
func validations() []time.Duration {
	return []time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second, 8 * time.Second, 16 * time.Second}
}

// names are n names of the zone: the zone's wildcard, the zone itself, and wildcards below it.
func (w *world) names(n int) []string {
	names := []string{"*." + w.zone, w.zone}[:min(n, 2)]
	for i := range max(n-2, 0) {
		names = append(names, fmt.Sprintf("*.n%d.%s", i, w.zone))
	}
	return names
}

// said is what came of a command.
type said struct {
	t    *testing.T
	line string
	code int
	text string
}

// run runs a program of ours or another to its end.
func (w *world) run(name string, args ...string) said {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	return w.runIn(ctx, w.environ, name, args...)
}

func (w *world) runIn(ctx context.Context, environ []string, name string, args ...string) said {
	w.t.Helper()
	path := filepath.Join(all.bin, name)
	if !strings.HasPrefix(name, "wildcard") {
		found, err := exec.LookPath(name)
		if err != nil {
			w.t.Fatalf("the ring boulder needs %s: %v", name, err)
		}
		path = found
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environ
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			w.t.Fatalf("%s: %v", name, err)
		}
	}
	return said{w.t, name + " " + strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String()}
}

// wildcard runs our program, which must succeed.
func (w *world) wildcard(args ...string) said {
	w.t.Helper()
	return w.run("wildcard", args...).exits(0)
}

// exits fails the test unless the command ended with this status and said these texts.
func (s said) exits(code int, texts ...string) said {
	s.t.Helper()
	if s.code != code {
		s.t.Fatalf("%s: exit status %d, want %d\n%s", s.line, s.code, code, s.text)
	}
	for _, text := range texts {
		if !strings.Contains(s.text, text) {
			s.t.Errorf("%s: nowhere %q:\n%s", s.line, text, s.text)
		}
	}
	return s
}

// without fails the test if the command said one of these texts.
func (s said) without(texts ...string) said {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(s.text, text) {
			s.t.Errorf("%s: there is %q:\n%s", s.line, text, s.text)
		}
	}
	return s
}

// issue gets a certificate for n names.
func (w *world) issue(n int, args ...string) said {
	w.t.Helper()
	return w.wildcard(slices.Concat([]string{"issue", "--agree-tos"}, args, w.names(n))...)
}

// certificate is the live one of the zone's lineage, which must be for n names and lead to the CA's oldest root.
func (w *world) certificate(n int) *x509.Certificate {
	w.t.Helper()
	text, err := os.ReadFile(w.dir + "/etc/live/" + w.zone + "/fullchain.pem")
	if err != nil {
		w.t.Fatal(err)
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			w.t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	roots, err := w.ca.Oldest()
	if err != nil {
		w.t.Fatal(err)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		w.t.Errorf("%d certificates: %v", len(chain), err)
	}
	if got, want := slices.Sorted(slices.Values(chain[0].DNSNames)), slices.Sorted(slices.Values(w.names(n))); !slices.Equal(got, want) {
		w.t.Errorf("a certificate for %q, want %q", got, want)
	}
	return chain[0]
}

// answeredOnce fails the test unless each of the zone's dns-01 challenges of n names was answered exactly once, and no other at all.
func (w *world) answeredOnce(n int) {
	w.t.Helper()
	w.answered(n, func(c *boulder.Challenge) int { return len(c.Answers) })
}

// takenOnce is answeredOnce where the CA may have failed to take an answer.
func (w *world) takenOnce(n int) {
	w.t.Helper()
	w.answered(n, (*boulder.Challenge).Taken)
}

func (w *world) answered(n int, count func(*boulder.Challenge) int) {
	w.t.Helper()
	answered := map[string]int{}
	for _, challenge := range w.ca.Challenges(w.zone) {
		times := count(challenge)
		if times > 1 || times == 1 && challenge.Type != "dns-01" {
			w.t.Errorf("%s of %s was answered %d times", challenge.Type, challenge.Name, times)
		}
		answered[challenge.Name] += times
	}
	for _, name := range w.names(n) {
		if answered[name] == 0 {
			w.t.Errorf("%s: no challenge was answered", name)
		}
	}
}

// nothingLeft fails the test if a record of ours is in the DNS or in the journal.
func (w *world) nothingLeft() {
	w.t.Helper()
	for _, r := range w.conoha.Records(w.zone) {
		if r.Type == "TXT" {
			w.t.Errorf("left in the DNS: %s %s", r.Name, r.Data)
		}
	}
	entries, err := filepath.Glob(w.dir + "/state/journal/*.json")
	if err != nil || len(entries) > 0 {
		w.t.Errorf("left in the journal: %q %v", entries, err)
	}
}

// accountNumber is that of the account at the CA which made the zone's orders.
func (w *world) accountNumber() (number int) {
	w.t.Helper()
	for _, e := range w.ca.Exchanges() {
		if e.Path == "/acme/new-order" && strings.Contains(string(e.Payload), w.zone) {
			number, _ = strconv.Atoi(e.Account[strings.LastIndex(e.Account, "/")+1:])
		}
	}
	if number == 0 {
		w.t.Fatal("no account has ordered anything")
	}
	return number
}

// posts counts what came to a path with a body, but for what only a nonce was wrong with.
func (w *world) posts(prefix string) (n int) {
	for _, e := range w.ca.Exchanges() {
		if strings.HasPrefix(e.Path, prefix) && len(e.Payload) > 0 && e.Problem() != "badNonce" && strings.Contains(string(e.Payload), w.zone) {
			n++
		}
	}
	return n
}
