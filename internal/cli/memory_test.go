package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/testkit/acmetest"
)

// remembering is a world whose CA keeps each answer for a minute, ConoHa's least TTL. Its clock stands still but for what is waited.
type remembering struct{ *world }

func newRemembering(t *testing.T) *remembering {
	t.Helper()
	w := &remembering{newWorldOf(t, acmetest.Options{LookTTL: time.Minute, Deviations: unproven})}
	w.at(w.clock())
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "WILDCARD_CA_CACHE=") })
	return w
}

// waited is for how many seconds was waited since the last call.
func (w *remembering) waited() int { return int(w.time.Passed().Round(time.Second).Seconds()) }

// What people do: a try and then the certificate, a try twice, a second certificate with a name of the first, renewals by force.
func TestIssue_NameLookedAtBefore(t *testing.T) {
	t.Parallel()
	both := []string{"*.example.com", "example.com"}
	for what, commands := range map[string][2][]string{
		"try, then certificate": {{"issue", "--dry-run", "--agree-tos"}, {"issue", "--agree-tos"}},
		"two tries":             {{"issue", "--dry-run", "--agree-tos"}, {"issue", "--dry-run", "--agree-tos"}},
		"RSA after ECDSA":       {{"issue", "--agree-tos"}, {"issue", "--agree-tos", "--cert-name", "rsa", "--key-type", "rsa-2048"}},
		"renewed by force":      {{"issue", "--agree-tos"}, {"renew", "--force"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newRemembering(t)
			with := func(args []string) []string {
				if args[0] == "issue" {
					return slices.Concat(args, both)
				}
				return args
			}
			first := w.run(with(commands[0])...).exits(0)
			if n := w.waited(); n != 0 || strings.Contains(first.stderr, "remember") || strings.Contains(first.stderr, "forgotten") {
				t.Errorf("the first waits %d s:\n%s", n, first.stderr)
			}
			w.time.Advance(20 * time.Second)
			w.waited()
			w.run(slices.Concat([]string{"plan"}, both)...).exits(0, "42 s, until the CA's resolvers have forgotten what stood at _acme-challenge.example.com. before")
			w.run("plan", "--ca-cache", "0", "--json", "example.com").exits(0)
			second := w.run(with(commands[1])...).exits(0,
				"_acme-challenge.example.com.: the CA's resolvers may remember for 42 s more what stood there before",
				"_acme-challenge.example.com.: waiting until the CA's resolvers have forgotten what stood there before: 42 s more",
				"before: 40 s more", "before: 30 s more", "before: 20 s more", "before: 10 s more",
				"the CA's resolvers have forgotten what they saw before")
			if n := w.waited(); n != 42 || strings.Contains(second.stderr, "41 s more") {
				t.Errorf("the second waits %d s, want what is left of 62:\n%s", n, second.stderr)
			}
			third := w.run("issue", "--agree-tos", "*.a.example.com", "a.example.com", "example.net").exits(0)
			if n := w.waited(); n != 0 || strings.Contains(third.stderr, "forgotten") {
				t.Errorf("names that were not looked at wait %d s:\n%s", n, third.stderr)
			}
			if w.ca.Failed() > 0 {
				t.Errorf("%d failed validations", w.ca.Failed())
			}
			w.nothingLeft()
		})
	}
}

// After the second renewal by force, the third waits as well; each of several lineages waits for the names it has.
func TestRenew_ForceAgain(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.run("issue", "--agree-tos", "*.example.com", "example.com").exits(0)
	w.run("issue", "--agree-tos", "example.net").exits(0)
	w.run("issue", "--agree-tos", "--cert-name", "rsa", "--key-type", "rsa-2048", "*.example.com").exits(0)
	for range 2 {
		w.run("renew", "--force").exits(0, "3 renewed")
	}
	if n := w.waited(); n < 186 || w.ca.Failed() > 0 {
		t.Errorf("waits %d s, %d failed validations", n, w.ca.Failed())
	}
	w.nothingLeft()
}

// The operator of a CA of their own says that it remembers nothing; it is kept with the certificate and in the line for certbot.
func TestIssue_CACache(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	name := "*.example.com"
	first := w.run("issue", "--agree-tos", "--json", name).exits(0)
	if got := answerOf[issueAnswer](first).Forgot; got != 0 {
		t.Errorf("waited for %v s", got)
	}
	second := w.run("issue", "--agree-tos", "--json", "--force", name).exits(0)
	if got := answerOf[issueAnswer](second).Forgot; got <= 0 || w.waited() != 62 {
		t.Errorf("waited for %v s", got)
	}
	w.ca.ForgetAnswers()
	w.run("issue", "--agree-tos", "--force", "--ca-cache", "0", name).exits(0)
	w.ca.ForgetAnswers()
	w.run("renew", "--force").exits(0)
	if n := w.waited(); n != 0 {
		t.Errorf("waits %d s with a CA that remembers nothing", n)
	}
	if s, _ := w.lineage("example.com").Conf.Settings(); s.CACache != "0" {
		t.Errorf("kept is %q", s.CACache)
	}
	if hook := w.lineage("example.com").Conf.Params().AuthHook; !strings.HasSuffix(hook, " --ca-cache 0") {
		t.Errorf("certbot's hook is %q", hook)
	}
	w.run("show", "example.com").exits(0, "0 s")
	w.run("issue", "--ca-cache", "a while", name).exits(2, "--ca-cache", "want seconds, from 0 to 3600")
	w.environ = append(w.environ, "WILDCARD_CA_CACHE=3601")
	w.run("issue", "*.a.example.com").exits(78, "WILDCARD_CA_CACHE", "want seconds, from 0 to 3600")
}

// A run with less time than the CA remembers says when to come again.
func TestIssue_RemembersTooLong(t *testing.T) {
	t.Parallel()
	w := newRemembering(t)
	w.run("issue", "--agree-tos", "--ca-cache", "3600", "example.com").exits(0)
	w.ca.ForgetAnswers()
	// As after a failed validation: what was not found is remembered for as long as the CA keeps anything.
	m := memory.Open(w.dir+"/state/memory", nil)
	m.Now = w.time.Now
	self, err := journal.Self()
	if err != nil {
		t.Fatal(err)
	}
	r := m.Reserve("1", self, memory.CA{Keep: time.Hour})
	r.Put(t.Context(), []memory.Record{{Name: "_acme-challenge.example.com.", FQDN: "_acme-challenge.example.com.", Value: "x"}})
	r.Look(t.Context())
	r.Looked(t.Context(), memory.Missed)
	creates := w.conoha.Calls().Creates
	until := w.time.Now().Add(time.Hour + 2*time.Second).UTC().Format("15:04:05 MST")
	w.run("issue", "--force", "example.com").exits(75, "[acme.remembers]", until, "--ca-cache 0")
	if got := w.conoha.Calls().Creates; got != creates {
		t.Errorf("%d records were made", got-creates)
	}
	w.nothingLeft()
}
