package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/state"
	"wildcard/internal/testkit/acmetest"
)

// files lists all there is below the world's folder.
func (w *world) files() (all []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// A plan shows all that "issue" would do, and does none of it: no file, no record, no account, no order.
func TestPlanWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Meta: map[string]any{"termsOfService": "https://ca.example/terms"}})
	w.conoha.PutRecord("example.net", "_acme-challenge.example.net.", "CNAME", "elsewhere.example.com.")
	before := w.files()
	got := answerOf[planAnswer](w.run("plan", "--json", "--agree-tos", "*.example.com", "example.com", "example.net").exits(0))
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("written: %q, there was %q", after, before)
	}
	if got.Action != "issue" || got.Lineage != "example.com" || !got.Register || got.Server != w.ca.DirectoryURL() || got.KeyType != "ecdsa-p256" || len(got.Records) != 2 {
		t.Errorf("%+v", got)
	}
	first, second := got.Records[0], got.Records[1]
	if !slices.Equal(first.Names, []string{"*.example.com", "example.com"}) || first.FQDN != "_acme-challenge.example.com." || first.Zone != "example.com." ||
		first.Provider != "conoha" || !strings.Contains(first.Credential, "CONOHA_* from the environment") {
		t.Errorf("%+v", first)
	}
	if second.FQDN != "elsewhere.example.com." || second.Zone != "example.com." {
		t.Errorf("the CNAME is not followed: %+v", second)
	}
	w.run("plan", "--agree-tos", "*.example.com").exits(0, "NAME", "_acme-challenge.example.com.", "would be issued", "a new one", w.ca.DirectoryURL())
	w.run("plan", "*.example.com").exits(77, "--agree-tos", "acme.terms", "_acme-challenge.example.com.")
	if w.ca.Accounts() != 0 || len(w.ca.Orders()) != 0 || len(w.texts("")) != 0 {
		t.Error("something was made")
	}
}

// What is there is kept until it is due, or renewed if something else is asked for.
func TestPlanKnowsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	before := w.files()
	got := answerOf[planAnswer](w.run("plan", "--json", "*.example.com").exits(0))
	if got.Action != "keep" || got.RenewAt == nil || got.Account == "" || got.Register {
		t.Errorf("%+v", got)
	}
	w.run("plan", "*.example.com").exits(0, "would be kept until", got.Account)
	w.run("plan", "--force", "*.example.com").exits(0, "would be renewed (--force)")
	w.run("plan", "--dry-run", "*.example.com").exits(0, "nothing of it would be kept")
	w.run("plan", "--cert-name", "example.com", "example.com").exits(0, "would be renewed", "differ")
	w.run("plan", "--profile", "short", "*.example.com").exits(2, "acme.profile", "offers classic shortlived tlsserver")
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("written: %q, there was %q", after, before)
	}
	w.at(due(w.lineage("example.com")))
	w.run("plan", "*.example.com").exits(0, "would be renewed")
	key := w.config("live", "example.com", "privkey.pem")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	w.run("plan", "*.example.com").exits(0, "would be renewed (its files are damaged)")
	if _, err := os.Lstat(key); err == nil {
		t.Error("a plan repairs")
	}
}

// All that is wrong is told at once, beside what is right.
func TestPlanTellsAllProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ca.On(acmetest.Directory, func(*acmetest.Request) *acmetest.Reply { return acmetest.Text(404, "text/html", "<p>no") })
	said := w.run("plan", "example.com", "foreign.example").exits(78, "_acme-challenge.example.com.", "This would fail", "zone.not-found", "acme.")
	if lines := strings.Count(said.stderr, "\n"); lines != 2*3 {
		t.Errorf("%d lines:\n%s", lines, said.stderr)
	}
	got := answerOf[planAnswer](w.run("plan", "--json", "example.com", "foreign.example").exits(78))
	if len(got.Problems) != 2 || got.Records[0].Problem != nil || got.Records[1].Problem == nil {
		t.Errorf("%+v", got)
	}
}

// Limits of the ledger are told before they are met.
func TestPlanShowsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	s, err := state.Open(filepath.Join(w.dir, "state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	account := answerOf[planAnswer](w.run("plan", "--json", "example.com").exits(0)).Account
	for n := range state.MostFailures {
		if n == 2 {
			w.run("plan", "example.com").exits(0, "2 of 3 failed validations of example.com within an hour are spent")
		}
		if err := s.Record(state.Attempt{Time: time.Now(), Lineage: "example.com", Server: w.ca.DirectoryURL(), Account: account,
			Domains: []string{"example.com"}, Outcome: state.Failed, FailedValidations: []string{"example.com"}}); err != nil {
			t.Fatal(err)
		}
	}
	w.run("plan", "example.com").exits(75, "not before", "ledger.validations")
}
