package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
)

// phases are the instants of a run at which a test lets something happen to it. Each calls hit once, and has what was asked
// for carried out after it or before.
func phases() map[string]func(w *world, hit func()) {
	all := map[string]func(w *world, hit func()){}
	for _, e := range []acmetest.Endpoint{
		acmetest.NewAccount, acmetest.NewOrder, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate,
	} {
		all["before "+string(e)] = func(w *world, hit func()) {
			w.ca.On(e, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply {
				if hit(); w.struckDead.Load() { // then the CA never got it
					return &acmetest.Reply{Drop: true}
				}
				return r.Next()
			}))
		}
		all["after "+string(e)] = func(w *world, hit func()) {
			w.ca.On(e, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply { reply := r.Next(); hit(); return reply }))
		}
	}
	dns := func(match func(r conohatest.Request) bool, after bool) func(w *world, hit func()) {
		return func(w *world, hit func()) {
			f := conohatest.Fault{Match: conohatest.Match{Func: match}}
			var once sync.Once
			if after { // the reply is late, and lost, so that the process is there to be hit
				f.After, f.Delay, f.Drop = true, 200*time.Millisecond, true
			}
			f.Match.Func = func(r conohatest.Request) bool {
				if !match(r) {
					return false
				}
				once.Do(func() {
					if after {
						time.AfterFunc(100*time.Millisecond, hit)
					} else {
						hit()
					}
				})
				return after
			}
			w.conoha.Fault(f)
		}
	}
	login := func(r conohatest.Request) bool { return r.Service == conohatest.ServiceIdentity }
	remove := func(r conohatest.Request) bool { return r.Method == http.MethodDelete }
	all["login"] = dns(login, false)
	all["before create"], all["after create"] = dns(conohatest.Request.Create, false), dns(conohatest.Request.Create, true)
	all["before delete"], all["after delete"] = dns(remove, false), dns(remove, true)
	return all
}

// Fault #139: SIGTERM in each phase ends the run with the records deleted and the next one succeeding. Fault #141: after SIGKILL
// in each phase the next run removes the records, and takes the order up or makes one more.
func TestSignalsInEachPhase(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for name, phase := range phases() {
			t.Run(fmt.Sprintf("%v %s", signal, name), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				started := make(chan *child, 1)
				var struck atomic.Bool
				phase(w, func() {
					c := <-started
					struck.Store(true)
					w.struckDead.Store(signal == syscall.SIGKILL)
					if err := c.Process.Signal(signal); err != nil {
						t.Error(err)
					}
					time.Sleep(50 * time.Millisecond) // for it to arrive
				})
				c := w.start("issue", "--agree-tos", "*.example.com", "example.com")
				started <- c
				got := c.end()
				if !struck.Load() {
					t.Fatalf("the phase never came\n%s", got.stderr)
				}
				if signal == syscall.SIGTERM && got.code != 143 && got.code != 0 || signal == syscall.SIGKILL && got.code != -9 && got.code != 0 {
					t.Errorf("exit status %d\n%s", got.code, got.stderr)
				}
				if signal == syscall.SIGTERM {
					w.nothingLeft()
				}
				w.issue("*.example.com", "example.com")
				w.nothingLeft()
				if n := len(w.ca.Orders()); n > 2 {
					t.Errorf("%d orders", n)
				}
				if n := w.ca.Accounts(); n > 2 {
					t.Errorf("%d accounts", n)
				}
				w.lineage("example.com")
				if pending, err := os.ReadDir(filepath.Join(w.dir, "state", "pending")); err != nil || len(pending) > 0 {
					t.Errorf("orders under way: %v %v", pending, err)
				}
			})
		}
	}
}

// Fault #139 in the last phase: a deploy hook that is ended runs again with the next run.
func TestSignalDuringDeploy(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGKILL: -9} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			begun := filepath.Join(w.dir, "begun")
			hook := w.hook("slow", `test -e `+begun+` && exit 0; echo >`+begun+`; exec sleep 60`)
			c := w.start("issue", "--agree-tos", "--deploy-hook", hook, "*.example.com")
			waitFor(t, "the hook runs", func() bool { _, err := os.Stat(begun); return err == nil })
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if got := c.end(); got.code != code {
				t.Errorf("exit status %d\n%s", got.code, got.stderr)
			}
			if s, _ := w.lineage("example.com").Conf.Settings(); !s.Deploy {
				t.Error("that the hook has to run is forgotten")
			}
			w.run("renew", "--no-jitter").exits(0)
			w.run("renew", "--no-jitter").exits(0, "Nothing is due")
			w.orders(1)
			w.nothingLeft()
		})
	}
}

// Fault #140: a second signal ends the process at once; the journal has what is left, and "clean" removes it.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := make(chan struct{}, 100)
	w.conoha.Fault(conohatest.Fault{Hang: true, Times: -1, Match: conohatest.Match{Method: http.MethodDelete, Func: func(conohatest.Request) bool {
		asked <- struct{}{}
		return true
	}}})
	created := make(chan struct{})
	var once sync.Once
	w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
		once.Do(func() { close(created) })
		<-w.ca.Ended()
		return &acmetest.Reply{Drop: true}
	})
	c := w.start("issue", "--agree-tos", "*.example.com")
	<-created
	for i := range 2 {
		if i == 1 {
			<-asked
		}
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.end(); got.code != -int(syscall.SIGTERM) {
		t.Errorf("exit status %d\n%s", got.code, got.stderr)
	}
	if len(w.texts("")) != 1 {
		t.Errorf("records: %q", w.texts(""))
	}
	w.run("clean", "--dry-run").exits(0, "_acme-challenge.example.com.")
	w.conoha.ClearFaults()
	w.ca.On(acmetest.Challenge, nil)
	answer := answerOf[cleanAnswer](w.run("clean", "--json").exits(0))
	if len(answer.Removed) != 1 || len(answer.Left)+len(answer.InUse)+len(answer.Damaged) != 0 {
		t.Errorf("%+v", answer)
	}
	w.nothingLeft()
	w.run("clean").exits(0, "journal is empty")
}

// Fault #136: of two runs for one lineage the second ends at once, and the CA sees one order. Fault #137: a lock dies with
// its holder.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held, release := make(chan struct{}), make(chan struct{})
	w.ca.On(acmetest.NewOrder, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply {
		close(held)
		select {
		case <-release:
		case <-w.ca.Ended():
		}
		return r.Next()
	}))
	first := w.start("issue", "--agree-tos", "*.example.com")
	<-held
	w.run("issue", "--agree-tos", "*.example.com").exits(75, "example.com")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.end()
	close(release)
	w.ca.On(acmetest.NewOrder, nil)
	w.issue("*.example.com")
	w.nothingLeft()
	if n := len(w.ca.Orders()); n > 1 { // the held one was carried out, and is the same order to the CA
		t.Errorf("%d orders", n)
	}
}

// Fault #147: readers who do not read hold up neither the run nor the next one.
func TestBlockedOutput(t *testing.T) {
	t.Parallel()
	full := func(t *testing.T) (*os.File, *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fd := int(w.Fd()) // which makes it blocking
		if err := syscall.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{4096, 1} {
			for {
				if _, err := syscall.Write(fd, make([]byte, n)); err != nil {
					break
				}
			}
		}
		if err := syscall.SetNonblock(fd, false); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r, w
	}
	t.Run("standard error", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, blocked := full(t)
		c := w.begin(nil, blocked, "issue", "--agree-tos", "--json", "--vv", "*.example.com")
		_ = blocked.Close()
		if got := c.end(); got.code != 0 {
			t.Errorf("exit status %d", got.code)
		}
		w.lineage("example.com")
		w.nothingLeft()
	})
	t.Run("standard output", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		reader, blocked := full(t)
		c := w.begin(blocked, nil, "issue", "--agree-tos", "*.example.com")
		_ = blocked.Close()
		waitFor(t, "the certificate is stored and nobody has its lock", func() bool {
			if _, err := os.Stat(w.config("renewal", "example.com.conf")); err != nil {
				return false
			}
			return w.run("issue", "--agree-tos", "*.example.com").code == 0
		})
		w.nothingLeft()
		go func() { _, _ = io.Copy(io.Discard, reader) }()
		if got := c.end(); got.code != 0 {
			t.Errorf("exit status %d: %s", got.code, got.stderr)
		}
		w.orders(1)
	})
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r, closed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		c := w.begin(closed, closed, "issue", "--agree-tos", "*.example.com")
		_ = closed.Close()
		if got := c.end(); got.code != 0 {
			t.Errorf("exit status %d", got.code)
		}
		w.lineage("example.com")
		w.nothingLeft()
	})
}

// Fault #16: proxies of the environment are honoured, as the design decides, and TLS goes through them whole. Fault #17:
// SSL_CERT_FILE makes no one a CA to trust. Fault #18: nor does LEGO_CA_CERTIFICATES, and a file that is not there is no panic.
func TestEnvironmentIsNoWayIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bundle := filepath.Join(w.dir, "ca.pem")
	ours := slices.Clone(w.environ)
	w.environ = slices.DeleteFunc(slices.Clone(ours), func(line string) bool { return strings.HasPrefix(line, "WILDCARD_CA_BUNDLE=") })
	w.environ = append(w.environ, "SSL_CERT_FILE="+bundle, "SSL_CERT_DIR="+w.dir, "LEGO_CA_CERTIFICATES="+bundle, "LEGO_CA_SYSTEM_CERT_POOL=true")
	if got := w.start("issue", "--agree-tos", "*.example.com").end(); got.code != 1 || !strings.Contains(got.stderr, "[acme.tls]") {
		t.Errorf("exit status %d: %s", got.code, got.stderr)
	}
	w.environ = append(slices.Clone(ours), "LEGO_CA_CERTIFICATES=/nonexistent", "LEGO_DISABLE_CNAME_SUPPORT=x", "GODEBUG=netdns=cgo")
	w.start("issue", "--agree-tos", "*.example.com").end().exits(0)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	proxy := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.Host)
		http.Error(rw, "no", http.StatusForbidden)
	})}
	go func() { _ = proxy.Serve(listener) }()
	defer proxy.Close()
	w.environ = append(slices.Clone(ours), "HTTPS_PROXY=http://"+listener.Addr().String(), "NO_PROXY=127.0.0.1")
	if got := w.start("account", "register", "--server", "https://ca.example/directory").end(); got.code != 75 {
		t.Errorf("exit status %d: %s", got.code, got.stderr)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) == 0 || seen[0] != "CONNECT ca.example:443" {
		t.Errorf("the proxy saw %q", seen)
	}
}

// Fault #134 for the whole program: whatever umask it is given, keys are private.
func TestUmask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.hook("umask", "umask 000; exec wildcard issue --agree-tos '*.example.com'")
	w.program = c
	w.start().end().exits(0)
	for path, want := range map[string]os.FileMode{
		w.config("archive", "example.com", "privkey1.pem"): 0o600, w.config("archive", "example.com", "cert1.pem"): 0o644,
		w.config("archive"): 0o700, w.config("live"): 0o700, w.config("accounts"): 0o700, filepath.Join(w.dir, "state"): 0o700,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// Fault #142: the answer of a run that panics is an error with a code, and exit status 70.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stdout, out := gather(t)
	stderr, errs := gather(t)
	p := &program{environ: w.environ, stdin: nil, stdout: stdout, stderr: stderr, now: func() time.Time { panic("no clock\n\x1b[2J") }}
	code := p.main([]string{"wildcard", "issue", "--json", "--agree-tos", "*.example.com"})
	text, said := out(), errs()
	if code != 70 || !strings.Contains(said, "[internal]") || strings.ContainsAny(said, "\x1b") || !json.Valid([]byte(text)) {
		t.Errorf("exit status %d: %q %q", code, text, said)
	}
}
