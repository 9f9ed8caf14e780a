package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wildcard/conoha/conohatest"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/clock"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/parallel"
	"wildcard/internal/testkit/secretscan"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	testscript.Main(m, map[string]func(){"wildcard": wildcardMain, "wildcard-measured": measuredMain})
}

func wildcardMain() { os.Exit(Main(os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

// world is an offline ConoHa with its name servers, a scripted CA, and the folders of a machine.
type world struct {
	t       testing.TB
	conoha  *conohatest.Service
	ca      *acmetest.Server
	dir     string
	environ []string
	program string             // that start runs; "" is wildcard
	zones   []string           // of the ConoHa
	name    string             // of the certificate that sweeps make; "" is example.com
	stays   bool               // there are records that are to be there when a command has ended
	once    bool               // what fails at the service is not tried again by the same run
	besides func() []string    // the values at other services; nil for none
	secrets secretscan.Secrets // that other services have to do with

	struckDead atomic.Bool // a phase's process was killed

	time *clock.Clock // of the machine and of the CA; processes of their own have the real one

	mu sync.Mutex // for what a test shares with the CA
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, acmetest.Options{Deviations: unproven})
}

// unproven is a CA that has each name proven anew. Let's Encrypt's goes by a proof for 30 days, which is less than the time to the
// next renewal; here that is a moment.
var unproven = acmetest.Deviations{NoAuthorizationReuse: true}

func newWorldOf(t testing.TB, o acmetest.Options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), time: clock.Running(), zones: []string{"example.com", "example.net", "example.co.jp"}}
	var err error
	if w.conoha, err = conohatest.Start(conohatest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	account := w.conoha.AddAccount(conohatest.Account{Version: 2})
	for _, zone := range w.zones {
		w.conoha.AddZone(account.Tenant, zone)
	}
	if o.Look == nil {
		o.Look = w.texts
	}
	if o.Now == nil {
		o.Now = w.time.Now
	}
	if o.ValidationTime == nil {
		o.ValidationTime = acmetest.Takes(0)
	}
	if w.ca, err = acmetest.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ca.Close)
	w.time.Waited = w.ca.Validate
	w.environ = w.machine(w.conoha.Environ(account), w.ca.DirectoryURL(), w.ca.RootPEM())
	t.Cleanup(func() {
		if violations := w.ca.Violations(); len(violations) > 0 {
			t.Errorf("requests that no client may send: %q", violations)
		}
	})
	return w
}

// machine is the environment of a machine that has accounts at ConoHa and a CA.
func (w *world) machine(accounts []string, directory string, root []byte) []string {
	w.t.Helper()
	bundle := filepath.Join(w.dir, "ca.pem")
	if err := os.WriteFile(bundle, root, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return slices.Concat(accounts, []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir,
		"WILDCARD_CONFIG_DIR=" + w.config(), "WILDCARD_STATE_DIR=" + filepath.Join(w.dir, "state"),
		"WILDCARD_RUN_DIR=" + filepath.Join(w.dir, "run"),
		"WILDCARD_SERVER=" + directory, "WILDCARD_CA_BUNDLE=" + bundle,
		"WILDCARD_CA_CACHE=0", // it asks the name servers themselves; memory_test.go has one that does not
	})
}

func (w *world) config(parts ...string) string {
	return filepath.Join(append([]string{w.dir, "letsencrypt"}, parts...)...)
}

// texts is what the CA finds in the DNS.
func (w *world) texts(fqdn string) (values []string) {
	for _, zone := range w.zones {
		for _, r := range w.conoha.Records(zone) {
			if r.Type == "TXT" && (fqdn == "" || strings.TrimSuffix(r.Name, ".")+"." == fqdn) {
				values = append(values, r.Data)
			}
		}
	}
	if fqdn == "" && w.besides != nil {
		values = append(values, w.besides()...)
	}
	return values
}

// at sets the clock of the machine and the CA's. Processes of their own have the real one.
func (w *world) at(now time.Time) { w.time.Set(now) }

func (w *world) clock() time.Time { return w.time.Now() }

// said is what came of a command.
type said struct {
	t              testing.TB
	code           int
	stdout, stderr string
}

// run runs a command in this process, by the world's clock.
func (w *world) run(args ...string) said {
	w.t.Helper()
	return w.runFrom(os.DevNull, args...)
}

// runFrom is run with a file as standard input.
func (w *world) runFrom(input string, args ...string) said {
	w.t.Helper()
	stdin, err := os.Open(input)
	if err != nil {
		w.t.Fatal(err)
	}
	defer stdin.Close()
	stdout, out := gather(w.t)
	stderr, errs := gather(w.t)
	p := &program{environ: w.environ, stdin: stdin, stdout: stdout, stderr: stderr, now: w.time.Now, sleep: w.time.Sleep, root: w.dir}
	code := p.main(append([]string{"wildcard"}, args...))
	return said{w.t, code, out(), errs()}
}

// gather returns a file to write to, and what to call for all that was written.
func gather(t testing.TB) (*os.File, func() string) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		_ = r.Close()
		text <- string(all)
	}()
	return w, func() string { _ = w.Close(); return <-text }
}

// child runs a command as a process of its own.
type child struct {
	*exec.Cmd
	t              testing.TB
	stdout, stderr bytes.Buffer
}

func (w *world) start(args ...string) *child {
	w.t.Helper()
	return w.begin(nil, nil, args...)
}

// begin is start with files for the outputs; nil gathers them.
func (w *world) begin(stdout, stderr *os.File, args ...string) *child {
	w.t.Helper()
	executable.DefaultSignals()
	c := w.command(args...)
	if stdout != nil {
		c.Stdout = stdout
	}
	if stderr != nil {
		c.Stderr = stderr
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// command is a process that has not been started.
func (w *world) command(args ...string) *child {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	w.t.Cleanup(cancel)
	name := w.program
	if name == "" {
		name = "wildcard"
	}
	c := &child{Cmd: exec.CommandContext(ctx, name, args...), t: w.t}
	c.Env, c.Stdout, c.Stderr = w.environ, &c.stdout, &c.stderr
	c.WaitDelay = time.Second
	return c
}

// end waits for a process and returns its exit status, negative for the signal that killed it.
func (c *child) end() said {
	err := c.Wait()
	code := c.ProcessState.ExitCode()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = -int(status.Signal())
	}
	if err == nil {
		code = 0
	}
	return said{c.t, code, c.stdout.String(), c.stderr.String()}
}

// exits fails the test unless the command ended with this status and said these texts, on either output.
func (s said) exits(code int, texts ...string) said {
	s.t.Helper()
	if s.code != code {
		s.t.Fatalf("exit status %d, want %d\n%s%s", s.code, code, s.stdout, s.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(s.stdout, text) && !strings.Contains(s.stderr, text) {
			s.t.Errorf("nowhere %q:\n%s%s", text, s.stdout, s.stderr)
		}
	}
	return s
}

// answer decodes the JSON document on standard output.
func answerOf[T any](s said) (answer T) {
	s.t.Helper()
	decoder := json.NewDecoder(strings.NewReader(s.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil || decoder.More() {
		s.t.Fatalf("not one document (%v):\n%s%s", err, s.stdout, s.stderr)
	}
	return answer
}

// issue obtains a certificate.
func (w *world) issue(args ...string) said {
	w.t.Helper()
	return w.run(append([]string{"issue", "--agree-tos"}, args...)...).exits(0)
}

// lineage reads a lineage from the disk, which must be whole.
func (w *world) lineage(name string) *lineage.Lineage {
	w.t.Helper()
	store, err := lineage.Open(lineage.Options{ConfigDir: w.config(), RunDir: filepath.Join(w.dir, "run")})
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := store.Lineage(name)
	if err != nil {
		w.t.Fatal(err)
	}
	if l.Damage != nil {
		w.t.Errorf("%s is damaged: %v", name, l.Damage)
	}
	return l
}

// update changes a lineage's settings.
func (w *world) update(name string, change func(s *lineage.Settings)) {
	w.t.Helper()
	if _, err := w.lineage(name).Update(w.t.Context(), func(c *lineage.Conf) error {
		s, _ := c.Settings()
		change(&s)
		return c.SetSettings(s)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// due is a time at which a certificate of the CA's is due, whatever it suggests.
func due(l *lineage.Lineage) time.Time { return l.Leaf.NotAfter.Add(-4 * 24 * time.Hour) }

// nothingLeft fails the test unless no record of ours is in the DNS or in the journal.
func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.texts(""); len(left) > 0 {
		w.t.Errorf("left in the DNS: %q", left)
	}
	entries, err := filepath.Glob(filepath.Join(w.dir, "state", "journal", "*.json"))
	if err != nil || len(entries) > 0 {
		w.t.Errorf("left in the journal: %q %v", entries, err)
	}
}

func (w *world) orders(n int) {
	w.t.Helper()
	if got := len(w.ca.Orders()); got != n {
		w.t.Errorf("%d orders, want %d", got, n)
	}
}

// hook writes a shell script and returns its path.
func (w *world) hook(name, script string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	executable.Write(w.t, path, "#!/bin/sh\n"+script+"\n")
	return path
}

func (w *world) read(path string) string {
	w.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// tree has the files below a folder, by path.
func (w *world) tree(root string) map[string]string {
	w.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files[path] = w.read(path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(fmt.Sprint("waited in vain until ", what))
}
