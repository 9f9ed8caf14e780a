//go:build failpoint

package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint/sweep"
	"wildcard/internal/testkit/clienttree"
	"wildcard/internal/testkit/secretscan"
)

// Faults #109, #119, #121, #125, #139, #141 for "issue": whatever happens to it, and wherever, what is live is whole, and the
// next run leaves no record, with one order more at most.
func TestSweepIssue(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard issue", Least: 200, Every: map[sweep.Action]int{sweep.Kill: 8, sweep.Term: 16, sweep.ENOSPC: 16, sweep.EIO: 16}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t)
		w.issuesAgain(p, "issue", "--agree-tos", "*.example.com", "example.com")
	})
}

// The same for "renew" with deploy hooks: what was deployed is what is live, after the next run.
func TestSweepRenew(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard renew", Least: 200, Every: map[sweep.Action]int{sweep.Kill: 12, sweep.Term: 24, sweep.ENOSPC: 24, sweep.EIO: 24}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t)
		deployed, combined, store := filepath.Join(w.dir, "deployed"), filepath.Join(w.dir, "combined.pem"), filepath.Join(w.dir, "site.p12")
		w.environ = append(w.environ, "WILDCARD_PROMETHEUS="+filepath.Join(w.dir, "wildcard.prom"))
		w.issue("*.example.com", "example.com", "--combined", combined, "--pkcs12", store, "--deploy-hook", w.hook("deploy", `cat "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem" >`+deployed))
		w.struck(p, 0, "renew", "--force", "--cert-name", "example.com")
		w.isWhole()
		w.start("renew", "--no-jitter").end().exits(0)
		w.nothingLeft()
		w.isWhole()
		l := w.lineage("example.com")
		if w.read(deployed) != w.read(l.Path("fullchain"))+w.read(l.Path("privkey")) {
			t.Error("what was deployed is not what is live")
		}
		if w.read(combined) != w.read(l.Path("privkey"))+w.read(l.Path("fullchain")) {
			t.Error("what is in the combined file is not what is live")
		}
		if _, leaf, _, err := pkcs12.DecodeChain([]byte(w.read(store)), strings.TrimSpace(w.read(store+".password"))); err != nil || !leaf.Equal(l.Leaf) {
			t.Errorf("what is in the key store is not what is live: %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(w.dir, ".wildcard-*")); err != nil || len(left) > 0 && p.Action != sweep.Kill {
			t.Errorf("half a file of measurements: %q %v", left, err)
		}
		w.start("renew", "--force", "--cert-name", "example.com").end().exits(0)
		w.nothingLeft()
		w.isWhole()
		w.finished(3)
	})
}

// The same for "import": what came is whole wherever it is struck, the next run does the rest, and the other client's files are as they were.
func TestSweepImport(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard import", Least: 60, Every: map[sweep.Action]int{sweep.Kill: 16, sweep.Term: 40, sweep.ENOSPC: 40, sweep.EIO: 40}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t)
		tree := clienttree.Lay(t, "acme.sh")
		before := clienttree.Snapshot(t, tree)
		w.struck(p, 0, "import", "acme.sh", tree)
		for _, name := range []string{"cloudflare", "conoha"} {
			path := w.config(name, "acme.sh.env")
			if _, err := settings.ReadEnvFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
		for l, err := range w.store().All() {
			if err != nil || l.Damage != nil {
				t.Errorf("half a lineage: %v, %v", l, err)
			}
		}
		w.start("import", "acme.sh", tree).end().exits(0)
		if names, err := w.store().Names(); err != nil || len(names) != 4 {
			t.Errorf("%q, %v", names, err)
		}
		for _, name := range []string{"example.com", "example.com-0001", "old.example.org", "www.example.net"} {
			if l := w.lineage(name); l.Damage != nil {
				t.Error(l.Damage)
			}
		}
		if !maps.Equal(before, clienttree.Snapshot(t, tree)) {
			t.Error("the tree was changed")
		}
	})
}

// issuesAgain runs "issue" to which something happens, and then once more: what is live is whole after each, and the second
// run leaves no record, with one order more at most.
func (w *world) issuesAgain(p sweep.Point, args ...string) {
	w.t.Helper()
	w.struck(p, 0, args...)
	w.isWhole()
	w.start(args...).end().exits(0)
	w.nothingLeft()
	w.isWhole()
	w.finished(2)
}

// struck runs a command to which something happens, and judges how it ends and what it says. Untouched it ends with a status of
// its own.
func (w *world) struck(p sweep.Point, untouched int, args ...string) {
	w.t.Helper()
	c := w.command(args...)
	c.Env = slices.Concat(w.environ, p.Environ())
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	got := c.end()
	codes := []int{untouched}
	switch {
	case !p.Reached():
	case p.Action == sweep.Kill:
		codes = []int{-int(syscall.SIGKILL)}
	case p.Action == sweep.Term: // by default before it is caught and after everything is done
		codes = []int{untouched, 143, -int(syscall.SIGTERM)}
	default:
		codes = []int{0, 1, 75, 78}
	}
	if !slices.Contains(codes, got.code) {
		w.t.Errorf("exit status %d", got.code)
	}
	w.keepsSecrets(got)
	said := w.once && got.code == 75 && strings.Contains(got.stderr, "[cleanup.pending]")
	if left := w.texts(""); p.Action != sweep.Kill && len(left) > 0 && !said && !w.stays {
		w.t.Errorf("left in the DNS by a run that was not killed: %q", left)
	}
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("exit status %d: %s%s", got.code, got.stdout, got.stderr)
		}
	})
}

// keepsSecrets fails the test if a secret was printed.
func (w *world) keepsSecrets(got said) {
	w.t.Helper()
	secrets := secretscan.Secrets{"private key": "PRIVATE KEY"}
	maps.Copy(secrets, w.secrets)
	for _, entry := range w.environ {
		if password, ok := strings.CutPrefix(entry, "CONOHA_API_PASSWORD="); ok {
			secrets["password"] = password
		}
	}
	w.tokens(secrets)
	if secrets["password"] == "" {
		w.t.Error("no password to look for")
	}
	secrets.Search(w.t, "what was printed", []byte(got.stdout+got.stderr))
}

// isWhole fails the test unless what is live, if anything is, is whole, and the journal can be read.
func (w *world) isWhole() {
	w.t.Helper()
	name := cmp.Or(w.name, "example.com")
	if _, err := os.Lstat(w.config("renewal", name+".conf")); err == nil {
		w.lineage(name)
	} else if live := w.config("live", name); exists(live) { // the first certificate is there before its settings
		if _, err := tls.LoadX509KeyPair(filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem")); err != nil {
			w.t.Error(err)
		}
	}
	dir := filepath.Join(w.dir, "state", "journal")
	if !exists(dir) {
		return
	}
	j, err := journal.Open(dir, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, damaged, err := j.Entries(); err != nil || len(damaged) > 0 {
		w.t.Errorf("the journal: %v %v", damaged, err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// finished fails the test if there were more orders than these, if an account was made more than twice, or if an order is still
// under way.
func (w *world) finished(orders int) {
	w.t.Helper()
	if n := len(w.ca.Orders()); n > orders {
		w.t.Errorf("%d orders", n)
	}
	if n := w.ca.Accounts(); n > 2 {
		w.t.Errorf("%d accounts", n)
	}
	if pending, err := os.ReadDir(filepath.Join(w.dir, "state", "pending")); err != nil || len(pending) > 0 {
		w.t.Errorf("orders under way: %v %v", pending, err)
	}
}

// A deployment that is put back, with a server that refuses the new certificate: whatever happens to the run, and wherever, what is live is
// whole, the server serves the former certificate, and the next run has put it back. It orders nothing.
func TestSweepRollback(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard renew", Least: 40, Every: map[sweep.Action]int{sweep.Kill: 24, sweep.ENOSPC: 50}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w := newWorld(t)
		s := newSite(w)
		w.issue("*.example.com", "--deploy-hook", s.hook, "--verify", s.address, "--rollback")
		former := w.lineage("example.com")
		s.serves(former)
		w.run("renew", "--force", "--cert-name", "example.com", "--deploy", "later").exits(0)
		s.refuse(true)
		w.struck(p, 1, "renew", "--deploy", "only")
		w.isWhole()
		s.serves(former)
		w.start("renew", "--no-jitter").end().exits(1, "deploy.rolled-back")
		w.isWhole()
		if l := w.lineage("example.com"); !l.Leaf.Equal(former.Leaf) {
			t.Error("the former certificate is not live")
		}
		s.serves(former)
		s.refuse(false)
		w.start("deploy", "example.com").end().exits(0)
		if l := w.lineage("example.com"); l.Leaf.Equal(former.Leaf) {
			t.Error("the new certificate is not live")
		} else {
			s.serves(l)
		}
		w.finished(2)
	})
}
