package cli

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wildcard/internal/state"
	"wildcard/internal/testkit/acmetest"
)

// killedAtChallenge runs a command that is killed when it has made its record and asks the CA to look.
func (w *world) killedAtChallenge(args ...string) {
	w.t.Helper()
	started := make(chan *child, 1)
	w.ca.On(acmetest.Challenge, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply {
		_ = (<-started).Process.Kill()
		return r.Next()
	}))
	c := w.start(args...)
	started <- c
	c.end()
	if len(w.texts("")) != 1 {
		w.t.Fatalf("records: %q", w.texts(""))
	}
}

// The timer's next run removes what a dead run left, also when nothing is due.
func TestRenewRemovesLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.killedAtChallenge("issue", "--agree-tos", "*.example.com")
	w.run("renew", "--no-jitter").exits(0, "There is no certificate to renew")
	w.nothingLeft()
}

// So does "issue", which has nothing else to do.
func TestIssueRemovesLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.killedAtChallenge("issue", "--force", "*.example.com")
	w.run("issue", "*.example.com").exits(0)
	w.nothingLeft()
	w.orders(2)
}

// A run that ends after the certificate was stored and before its order was forgotten leaves the order, with the key in it, to
// the next run, which forgets it although nothing is due.
func TestStoredOrderIsForgotten(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"issue", "*.example.com"}, {"renew", "--no-jitter"}, {"renew", "--cert-name", "example.com"}} {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com")
			l := w.lineage("example.com")
			remembered, err := state.Open(filepath.Join(w.dir, "state"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := remembered.SavePending("example.com", state.Pending{
				Server: w.ca.DirectoryURL(), Domains: []string{"*.example.com"}, Order: w.ca.DirectoryURL() + "/order",
				Key: []byte(w.read(l.Path("privkey"))), Chain: []byte(w.read(l.Path("fullchain"))),
			}); err != nil {
				t.Fatal(err)
			}
			w.run(command...).exits(0)
			if _, ok, err := remembered.Pending("example.com"); ok || err != nil {
				t.Errorf("still remembered: %v %v", ok, err)
			}
			w.orders(1)
		})
	}
}

// What a dead run has left is named so before it is removed, with the number of its process; what a living one has is in use.
func TestClean_DryRunOfDeadRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held, release := make(chan struct{}), make(chan struct{})
	w.ca.On(acmetest.Challenge, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply {
		close(held)
		select {
		case <-release:
		case <-w.ca.Ended():
		}
		return r.Next()
	}))
	run := w.start("issue", "--agree-tos", "*.example.com")
	<-held
	number := strconv.Itoa(run.Process.Pid)
	got := w.run("clean", "--dry-run").exits(0, "in use   _acme-challenge.example.com.", "by process "+number+" since")
	if strings.Contains(got.stdout, "would be removed") {
		t.Error(got.stdout)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.end()
	close(release)
	for _, args := range [][]string{{"--dry-run"}, {"--dry-run", "--provider", "conoha"}} {
		got = w.run(append([]string{"clean"}, args...)...).
			exits(0, "_acme-challenge.example.com.", "would be removed: process "+number+" has ended")
		if strings.Contains(got.stdout, "in use") || len(w.texts("")) != 1 {
			t.Errorf("%s%q", got.stdout, w.texts(""))
		}
	}
	w.run("clean", "--dry-run", "--lang", "ja").exits(0, number)
	answer := answerOf[cleanAnswer](w.run("clean", "--dry-run", "--json").exits(0))
	if len(answer.Would) != 1 || len(answer.InUse) != 0 || answer.Would[0].PID != run.Process.Pid || answer.Would[0].Reason == "" {
		t.Errorf("%+v", answer)
	}
	w.run("clean").exits(0, "removed  _acme-challenge.example.com.")
	w.nothingLeft()
}
