package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/doctor"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
)

// statusSaid is what each command that says how it is with certificates says of one.
func (w *world) statusSaid(name string) (list, show, metric string) {
	w.t.Helper()
	for _, line := range answerOf[struct{ Certificates []listLine }](w.run("list", "--json").exits(0)).Certificates {
		if line.Lineage == name {
			list = line.Status
		}
	}
	path := filepath.Join(w.dir, "said.prom")
	w.run("list", "--prometheus", path).exits(0)
	for key, value := range measured(w.t, path) {
		if strings.HasPrefix(key, `wildcard_certificate_revoked{lineage="`+name+`"`) {
			metric = value
		}
	}
	return list, answerOf[showAnswer](w.run("show", "--json", name).exits(0)).Status, metric
}

// isRevoked fails the test unless every command says that a certificate is revoked; unlessRevoked, unless none does.
func (w *world) isRevoked(name string) {
	w.t.Helper()
	if list, show, metric := w.statusSaid(name); list != "revoked" || show != "revoked" || metric != "1" {
		w.t.Errorf("list %q, show %q, metric %q", list, show, metric)
	}
	w.run("list").exits(0, "revoked", "--cert-name "+name+" replaces it")
	w.run("show", name).exits(0, "status", "revoked")
	w.run("list", "--check", "14d").exits(1, name+": revoked on ")
	if said := kinds(w.run("list", "--check", "14d", "--json").exits(1)); said != name+" revoked" {
		w.t.Errorf("list --check: %s", said)
	}
	w.run("doctor").exits(1, "it was revoked on ", "--cert-name "+name)
	for _, f := range answerOf[doctorAnswer](w.run("doctor", "--json").exits(1)).Findings {
		if f.Code == doctor.FoundRevoked && f.Subject == name && f.Severity == "error" {
			return
		}
	}
	w.t.Error("doctor has no error of it")
}

func (w *world) isNotRevoked(name string) {
	w.t.Helper()
	if list, show, metric := w.statusSaid(name); list != "good" || show != "good" || metric != "0" {
		w.t.Errorf("list %q, show %q, metric %q", list, show, metric)
	}
	w.run("list", "--check", "14d").exits(0)
	w.run("doctor").exits(0, "Nothing is wrong")
}

// revoked is a machine with a certificate that was revoked a moment after everything about it was well and the CA was asked when to
// renew it.
func revoked(t *testing.T, o acmetest.Options, args ...string) *world {
	t.Helper()
	o.Deviations = unproven
	w := newWorldOf(t, o)
	w.timed()
	w.issue("*.example.com")
	w.run("renew").exits(0, "Nothing is due")
	w.isNotRevoked("example.com")
	w.run(append([]string{"revoke", "--yes", "example.com"}, args...)...).exits(0, "is revoked", "wildcard renew --cert-name example.com")
	w.isRevoked("example.com")
	w.run("plan", "*.example.com").exits(0, "it is revoked")
	return w
}

// TestRevoked_Renewed: report N16. A certificate that was revoked from here is "revoked" to every command, and the next run of renew or
// issue replaces it at once: whatever the CA said before of its renewal, also at a CA that says nothing, and however the
// revocation was made. The one that takes its place is not revoked.
func TestRevoked_Renewed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options acmetest.Options
		revoke  []string
		renew   []string
		said    string
	}{
		"renew":                {said: "1 renewed", renew: []string{"renew", "--no-jitter"}},
		"renew, no ARI":        {said: "1 renewed", options: acmetest.Options{NoRenewalInfo: true}, renew: []string{"renew", "--no-jitter"}},
		"renew --cert-name":    {said: "1 renewed", renew: []string{"renew", "--cert-name", "example.com"}},
		"issue":                {said: "Certificate for", renew: []string{"issue", "*.example.com"}},
		"issue, no ARI":        {said: "Certificate for", options: acmetest.Options{NoRenewalInfo: true}, renew: []string{"issue", "*.example.com"}},
		"issue, key is leaked": {said: "Certificate for", revoke: []string{"--reason", "keycompromise"}, renew: []string{"issue", "*.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := revoked(t, test.options, test.revoke...)
			before := w.lineage("example.com").Leaf
			w.run(test.renew...).exits(0, test.said)
			w.orders(2)
			if after := w.lineage("example.com").Leaf; after.Equal(before) {
				t.Fatal("the live certificate is the revoked one")
			}
			w.isNotRevoked("example.com")
			w.run(test.renew...).exits(0)
			w.orders(2)
			w.nothingLeft()
		})
	}
}

// TestRevoked_RenewedLately: one renewal a day is enough for a CA that says "now" for ever; what the operator revoked does not wait.
func TestRevoked_RenewedLately(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
	for n := 3; n < 5; n++ {
		w.run("revoke", "--yes", "example.com").exits(0)
		w.run("renew", "--no-jitter").exits(0, "1 renewed")
		w.orders(n)
	}
	w.run("renew", "--no-jitter").exits(0, "Nothing is due")
}

// TestRevoked_Already: the CA says that it was revoked before, as after a run that ended before it could write that down, or another
// client's revocation: from then on it is known here.
func TestRevoked_Already(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	w.issue("example.com")
	w.run("revoke", "--yes", "example.com").exits(0)
	if err := os.Remove(filepath.Join(w.dir, "state", "revoked.jsonl")); err != nil {
		t.Fatal(err)
	}
	w.isNotRevoked("example.com")
	w.run("revoke", "--yes", "example.com").exits(0, "was revoked already")
	w.isRevoked("example.com")
}

// TestRevoked_CannotBeKept: a revocation that cannot be written down is said, with what does it.
func TestRevoked_CannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	path := filepath.Join(w.dir, "state", "revoked.jsonl")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	w.run("revoke", "--yes", "example.com").exits(78, "is revoked, but that could not be written down", "wildcard revoke example.com again")
	w.run("list").exits(0, "revoked.jsonl")
	w.run("list", "--check", "14d").exits(1, "revoked.jsonl")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.run("revoke", "--yes", "example.com").exits(0, "was revoked already")
	w.run("list").exits(0, "revoked on")
}

// A list of revoked certificates that cannot be read keeps no certificate from its renewal.
func TestRevoked_ListCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	if err := os.Mkdir(filepath.Join(w.dir, "state", "revoked.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.run("renew", "--no-jitter").exits(0, "Nothing is due")
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
}

// TestRevoked_OfCertbot: the same word for a certificate of certbot's that was revoked here, with the command that works for its
// owner; also when it is taken over, with a new key where the CA blocks the old one. Of a lineage with another certificate nothing
// of it is said.
func TestRevoked_OfCertbot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timed()
	w.run("issue", "--agree-tos", "--reuse-key", "example.com").exits(0)
	w.issue("example.net")
	for _, name := range []string{"example.com", "example.net"} {
		w.run("release", "--yes", name).exits(0)
	}
	w.run("revoke", "--yes", "--reason", "keycompromise", "example.com").exits(0, "certbot renew --force-renewal --cert-name example.com")
	for _, said := range []said{w.run("list"), w.run("doctor")} {
		if !strings.Contains(said.stdout+said.stderr, "certbot renew --force-renewal --cert-name example.com") {
			t.Errorf("no command for its owner:\n%s%s", said.stdout, said.stderr)
		}
	}
	w.run("list", "--check", "14d").exits(1, "example.com: revoked on ", "(certbot's)")
	if list, show, metric := w.statusSaid("example.com"); list != "revoked" || show != "revoked" || metric != "1" {
		t.Errorf("list %q, show %q, metric %q", list, show, metric)
	}
	if list, show, metric := w.statusSaid("example.net"); list != "good" || show != "good" || metric != "0" {
		t.Errorf("the other: list %q, show %q, metric %q", list, show, metric)
	}
	key := w.lineage("example.com").Leaf
	w.run("adopt", "--yes", "example.net").exits(0)
	w.run("adopt", "--yes", "example.com").exits(0, "it is revoked")
	w.isRevoked("example.com")
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	if isKeyOfCertificate(w.lineage("example.com").Leaf.PublicKey, key) {
		t.Error("the key that leaked is used again")
	}
	if list, show, metric := w.statusSaid("example.com"); list != "good" || show != "good" || metric != "0" {
		t.Errorf("replaced: list %q, show %q, metric %q", list, show, metric)
	}
}

// TestRevoked_OtherWords: what is damaged or expired is that first; what is repaired is revoked as before, and renewed.
func TestRevoked_OtherWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("example.com")
	w.run("revoke", "--yes", "example.com").exits(0)
	end := w.lineage("example.com").Leaf.NotAfter
	if err := os.Remove(w.config("live", "example.com", "chain.pem")); err != nil {
		t.Fatal(err)
	}
	if list, show, _ := w.statusSaid("example.com"); list != "damaged" || show != "damaged" {
		t.Errorf("list %q, show %q", list, show)
	}
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	w.run("revoke", "--yes", "example.com").exits(0)
	w.at(end.AddDate(0, 0, 1))
	if list, _, _ := w.statusSaid("example.com"); list != "expired" {
		t.Errorf("list %q", list)
	}
}

// TestRevoked_Notify: people are told once that a certificate is revoked and that nothing takes its place, at once and although the
// failure ends by itself; also when they knew that renewals fail. Of certbot's, which is not ours to renew, too. They hear when all is
// well again.
func TestRevoked_Notify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	renew := func(code int) {
		t.Helper()
		w.run("renew", "--no-jitter", "--force", "--quiet", "--cert-name", "example.com", "--notify", h.spec).exits(code)
	}
	w.issue("example.com")
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "/nonexistent" })
	renew(78)
	w.run("revoke", "--yes", "example.com").exits(0)
	renew(78)
	renew(78)
	if said := h.said(); said != "failing example.com; revoked example.com" {
		t.Fatalf("told: %s", said)
	}
	if m := h.messages()[1]; !strings.Contains(m.Subject, "revoked") || !strings.Contains(m.Text, "is revoked") || !strings.Contains(m.Text, "/nonexistent") {
		t.Errorf("%+v", m)
	}
	w.update("example.com", func(s *lineage.Settings) { s.EnvFile = "" })
	renew(0)
	if said := h.said(); said != "failing example.com; revoked example.com; recovered example.com" {
		t.Errorf("told: %s", said)
	}
}

// TestRevoked_NotifyTemporary: a CA that is down for a moment is no news, but for a certificate that is revoked.
func TestRevoked_NotifyTemporary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.listen()
	w.issue("example.com")
	w.issue("example.net")
	w.run("release", "--yes", "example.net").exits(0)
	w.run("renew", "--no-jitter", "--notify", h.spec).exits(0)
	for _, name := range []string{"example.com", "example.net"} {
		w.run("revoke", "--yes", name).exits(0)
	}
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(503, "serverInternal", "down for maintenance").With("Retry-After", "1"))
	})
	for range 2 {
		w.run("renew", "--no-jitter", "--quiet", "--notify", h.spec).exits(75)
		w.at(w.clock().Add(6 * time.Hour))
	}
	if said := h.said(); said != "revoked example.com & revoked example.net" {
		t.Errorf("told: %s", said)
	}
	w.ca.On(acmetest.NewOrder, nil)
	w.run("renew", "--no-jitter", "--quiet", "--notify", h.spec).exits(0)
	w.run("adopt", "--yes", "example.net").exits(0)
	w.run("renew", "--no-jitter", "--quiet", "--notify", h.spec).exits(0)
	if said := h.said(); said != "revoked example.com & revoked example.net; recovered example.com; recovered example.net" {
		t.Errorf("told: %s", said)
	}
}
