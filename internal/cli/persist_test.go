package cli

import (
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/persist"
	"wildcard/internal/testkit/acmetest"
	"wildcard/providers"
)

// persistWorld has a CA that takes persistent records, and an account there.
func persistWorld(t *testing.T, offers acmetest.Persist) *world {
	t.Helper()
	w := newWorldOf(t, acmetest.Options{Persist: offers, Deviations: unproven})
	w.run("account", "register", "--agree-tos").exits(0)
	return w
}

// recordMissing is the record that the error of a name says is missing.
func recordMissing(s said) string {
	_, rest, _ := strings.Cut(s.stderr, ` TXT "`)
	value, _, ok := strings.Cut(rest, `"`)
	if !ok {
		s.t.Fatalf("no record in %s", s.stderr)
	}
	return value
}

// withoutCredentials is the environment of a machine that the credentials of its DNS service have left.
func (w *world) withoutCredentials() {
	var rest []string
	for _, line := range w.environ {
		if !strings.HasPrefix(line, "CONOHA_") {
			rest = append(rest, line)
		}
	}
	w.environ = rest
}

func TestIssue_ByPersistentRecord(t *testing.T) {
	t.Parallel()
	for name, offers := range map[string]acmetest.Persist{"-01": acmetest.PersistPlain, "-02": acmetest.PersistHashed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := persistWorld(t, offers)
			names := []string{"*.example.com", "example.com"}
			missing := w.run(append([]string{"issue", "--challenge", "dns-persist-01"}, names...)...).exits(78, "[persist.missing]", persist.Name("example.com"))
			if failed := w.run(append([]string{"plan", "--challenge", "dns-persist-01"}, names...)...).exits(78, "[persist.missing]"); recordMissing(failed) != recordMissing(missing) {
				t.Errorf("plan wants %s", recordMissing(failed))
			}
			w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", recordMissing(missing))
			w.run(append([]string{"plan", "--challenge", "dns-persist-01"}, names...)...).exits(0, persist.Name("example.com")+" is there already")
			said := w.issue(append([]string{"--challenge", "dns-persist-01", "--force"}, names...)...)
			if !strings.Contains(said.stderr, "they may leave this machine (") {
				t.Errorf("nothing is said of the credentials: %s", said.stderr)
			}
			w.run("show", "example.com").exits(0, "dns-persist-01")
			w.withoutCredentials()
			calls := w.conoha.Calls()
			for range 2 {
				w.at(due(w.lineage("example.com")))
				said := w.run("renew").exits(0, "renewed")
				if strings.Contains(said.stderr, "may leave") {
					t.Errorf("what has left may leave: %s", said.stderr)
				}
			}
			if after := w.conoha.Calls(); after != calls {
				t.Errorf("calls of the DNS service: %+v, %+v before", after, calls)
			}
			w.orders(3) // the first one was given back for the second
		})
	}
}

// With auto, which is what holds unless something else was asked for, the credentials may go at any time.
func TestRenew_AutoWithoutCredentials(t *testing.T) {
	t.Parallel()
	w := persistWorld(t, acmetest.PersistPlain)
	w.issue("*.example.com")
	w.withoutCredentials()
	w.at(due(w.lineage("example.com")))
	orders := len(w.ca.Orders())
	w.run("renew").exits(78, "["+fault.CodeMissing+"]")
	w.orders(orders)
	w.run("plan", "*.example.com").exits(78, "["+fault.CodeMissing+"]")
	record := "letsencrypt.org;accounturi=" + w.lineageAccount() + ";policy=wildcard"
	w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", record)
	w.run("plan", "*.example.com").exits(0, "is there already")
	w.run("renew").exits(0, "renewed")
	if s, _ := w.lineage("example.com").Conf.Settings(); s.ProvenBy != "dns-persist-01" || s.Challenge != "" {
		t.Errorf("%+v", s)
	}
	if !w.conoha.DeleteRecord("example.com", persist.Name("example.com"), "TXT", record) {
		t.Fatal("no such record")
	}
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--challenge", "dns-persist-01").exits(78, "[persist.missing]")
}

// lineageAccount is the URL of the account.
func (w *world) lineageAccount() string {
	w.t.Helper()
	got := answerOf[struct {
		Accounts []accountLine `json:"accounts"`
	}](w.run("account", "show", "--json").exits(0))
	return got.Accounts[0].URI
}

func TestIssue_ChallengeUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, bad := range []string{"http-01", "persist", "DNS-01", "tls-alpn-01"} {
		w.run("issue", "--agree-tos", "--challenge", bad, "example.com").exits(2, "dns-persist-01")
	}
	w.orders(0)
}

// What was chosen stays with the certificate, and each record is at the account's name, as plan shows it.
func TestIssue_DNSAccount(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{DNSAccount: true, Deviations: unproven})
	names := []string{"*.example.com", "example.com"}
	w.run(append([]string{"plan", "--agree-tos", "--challenge", "dns-account-01"}, names...)...).exits(0, "the first label of each will be another")
	before := len(w.conoha.Questions())
	w.issue(append([]string{"--challenge", "dns-account-01"}, names...)...)
	at := providers.AccountChallengeName(w.lineageAccount(), "example.com")
	w.run(append([]string{"plan"}, names...)...).exits(0, at)
	w.run("show", "example.com").exits(0, "dns-account-01")
	w.at(due(w.lineage("example.com")))
	w.run("renew").exits(0, "renewed")
	for _, q := range w.conoha.Questions()[before:] {
		if name := providers.CanonicalName(q.Name); q.Type == "TXT" && strings.Contains(name, "_acme-challenge") && name != at {
			t.Errorf("asked for %s", q.Name)
		}
	}
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--challenge", "dns-01").exits(0, "renewed")
	if s, _ := w.lineage("example.com").Conf.Settings(); s.Challenge != "dns-01" {
		t.Errorf("%+v", s)
	}
}

// A persistent record that stands proves nothing where another way was asked for: plan shows what issue makes.
func TestPlan_PersistentRecordNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{DNSAccount: true, Persist: acmetest.PersistHashed, Deviations: unproven})
	w.run("account", "register", "--agree-tos").exits(0)
	record := recordMissing(w.run("issue", "--challenge", "dns-persist-01", "example.com").exits(78, "[persist.missing]"))
	w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", record)
	for method, at := range map[string]string{
		"dns-01":         providers.ChallengeName("example.com"),
		"dns-account-01": providers.AccountChallengeName(w.lineageAccount(), "example.com"),
	} {
		if said := w.run("plan", "--challenge", method, "example.com").exits(0, at); strings.Contains(said.stdout, "is there already") {
			t.Errorf("%s: %s", method, said.stdout)
		}
	}
}
