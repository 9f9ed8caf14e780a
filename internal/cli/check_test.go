package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/doctor"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
)

// checkAnswer is the answer of "list --check --json".
type checkAnswer struct {
	Problems []checkProblem `json:"problems"`
}

// kinds are the problems, as "LINEAGE KIND".
func kinds(s said) string {
	var all []string
	for _, t := range answerOf[checkAnswer](s).Problems {
		all = append(all, strings.TrimSpace(t.Lineage+" "+t.Problem))
	}
	return strings.Join(all, ", ")
}

// noOrders has the CA refuse all orders.
func (w *world) noOrders() {
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "sorry"))
	})
}

// A monitor hears nothing as long as all is well, and a line for each thing that is not.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("list", "--check", "14d").exits(1, "there is no certificate in "+w.config())
	w.issue("*.example.com")
	w.issue("*.example.net")
	if _, err := w.lineage("example.net").Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.run("list", "--check", "14d").exits(0); got.stdout+got.stderr != "" {
		t.Errorf("all is well, it says:\n%s%s", got.stdout, got.stderr)
	}
	ours := w.lineage("example.com")
	is, err := certificates.ConditionOf(ours, nil, w.clock())
	if err != nil {
		t.Fatal(err)
	}
	at := is.RenewAt
	end := ours.Leaf.NotAfter

	w.at(end.Add(-13*24*time.Hour - time.Hour)) // the renewal takes some of the hour
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	got := w.run("list", "--check", "14d").exits(1, "example.net: expires in 13 days, on ", "(certbot's)")
	if strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("one certificate of two is about to expire, it says:\n%s", got.stdout)
	}
	w.run("list", "--check", "200h").exits(0)
	w.at(w.clock().Add(4 * 24 * time.Hour))
	if said := kinds(w.run("list", "--check", "1d", "--json").exits(1)); said != "timer" {
		t.Errorf("renew has not run for days: %s", said)
	}
	w.at(end.Add(time.Hour))
	if said := kinds(w.run("list", "--check", "1d", "--json").exits(1)); said != "example.net expired, timer" {
		t.Errorf("expired: %s", said)
	}
	if at.After(end) {
		t.Errorf("due at %v, after its end at %v", at, end)
	}
}

// What is due, tried and not renewed is a problem only when it has been so for long: then the last failure is the reason.
func TestCheckTooLongWithoutSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	at := w.clock().Add(24 * time.Hour)
	w.update("example.com", func(s *lineage.Settings) { s.RenewAt, s.RetryAfter = at, at.Add(1000*time.Hour) })
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "sorry"))
	})
	overdue := issuance.OverdueAt(at.UTC().Truncate(time.Second), w.lineage("example.com").Leaf.NotAfter)
	w.at(overdue.Add(-time.Minute))
	w.run("renew", "--no-jitter").exits(75)
	w.run("list", "--check", "1d").exits(0)
	if got := w.run("doctor", "--json"); strings.Contains(got.stdout, doctor.FoundOverdue) {
		t.Errorf("doctor calls it overdue before list --check does: %s", got.stdout)
	}
	w.at(overdue)
	if got := w.run("doctor", "--json"); !strings.Contains(got.stdout, doctor.FoundOverdue) {
		t.Errorf("doctor does not call it overdue: %s", got.stdout)
	}
	got := w.run("list", "--check", "1d").exits(1, "example.com: should have been renewed since", "the last attempt failed on", "sorry")
	if strings.Count(got.stdout, "\n") != 1 || got.stderr != "" {
		t.Errorf("%q %q", got.stdout, got.stderr)
	}
	if list := w.run("list").exits(0, "failed"); !strings.Contains(list.stdout, "LAST") {
		t.Errorf("no last outcome in:\n%s", list.stdout)
	}
	w.run("show", "example.com").exits(0, "attempts", "succeeded", "failed: acme: new order")
}

// Deploy hooks that fail for a day leave servers with the old certificate; files that are not as they should be are a
// problem at once.
func TestCheckOfHooksAndFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("issue", "--agree-tos", "--deploy-hook", "false", "*.example.com").exits(1)
	w.run("list", "--check", "1d").exits(0)
	w.at(w.clock().Add(25 * time.Hour))
	w.run("list", "--check", "1d").exits(1, "its deploy hooks have failed since")
	if err := os.Remove(w.config("live", "example.com", "privkey.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.config("renewal", "aaa.conf"), []byte("[[[\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := kinds(w.run("list", "--check", "1d", "--json").exits(1)); !strings.Contains(said, "aaa unreadable, example.com damaged") {
		t.Error(said)
	}
}

func TestCheckDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"14d": 14 * 24 * time.Hour, "72h": 72 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "90m": 90 * time.Minute, " 3d ": 72 * time.Hour, "0h": 0,
	} {
		if got, err := parseDays(text); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "14", "d", "-1d", "-3h", "1d-3h", "1d1d", "99999d", "1.5d", "14 d", "forever"} {
		if got, err := parseDays(text); err == nil || fault.ExitCode(err) != 2 {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}

// A month of a timer's runs with nothing due fills no log.
func TestMonthOfLogs(t *testing.T) {
	t.Parallel()
	for _, commands := range [][]string{{"renew"}, {"renew --quiet"}, {"renew --quiet --deploy later", "renew --quiet --deploy only"}} {
		w := newWorld(t)
		w.environ = append(w.environ, "INVOCATION_ID=0123456789abcdef0123456789abcdef") // as the unit runs it
		w.issue("*.example.com", "example.com")
		w.issue("*.example.net")
		began := w.clock()
		lines, runs := 0, 0
		for w.clock().Before(began.Add(30 * 24 * time.Hour)) {
			w.at(w.clock().Add(6 * time.Hour))
			for _, command := range commands {
				got := w.run(strings.Fields(command)...).exits(0)
				lines += strings.Count(got.stdout+got.stderr, "\n")
			}
			runs++
		}
		w.orders(2)
		if runs < 120 || lines >= 100 {
			t.Errorf("%q: %d runs wrote %d lines", commands, runs, lines)
		}
		if logs, err := filepath.Glob(filepath.Join(w.dir, "state", "*")); err != nil || len(logs) > 6 {
			t.Errorf("files pile up: %q %v", logs, err)
		}
	}
}
