package cli

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/testkit/acmetest"
)

// answeredOnce fails the test unless n authorizations were proven, with one answer to each challenge.
func (w *world) answeredOnce(n int) {
	w.t.Helper()
	proven := 0
	for name, answers := range w.ca.Answers() {
		proven += len(answers)
		if slices.Max(answers) != 1 || slices.Min(answers) != 1 {
			w.t.Errorf("%s: answered %v times", name, answers)
		}
	}
	if proven != n {
		w.t.Errorf("%d authorizations were proven, want %d", proven, n)
	}
	if w.ca.Failed() > 0 {
		w.t.Errorf("%d failed validations", w.ca.Failed())
	}
}

// Row P3, with the whole program: authorization and challenge stay pending for as long as the CA takes to look, here a second in place
// of Let's Encrypt's two to eight. A first certificate, a renewal, a try and a second key type answer each challenge once.
func TestIssue_CATakesTime(t *testing.T) {
	t.Parallel()
	var twenty []string
	for n := range 20 {
		twenty = append(twenty, string(rune('a'+n))+".example.com")
	}
	for what, names := range map[string][]string{
		"1 name": {"example.com"}, "2 names": {"*.example.com", "example.com"}, "20 names": twenty,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, acmetest.Options{ValidationTime: acmetest.Takes(time.Second), Deviations: unproven})
			w.issue(names...)
			w.run("renew", "--force").exits(0)
			w.run(append([]string{"issue", "--dry-run"}, names...)...).exits(0)
			w.issue(append([]string{"--cert-name", "rsa", "--key-type", "rsa-2048"}, names...)...)
			w.answeredOnce(4 * len(names))
			w.nothingLeft()
		})
	}
}

// Lineages with the same names, here with keys of two kinds, are given one order by Let's Encrypt as long as it is pending: they have
// theirs one after the other, in one "renew" as well as in two processes.
func TestRenew_LineagesWithTheSameNames(t *testing.T) {
	t.Parallel()
	names := []string{"*.example.com", "example.com"}
	for what, deviations := range map[string]acmetest.Deviations{"proofs are not kept": unproven, "proofs are kept": {}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, acmetest.Options{ValidationTime: acmetest.Takes(300 * time.Millisecond), Deviations: deviations})
			proven := len(names)
			w.issue(append([]string{"--cert-name", "ecdsa"}, names...)...)
			w.issue(append([]string{"--cert-name", "rsa", "--key-type", "rsa-2048"}, names...)...)
			w.run("renew", "--force").exits(0)
			w.orders(4)
			if deviations.NoAuthorizationReuse {
				proven *= 4
			}
			w.answeredOnce(proven)
			for _, name := range []string{"ecdsa", "rsa"} {
				if n := w.lineage(name).Version; n != 2 {
					t.Errorf("%s is version %d", name, n)
				}
			}
			w.nothingLeft()
		})
	}
	t.Run("two processes", func(t *testing.T) {
		t.Parallel()
		w := newWorldOf(t, acmetest.Options{Deviations: unproven, RealTimer: true, Now: time.Now})
		w.run("account", "register", "--agree-tos").exits(0)
		var second *child
		waits := make(chan string, 1)
		first := counter(1)
		w.ca.On(acmetest.Challenge, func(r *acmetest.Request) *acmetest.Reply {
			if first() {
				stderr := lookOut(t, "another run has an order for the same names: waiting until it is done with it: ", waits)
				second = w.begin(nil, stderr, append([]string{"issue", "--cert-name", "rsa", "--key-type", "rsa-2048"}, names...)...)
				_ = stderr.Close()
				if line := <-waits; !strings.Contains(line, "it: ecdsa (PID ") {
					t.Errorf("it waits and says %q", line)
				}
			}
			return r.Next()
		})
		w.start(append([]string{"issue", "--cert-name", "ecdsa"}, names...)...).end().exits(0)
		second.end().exits(0)
		w.orders(2)
		w.answeredOnce(2 * len(names))
		w.nothingLeft()
	})
}

// lookOut returns a file for a command to write to. The first line with a text goes to found; "" if there is none.
func lookOut(t *testing.T, text string, found chan<- string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer r.Close()
		seen := false
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if !seen && strings.Contains(lines.Text(), text) {
				seen = true
				found <- lines.Text()
			}
		}
		if !seen {
			found <- ""
		}
	}()
	return w
}
