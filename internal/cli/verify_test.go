package cli

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/lineage"
)

// site is a server that reads its files when it is told to, by a hook that puts a word into a file, and serves what it has read.
type site struct {
	w       *world
	address string
	hook    string

	mu      sync.Mutex
	reloads int
	refuses bool // each certificate but the one that it has
	live    tls.Certificate
}

// newSite starts a server that has no certificate yet.
func newSite(w *world) *site {
	w.t.Helper()
	s := &site{w: w}
	told := filepath.Join(w.dir, "told")
	s.hook = w.hook("reload", `echo reload >>`+told)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.read(told)
		return &s.live, nil
	}}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				if server := tls.Server(conn, c); server.Handshake() == nil {
					_, _ = io.Copy(io.Discard, server)
				}
			})
		}
	})
	w.t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return s
}

// read does what the hook told it since.
func (s *site) read(told string) {
	text, err := os.ReadFile(told)
	n := strings.Count(string(text), "reload\n")
	if err != nil || n == s.reloads {
		return
	}
	s.reloads = n
	live := s.w.config("live", "example.com")
	next, err := tls.LoadX509KeyPair(filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem"))
	if err == nil && (!s.refuses || s.live.Leaf.Equal(next.Leaf)) {
		s.live = next
	}
}

// refuse has the server refuse each other certificate from now on, or no more; then it looks at its files anew.
func (s *site) refuse(refuses bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses, s.reloads = refuses, -1
}

// serves fails the test unless the server serves the live certificate.
func (s *site) serves(l *lineage.Lineage) {
	s.w.t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	looks := new(deploy.Prover).Look(s.w.t.Context(), deploy.Endpoint{Host: host, Port: port}, l.Leaf)
	if len(looks) != 1 || !looks[0].Serves(l.Leaf) {
		s.w.t.Errorf("it serves %+v, not %x", looks, l.Leaf.SerialNumber)
	}
}

// TestVerify_NotServed fails the run until the server serves the certificate, also in runs that renew nothing.
func TestVerify_NotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	s.refuse(true)
	got := w.run("issue", "--agree-tos", "--deploy-hook", s.hook, "--verify", s.address, "*.example.com")
	got.exits(1, "[deploy.not-served]", s.address)
	w.run("list").exits(0, "deploy hooks have not succeeded yet")
	w.run("renew").exits(1, "[deploy.not-served]", "0 renewed")
	w.run("show", "example.com").exits(0, "verify", s.address, "served at "+s.address+": failed")
	w.run("doctor", "example.com").exits(1, "endpoint.")
	s.refuse(false)
	w.run("renew").exits(0, s.address+" serves the certificate of example.com")
	w.run("renew").exits(0, "Nothing is due")
	s.serves(w.lineage("example.com"))
	w.run("issue", "--verify", "", "*.example.com").exits(0)
	if settings, _ := w.lineage("example.com").Conf.Settings(); len(settings.Verify) > 0 {
		t.Errorf("%q is still there", settings.Verify)
	}
	w.orders(1)
	w.nothingLeft()
}

// TestVerify_Hooks has the word of the server count more than that of a hook, either way.
func TestVerify_Hooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	w.run("issue", "--agree-tos", "--deploy-hook", s.hook+"; exit 3", "--verify", s.address, "*.example.com").exits(1, "[hook.failed]", "serves the certificate")
	w.run("issue", "--agree-tos", "--deploy-hook", "true", "--verify", s.address, "--force", "*.example.com").exits(1, "[deploy.not-served]")
	w.run("plan", "--verify", "mail.example.com,smtp", "*.example.com").exits(0, "mail.example.com:25,smtp")
}

// TestRollback puts the former certificate back, tells of it at each run, and orders nothing more, until the new one can be served.
func TestRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	told := filepath.Join(w.dir, "message")
	channel := "exec:" + w.hook("tell", "cat >>"+told+"; echo >>"+told)
	w.issue("--deploy-hook", s.hook, "--verify", s.address, "--rollback", "*.example.com")
	former := w.lineage("example.com")
	s.serves(former)

	s.refuse(true)
	w.at(due(former))
	got := w.run("renew", "--no-jitter", "--notify", channel).exits(1, "[deploy.rolled-back]", "the former one is live", "1 renewed")
	if strings.Contains(got.stderr, "[deploy.not-served]") {
		t.Errorf("what was put back is told not to be served:\n%s", got.stderr)
	}
	back := w.lineage("example.com")
	if !back.Leaf.Equal(former.Leaf) || back.Version != 3 {
		t.Errorf("version %d is live, and it is not the former", back.Version)
	}
	s.serves(back)
	for range 2 {
		w.run("renew", "--no-jitter", "--notify", channel).exits(1, "[deploy.rolled-back]", "0 renewed")
	}
	w.run("issue", "*.example.com").exits(1, "[deploy.rolled-back]")
	w.orders(2)
	if text := w.read(told); strings.Count(text, `"version"`) != 1 || !strings.Contains(text, "deploy.rolled-back") {
		t.Errorf("told: %s", text)
	}
	w.run("list").exits(0, "wildcard deploy example.com tries it again")
	w.run("list", "--check", "1d").exits(1, "its newer certificate was not served")
	w.run("doctor", "example.com").exits(1, "deploy.rolled-back", "wildcard deploy example.com")

	w.run("deploy", "example.com").exits(1, "[deploy.rolled-back]", "0 deployed, 1 failed")
	if l := w.lineage("example.com"); !l.Leaf.Equal(former.Leaf) {
		t.Error("the former one is not live after the second try")
	}
	s.refuse(false)
	w.run("deploy", "example.com").exits(0, "made live again", "1 deployed, 0 failed")
	fresh := w.lineage("example.com")
	if fresh.Leaf.Equal(former.Leaf) {
		t.Error("the new one is not live")
	}
	s.serves(fresh)
	w.run("renew", "--no-jitter", "--notify", channel).exits(0, "Nothing is due")
	if text := w.read(told); strings.Count(text, `"version"`) != 2 {
		t.Errorf("that all is well is not told: %s", text)
	}
	w.orders(2)
	w.nothingLeft()
}

// TestRollback_LastDay orders again on the last day of the former certificate, and puts back none that is about to end.
func TestRollback_LastDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	w.issue("--deploy-hook", s.hook, "--verify", s.address, "--rollback", "*.example.com")
	former := w.lineage("example.com")
	s.refuse(true)
	w.at(due(former))
	w.run("renew", "--no-jitter").exits(1, "[deploy.rolled-back]")
	w.at(former.Leaf.NotAfter.Add(-25 * time.Hour))
	w.run("renew", "--no-jitter").exits(1, "[deploy.rolled-back]")
	w.orders(2)
	w.at(former.Leaf.NotAfter.Add(-23 * time.Hour))
	w.run("renew", "--no-jitter").exits(1, "[deploy.not-served]", "1 renewed")
	w.orders(3)
	if l := w.lineage("example.com"); l.Leaf.Equal(former.Leaf) {
		t.Error("a certificate is live that ends today")
	}
	w.run("renew", "--no-jitter").exits(1, "[deploy.not-served]", "0 renewed")
	w.orders(3)
}

// TestRollback_First has nothing to put back: at the first certificate, and where the former one was revoked.
func TestRollback_First(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	s.refuse(true)
	w.run("issue", "--agree-tos", "--deploy-hook", s.hook, "--verify", s.address, "--rollback", "*.example.com").exits(1, "[deploy.not-served]")
	w.run("revoke", "--yes", "example.com").exits(0)
	w.run("renew", "--no-jitter").exits(1, "[deploy.not-served]", "1 renewed")
	if l := w.lineage("example.com"); l.Version != 2 {
		t.Errorf("version %d is live", l.Version)
	}
	w.run("issue", "--rollback", "--verify", "", "*.example.com").exits(2, "--rollback needs --verify")
	w.run("issue", "--rollback", "www.example.net").exits(2, "--rollback needs --verify")
}

// TestRollback_Halves has the timer's two halves do it: the first, in its sandbox, tells of nothing.
func TestRollback_Halves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	w.issue("--deploy-hook", s.hook, "--verify", s.address, "--rollback", "*.example.com")
	s.refuse(true)
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter", "--deploy", "later").exits(0, "1 renewed")
	w.run("renew", "--deploy", "only").exits(1, "[deploy.rolled-back]")
	w.run("renew", "--no-jitter", "--deploy", "later").exits(0)
	w.run("renew", "--deploy", "only").exits(1, "[deploy.rolled-back]")
	w.orders(2)
}

func TestVerify_Usage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, bad := range []string{"https://example.com/", "example.com,ftp", "example.com:smtp"} {
		w.run("issue", "--verify", bad, "*.example.com").exits(2, "--verify")
	}
	w.run("deploy").exits(2, "one certificate")
	w.run("deploy", "nowhere").exits(2, "nowhere")
	w.orders(0)
}

// TestDeploy_Again does all of it, whether or not anything waits.
func TestDeploy_Again(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(w)
	combined := filepath.Join(w.dir, "combined.pem")
	w.issue("--deploy-hook", s.hook, "--verify", s.address, "--combined", combined, "*.example.com")
	if err := os.Remove(combined); err != nil {
		t.Fatal(err)
	}
	answer := answerOf[renewAnswer](w.run("deploy", "--json", "example.com").exits(0))
	if len(answer.Renewed) != 1 || answer.Renewed[0].Outcome != "deployed" || w.read(combined) == "" {
		t.Errorf("%+v", answer)
	}
	shown := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
	if !slices.Equal(shown.Verify, []string{s.address}) || len(shown.HookRuns) != 2 || shown.HookRuns[1].Kind != "proof" || shown.HookRuns[1].Error != "" {
		t.Errorf("%+v", shown.HookRuns)
	}
	if n := strings.Count(w.read(filepath.Join(w.dir, "told")), "\n"); n != 2 {
		t.Errorf("the hook ran %s times", strconv.Itoa(n))
	}
	w.orders(1)
}
