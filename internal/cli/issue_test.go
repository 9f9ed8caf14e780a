package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
)

// A first call obtains, a second one with the same names does nothing, other names replace the certificate.
func TestIssueRunsOrRenews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := answerOf[issueAnswer](w.issue("--json", "*.example.com"))
	if first.Action != "issued" || first.Lineage != "example.com" || first.Paths.Fullchain != w.config("live", "example.com", "fullchain.pem") {
		t.Errorf("%+v", first)
	}
	w.issue("*.example.com").exits(0, "nothing to do before", "example.com itself is not covered by *.example.com", "wildcard issue '*.example.com' example.com")
	w.orders(1)
	again := answerOf[issueAnswer](w.issue("--json", "*.example.com"))
	if again.Action != "kept" || again.RenewAt == nil || !again.NotAfter.Equal(first.NotAfter) {
		t.Errorf("%+v", again)
	}
	if n := w.conoha.Calls().Logins; n != 1 {
		t.Errorf("%d logins", n)
	}
	// Other names are another certificate unless --cert-name says which one they replace.
	got := answerOf[issueAnswer](w.issue("--json", "--cert-name", "example.com", "*.example.com", "example.com"))
	if got.Action != "renewed" || len(w.lineage("example.com").Leaf.DNSNames) != 2 {
		t.Errorf("%+v", got)
	}
	w.orders(2)
	w.issue("example.com", "*.example.com").exits(0, "nothing to do") // the order of names is no change
	w.issue("--deploy-hook", "true", "example.com", "*.example.com").exits(0, "nothing to do", "the settings of this call are kept for its renewals")
	if again := w.issue("--deploy-hook", "true", "example.com", "*.example.com"); strings.Contains(again.stderr, "are kept") {
		t.Errorf("nothing was new: %s", again.stderr)
	}
	w.orders(2)
	w.issue("--force", "example.com", "*.example.com")
	w.orders(3)
	if len(w.ca.Orders()[2].Replaces) == 0 {
		t.Error("the order does not say which certificate it replaces")
	}
	w.issue("--key-type", "rsa-2048", "--reuse-key", "example.com", "*.example.com")
	key := w.read(w.config("live", "example.com", "privkey.pem"))
	w.issue("--force", "example.com", "*.example.com")
	if again := w.read(w.config("live", "example.com", "privkey.pem")); again != key {
		t.Error("--reuse-key is forgotten")
	}
	if n := w.ca.Accounts(); n != 1 {
		t.Errorf("%d accounts", n)
	}
	w.nothingLeft()
}

// TestIssue_SettingsOfTheCall: report N24. That settings are kept is said only where one of the user's changed, not where dates of the
// CA's, or what stands there only by default, was written down.
func TestIssue_SettingsOfTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("--key-type", "rsa-2048", "*.example.com")
	again := func(kept bool, args ...string) {
		t.Helper()
		got := w.issue(append(args, "*.example.com")...).exits(0, "nothing to do before")
		if said := strings.Contains(got.stderr, "are kept for its renewals"); said != kept {
			t.Errorf("%q: told that its settings are kept: %t\n%s", args, said, got.stderr)
		}
	}
	written := w.lineage("example.com").Conf.Bytes()
	again(false)
	if bytes.Equal(written, w.lineage("example.com").Conf.Bytes()) {
		t.Error("nothing was written: this test shows nothing")
	}
	w.at(w.clock().Add(7 * time.Hour)) // the CA is asked again
	again(false)
	conf := strings.Replace(w.read(w.config("renewal", "example.com.conf")), "rsa_key_size = 2048\n", "", 1) // as certbot before 1.25
	if err := os.WriteFile(w.config("renewal", "example.com.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	again(false)
	for _, args := range [][]string{
		{"--deploy-hook", "true"}, {"--deploy-hook", "true", "--deploy-hook", ":"}, {"--extra-wait", "1"}, {"--reuse-key"},
		{"--combined", filepath.Join(w.dir, "both.pem")}, {"--provider", "example.com=conoha"},
	} {
		again(true, args...)
		again(false, args...)
		again(false)
	}
	w.orders(1)
}

// Fault #155: one bad name refuses the whole request, before any server is asked for anything or a file is made.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{
		"*.*.example.com", "*x.example.com", "x*.example.com", "*", "*.", "192.0.2.1", "::1", "_x.example.com", "a_b.example.com", "com", "*.com.",
		strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 130) + "example.com", "-a.example.com", "a-.example.com", "a..example.com",
		".example.com", "exa mple.com", "example.com\n", "example.com;id", "$(id).example.com", "../example.com", "/etc/passwd", "a\x00.example.com", "",
		"xn--\u00e9.example.com", "https://example.com", "example.com:443", "user@example.com", "a.123", "\u202eexample.com", "-rf",
	} {
		got := w.run("issue", "--agree-tos", "good.example.com", name)
		if name == "*.com." { // the public suffix list is the CA's business
			continue
		}
		if got.code != 2 || strings.Count(got.stderr, "\n") != 2 || strings.ContainsAny(got.stderr, "\x00\u202e") {
			t.Errorf("%q: exit status %d, %q", name, got.code, got.stderr)
		}
	}
	if calls := w.conoha.Calls(); calls.Logins > 1 || len(w.ca.Orders()) > 1 {
		t.Errorf("%+v, %d orders", calls, len(w.ca.Orders()))
	}
	w = newWorld(t)
	w.run("issue", "--agree-tos", "good.example.com", "*.*.example.com").exits(2)
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 1 || w.conoha.Calls().Logins+w.conoha.Calls().ZoneLists > 0 || len(w.conoha.Questions()) > 0 {
		t.Errorf("something was done: %v %v", entries, w.conoha.Questions())
	}
	// What is only written differently is normalized.
	got := answerOf[issueAnswer](w.issue("--json", "*.EXAMPLE.com.", "b\u00fccher.example.net", "*.example.com"))
	if !slices.Equal(slices.Sorted(slices.Values(got.Names)), []string{"*.example.com", "xn--bcher-kva.example.net"}) {
		t.Errorf("%q", got.Names)
	}
}

// The terms of a CA that has some are agreed to by the user alone.
func TestTerms(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Meta: map[string]any{"termsOfService": "https://ca.example/terms"}, Deviations: unproven})
	w.run("issue", "*.example.com").exits(77, "https://ca.example/terms", "--agree-tos")
	w.run("account", "register").exits(77, "https://ca.example/terms")
	w.orders(0)
	w.issue("*.example.com")
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := answerOf[issueAnswer](w.issue("--dry-run", "--json", "*.example.com"))
	if got.Action != "tested" || got.Paths != nil {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(w.config("live")); !os.IsNotExist(err) {
		t.Errorf("something was kept: %v", err)
	}
	w.issue("*.example.com")
	before := w.lineage("example.com").Leaf.SerialNumber
	w.issue("--dry-run", "*.example.com")
	w.run("renew", "--dry-run").exits(0, "tried, and would renew")
	if after := w.lineage("example.com").Leaf.SerialNumber; after.Cmp(before) != 0 {
		t.Error("a try changed the certificate")
	}
	w.nothingLeft()
}

// A try is one although the CA still holds the proof of an earlier one.
func TestDryRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{})
	w.issue("*.example.com")
	for _, command := range [][]string{{"issue", "--dry-run", "*.example.com"}, {"renew", "--dry-run"}} {
		w.conoha.ResetLog()
		w.run(command...).exits(0)
		if n := w.conoha.Calls().Creates; n != 1 {
			t.Errorf("%q: %d records", command, n)
		}
	}
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: conohatest.Request.Create}, Times: -1, Status: 403})
	w.run("issue", "--dry-run", "*.example.com").exits(77)
}

func TestCSR(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"*.example.com", "example.com"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, out := filepath.Join(w.dir, "a.csr"), filepath.Join(w.dir, "out.pem")
	if err := os.WriteFile(csr, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.issue("--csr", csr, "--out", out)
	block, _ := pem.Decode([]byte(w.read(out)))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !key.PublicKey.Equal(leaf.PublicKey) {
		t.Errorf("%v %v", leaf, err)
	}
	if _, err := os.Stat(w.config("live")); !os.IsNotExist(err) {
		t.Error("a lineage was made")
	}
	w.run("issue", "--csr", csr, "--out", filepath.Join(w.dir, "none", "x")).exits(78, "no such folder")
	if err := os.WriteFile(csr, []byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("issue", "--csr", csr, "--out", out).exits(2, "PRIVATE KEY")
	w.nothingLeft()
}

// What issue was told is kept with the lineage, so that a timer with an empty environment renews just as well.
func TestSettingsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	env := filepath.Join(w.dir, "dns.env")
	var credentials, rest []string
	for _, line := range w.environ {
		if strings.HasPrefix(line, "CONOHA_") {
			credentials = append(credentials, line)
		} else {
			rest = append(rest, line)
		}
	}
	if err := os.WriteFile(env, []byte(strings.Join(credentials, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	combined := filepath.Join(w.dir, "haproxy.pem")
	w.environ = rest
	w.issue("--env-file", env, "--combined", combined, "*.example.com")
	if text := w.read(combined); !strings.Contains(text, "PRIVATE KEY") || !strings.Contains(text, "CERTIFICATE") {
		t.Errorf("%.40s", text)
	}
	if conf := w.read(w.config("renewal", "example.com.conf")); strings.Contains(conf, "PASSWORD") || strings.Contains(conf, "TENANT") {
		t.Errorf("credentials in\n%s", conf)
	}
	w.environ = slices.DeleteFunc(slices.Clone(rest), func(line string) bool {
		return strings.HasPrefix(line, "WILDCARD_SERVER=") || strings.HasPrefix(line, "WILDCARD_CA_BUNDLE=") || strings.HasPrefix(line, "WILDCARD_RESOLVERS=") ||
			strings.HasPrefix(line, "WILDCARD_NAMESERVERS=") || strings.HasPrefix(line, "HOME=")
	})
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "1 renewed, 0 not due, 0 failed")
	w.nothingLeft()
}

// Fault #71: a certificate for tries does not replace a real one.
func TestStagingGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	before := w.lineage("example.com").Leaf.SerialNumber
	w.run("issue", "--agree-tos", "--force", "--server", "letsencrypt-staging", "*.example.com").exits(2, "[lineage.staging]", "--dry-run")
	if w.lineage("example.com").Leaf.SerialNumber.Cmp(before) != 0 {
		t.Error("it was replaced")
	}
}

// A lineage of certbot's is left alone.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.run("release", "--yes", "example.com").exits(0, "certbot's from now on")
	w.run("issue", "--agree-tos", "*.example.com").exits(2, "wildcard adopt example.com")
	w.run("renew", "--cert-name", "example.com").exits(2, "wildcard adopt example.com")
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "There is no certificate to renew")
	w.orders(1)
	got := w.run("adopt", "--dry-run", "example.com").exits(0, "nothing was changed", "+ autorenew = False")
	if strings.Contains(got.stdout, "managed by wildcard from now on") {
		t.Errorf("%s", got.stdout)
	}
	conf := w.config("renewal", "example.com.conf")
	text := w.read(conf)
	plugin := strings.Replace(text, "authenticator = manual", "authenticator = dns-rfc2136", 1)
	if err := os.WriteFile(conf, []byte(plugin), 0o600); err != nil || plugin == text {
		t.Fatal(err)
	}
	w.run("adopt", "example.com").exits(2, "dns-rfc2136", "--provider", "[usage]")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("adopt", "--yes", "example.com").exits(0, "managed by wildcard from now on")
	w.run("adopt", "--provider", "conoha", "example.com").exits(0, "already managed by wildcard", "its settings stay as they were")
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	if s, ours := w.lineage("example.com").Conf.Settings(); !ours || !slices.Equal(s.Domains, []string{"*.example.com"}) {
		t.Errorf("%+v", s)
	}
	w.run("adopt", "nowhere").exits(2, "nowhere")
}

// Deploy hooks that failed run again, also when nothing is renewed.
func TestDeployHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	count := filepath.Join(w.dir, "count")
	hook := w.hook("reload", `echo "$RENEWED_LINEAGE $RENEWED_DOMAINS" >>`+count+`; test -e `+filepath.Join(w.dir, "works"))
	w.run("issue", "--agree-tos", "--deploy-hook", hook, "*.example.com").exits(1, "[hook.failed]", "reload")
	w.run("renew").exits(1, "[hook.failed]", "0 renewed")
	if err := os.WriteFile(filepath.Join(w.dir, "works"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("list").exits(0, "its deploy hooks have not succeeded yet")
	w.run("renew").exits(0)
	w.run("renew").exits(0, "Nothing is due")
	if text := w.read(count); text != strings.Repeat(w.config("live", "example.com")+" *.example.com\n", 3) {
		t.Errorf("%s", text)
	}
	w.orders(1)
}

// An order whose certificate could not be stored is taken up by the next run.
func TestStoredByTheNextRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	// What cannot be written is found before anything is ordered; so it breaks while the certificate is downloaded.
	w.ca.On(acmetest.Certificate, func(r *acmetest.Request) *acmetest.Reply {
		if err := os.Rename(w.config("archive"), w.config("away")); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(w.config("archive"), nil, 0o600); err != nil {
			t.Error(err)
		}
		return r.Next()
	})
	got := w.run("issue", "--agree-tos", "--force", "*.example.com")
	if got.code == 0 || !strings.Contains(got.stderr, "the next run stores it") {
		t.Errorf("exit status %d: %s", got.code, got.stderr)
	}
	w.ca.On(acmetest.Certificate, nil)
	if err := os.Remove(w.config("archive")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.config("away"), w.config("archive")); err != nil {
		t.Fatal(err)
	}
	w.issue("--force", "*.example.com")
	w.orders(2)
	if n := w.ca.Count(acmetest.Certificate); n != 0 {
		t.Errorf("the certificate was downloaded %d times more", n)
	}
	w.lineage("example.com")
	w.nothingLeft()
}

func TestListAndShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("list").exits(0, "There is no certificate")
	w.issue("*.example.com")
	w.issue("*.example.net")
	if err := os.WriteFile(w.config("renewal", "broken.conf"), []byte("[[[\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := answerOf[struct{ Certificates []listLine }](w.run("list", "--json").exits(0))
	status := map[string]string{}
	for _, line := range answer.Certificates {
		status[line.Lineage] = line.Status
	}
	if status["example.com"] != "good" || status["example.net"] != "good" || status["broken"] != "unreadable" || len(status) != 3 {
		t.Errorf("%v", status)
	}
	w.run("show", "example.com").exits(0, "*.example.com", "privkey.pem")
	w.run("show", "nowhere").exits(2, "nowhere")
	w.at(w.lineage("example.com").Leaf.NotAfter.AddDate(0, 0, 1))
	w.run("list").exits(0, "expired")
}

func TestRevokeAndDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.run("revoke", "--reason", "no-such", "example.com").exits(2, "keycompromise")
	w.run("revoke", "--yes", "--reason", "superseded", "example.com").exits(0)
	if n := w.ca.Count(acmetest.RevokeCert); n != 1 {
		t.Errorf("%d revocations", n)
	}
	w.run("delete", "--yes", "example.com").exits(0)
	w.run("list").exits(0, "There is no certificate")
	if _, err := os.Stat(w.config("archive", "example.com")); !os.IsNotExist(err) {
		t.Error(err)
	}
	w.run("delete", "example.com").exits(2)
}

// What the CA said of a certificate before it was revoked holds no longer: the next run asks, although the CA wanted to be left
// alone for six hours, and renews if that is the answer.
func TestRevoke_NextRunAsksTheCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.run("renew").exits(0)
	asked := w.ca.Count(acmetest.RenewalInfo)
	w.run("renew").exits(0)
	if n := w.ca.Count(acmetest.RenewalInfo); n != asked || asked == 0 {
		t.Fatalf("asked %d times, then %d", asked, n)
	}
	w.run("revoke", "--yes", "example.com").exits(0)
	w.ca.On(acmetest.RenewalInfo, func(*acmetest.Request) *acmetest.Reply {
		past := w.clock().Add(-time.Hour).UTC()
		return acmetest.JSON(http.StatusOK, map[string]any{"suggestedWindow": map[string]any{
			"start": past.Format(time.RFC3339), "end": past.Add(30 * time.Minute).Format(time.RFC3339),
		}}).With("Retry-After", "21600")
	})
	w.run("renew").exits(0, "renewed")
	w.orders(2)
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("account", "show").exits(0, "There is no account")
	w.run("account", "register", "--agree-tos", "--email", "a@mail.example").exits(0, "is registered")
	w.run("account", "register", "--agree-tos").exits(0, "is there already")
	shown := answerOf[struct{ Accounts []accountLine }](w.run("account", "show", "--json").exits(0))
	if len(shown.Accounts) != 1 || shown.Accounts[0].Status != "valid" {
		t.Fatalf("%+v", shown)
	}
	var key string
	if err := filepath.WalkDir(w.config("accounts"), func(path string, d os.DirEntry, err error) error {
		if d != nil && d.Name() == "private_key.json" {
			key = path
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(w.dir, "key.json")
	if err := os.WriteFile(copied, []byte(w.read(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.config("accounts")); err != nil {
		t.Fatal(err)
	}
	w.run("account", "import", copied).exits(0, "is imported")
	w.issue("*.example.com")
	if n := w.ca.Accounts(); n != 1 {
		t.Errorf("%d accounts", n)
	}
	w.run("account", "deactivate", "--yes").exits(0, "is deactivated")
	w.run("account", "deactivate", "--yes").exits(78)
	w.run("account", "import", w.hook("nokey", "")).exits(78)
}

// Fault #62: an account key that is damaged is named, and no new account is made.
func TestDamagedAccountKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	keys, err := filepath.Glob(w.config("accounts", "*", "*", "*", "private_key.json"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	whole := w.read(keys[0])
	for _, text := range []string{"", whole[:len(whole)/2], `{"kty":"oct","k":"AAAA"}`, "[]", "null"} {
		if err := os.Remove(keys[0]); err != nil { // it is read-only
			t.Fatal(err)
		}
		if err := os.WriteFile(keys[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.run("issue", "--agree-tos", "--force", "*.example.com").exits(78, filepath.Dir(keys[0]))
	}
	if n := w.ca.Accounts(); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// Fault #61: a CA that has forgotten the account gets it once more, with the same key.
func TestForgottenAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.ca.ForgetAccounts()
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "registering its key again", "1 renewed")
	if n := w.ca.Accounts(); n != 2 {
		t.Errorf("%d accounts", n)
	}
	shown := answerOf[struct{ Accounts []accountLine }](w.run("account", "show", "--json").exits(0))
	if len(shown.Accounts) != 1 || shown.Accounts[0].Status != "valid" {
		t.Errorf("%+v", shown)
	}
}

// A CA that says once that it does not know the account, and then does: the account is the same, and its files stay.
func TestForgottenAccount_KnownAfterAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	accounts := func() []accountLine {
		return answerOf[struct{ Accounts []accountLine }](w.run("account", "show", "--json").exits(0)).Accounts
	}
	before := accounts()
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		w.ca.On(acmetest.NewOrder, nil)
		return w.ca.Nonce(acmetest.Problem(400, "accountDoesNotExist", "not now"))
	})
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(0, "1 renewed")
	if after := accounts(); w.ca.Accounts() != 1 || len(after) != 1 || after[0].ID != before[0].ID || after[0].Status != "valid" {
		t.Errorf("%d accounts, %+v, before %+v", w.ca.Accounts(), after, before)
	}
}

// Fault #69: with another CA there is another account and no word of the old certificate, which stays until there is a new.
func TestOtherCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	before := w.lineage("example.com").Leaf.SerialNumber
	other, err := acmetest.Start(acmetest.Options{Look: w.texts, ValidationTime: acmetest.Takes(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	both := filepath.Join(w.dir, "both.pem")
	if err := os.WriteFile(both, append(w.ca.RootPEM(), other.RootPEM()...), 0o600); err != nil {
		t.Fatal(err)
	}
	other.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return other.Nonce(acmetest.Problem(403, "rejectedIdentifier", "not here"))
	})
	w.run("issue", "--agree-tos", "--server", other.DirectoryURL(), "--ca-bundle", both, "*.example.com").exits(1, "not here")
	if w.lineage("example.com").Leaf.SerialNumber.Cmp(before) != 0 {
		t.Error("the old certificate is gone")
	}
	other.On(acmetest.NewOrder, nil)
	w.run("issue", "--agree-tos", "--server", other.DirectoryURL(), "--ca-bundle", both, "*.example.com").exits(0)
	if w.lineage("example.com").Leaf.SerialNumber.Cmp(before) == 0 || other.Accounts() != 1 || other.Orders()[0].Replaces != "" {
		t.Errorf("%d accounts, replaces %q", other.Accounts(), other.Orders()[0].Replaces)
	}
	w.nothingLeft()
}
