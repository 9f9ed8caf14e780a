package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

func hosts(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("h%d.example.com", i))
	}
	return names
}

// TestIssue_CARefusesName: newcomer N19 and its kind. What the CA is known to refuse is said by issue and plan before anything is
// sent: these CAs cannot be reached from here, so that exit status 75 would tell that one was asked.
func TestIssue_CARefusesName(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server string
		args   []string
		exit   int
		texts  []string
	}{
		"101 names":           {"letsencrypt", hosts(101), 2, []string{"101 names", "Let's Encrypt", "at most 100", "acme.too-many-names"}},
		"more at staging":     {"letsencrypt-staging", hosts(150), 2, []string{"150 names", "at most 100", "acme.too-many-names"}},
		"26 in shortlived":    {"letsencrypt", append(hosts(26), "--profile", "shortlived"), 2, []string{"26 names", "at most 25", "shortlived", "acme.too-many-names"}},
		"30 in tlsserver":     {"letsencrypt", append(hosts(30), "--profile=tlsserver"), 2, []string{"30 names", "at most 25", "tlsserver", "acme.too-many-names"}},
		"wildcard":            {"actalis", []string{"*.example.com"}, 2, []string{"*.example.com", "Actalis", "acme.no-wildcard"}},
		"six names":           {"actalis", hosts(6), 2, []string{"6 names", "at most 5", "acme.too-many-names"}},
		"a CA that ended":     {"buypass", []string{"example.com"}, 78, []string{"Buypass", "2025-10-31", "letsencrypt", "acme.ended"}},
		"a server that ended": {"https://acme-v01.api.letsencrypt.org/directory", []string{"example.com"}, 78, []string{"2021-06-01", "https://acme-v02.api.letsencrypt.org/directory", "acme.ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			commands := []string{"issue", "plan"}
			if test.exit == 2 && name != "101 names" { // plan asks the CA all the same, in vain and for seconds
				commands = commands[:1]
			}
			for _, command := range commands {
				w.run(append([]string{command, "--agree-tos", "--server", test.server}, test.args...)...).exits(test.exit, test.texts...)
			}
			if w.ca.Accounts() != 0 || len(w.ca.Orders()) != 0 || len(w.texts("")) != 0 {
				t.Error("something was made")
			}
		})
	}
}

// TestIssue_DirectoryRefusesName has said before an account is made what only the directory tells.
func TestIssue_DirectoryRefusesName(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Meta: map[string]any{"profiles": map[string]any{"classic": "", "shortlived": ""}, "externalAccountRequired": true}})
	for _, command := range []string{"issue", "plan"} {
		w.run(command, "--agree-tos", "--profile", "tlsclient", "--eab-kid", "k", "--eab-hmac-key", strings.Repeat("QUJD", 12), "example.com").
			exits(2, "tlsclient", "offers classic shortlived", "acme.profile")
		w.run(command, "--agree-tos", "example.com").exits(78, "--eab-kid", "acme.external-account")
		w.run(command, "--agree-tos", "--eab-kid", "k", "--eab-hmac-key", "QUJD", "example.com").exits(78, "3 bytes", "acme.external-account")
	}
	if w.ca.Accounts() != 0 || len(w.ca.Orders()) != 0 {
		t.Error("something was made")
	}
}

// TestIssue_NameCoveredByWildcard: Let's Encrypt refuses a certificate with *.N and a name that it covers. Such a name is left out with a note, as
// plan shows without asking any server but the CA, which cannot be reached from here; a signing request is refused.
func TestIssue_NameCoveredByWildcard(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, acmetest.Options{Deviations: acmetest.Deviations{TakesCoveredNames: true}})
	got := w.run("plan", "--json", "--agree-tos", "--server", "letsencrypt", "*.example.com", "www.example.com", "example.com", "a.b.example.com", "*.b.example.com")
	answer := answerOf[planAnswer](got)
	if want := []string{"*.example.com", "example.com", "*.b.example.com"}; !slices.Equal(answer.Names, want) {
		t.Errorf("names %q, want %q", answer.Names, want)
	}
	if len(answer.Notes) != 2 || !strings.Contains(answer.Notes[0], "www.example.com is left out: *.example.com covers it, and Let's Encrypt refuses both") {
		t.Errorf("notes %q", answer.Notes)
	}
	w.run("issue", "--agree-tos", "--lang", "ja", "--server", "letsencrypt", "*.example.com", "www.example.com").exits(75, "www.example.com は省きます")

	// Elsewhere both are asked for, and the hint at the end says nothing of names that are covered.
	w.issue("*.example.com", "www.example.com", "*.www.example.com", "example.com")
	if names := w.ca.Orders()[0].Names; len(names) != 4 {
		t.Errorf("ordered %q", names)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"*.example.com", "www.example.com"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	request := filepath.Join(w.dir, "request.pem")
	if err := os.WriteFile(request, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("issue", "--agree-tos", "--server", "letsencrypt", "--csr", request, "--out", filepath.Join(w.dir, "out.pem")).exits(2, "www.example.com", "acme.covered-name")
}

// TestIssue_HintOfUncoveredName: the hint at the end of issue names a name only if no wildcard of the certificate covers it.
func TestIssue_HintOfUncoveredName(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		"example.com":   {"*.example.com"},
		"":              {"*.example.com", "example.com"},
		"a.example.com": {"*.a.example.com"},
		"example.net":   {"*.example.com", "example.com", "*.example.net"},
	} {
		if got := uncovered(names); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
	if got := uncovered([]string{"*.a.example.com", "*.example.com", "example.com"}); got != "" {
		t.Errorf("%q is covered", got)
	}
}

// TestIssue_NamePaused: mismatch M12. Names that Let's Encrypt has paused (wfe2/wfe.go: 429 without Retry-After, a URL of some 600 characters)
// want a person: the URL is whole in the line, in the ledger's too, the exit status is not "try again later", and it is asked once.
func TestIssue_NamePaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := "https://portal.letsencrypt.org/sfe/v1/unpause?jwt=" + strings.Repeat("eyJhbGciOiJIUzI1NiJ9.", 60) + "end"
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "Your account is temporarily prevented from requesting certificates for example.com. Please visit: "+link))
	}))
	w.run("issue", "--agree-tos", "example.com").exits(77, link, "acme.paused", "cause:", "next:", "open the address")
	w.run("issue", "--agree-tos", "--lang", "ja", "example.com").exits(77, link, "acme.paused", "アドレスを開いて")
	if n := w.ca.Count(acmetest.NewOrder); n != 2 {
		t.Errorf("%d requests for two runs", n)
	}
	w.run("doctor", "example.com").exits(1, link, "wildcard issue --force example.com")
}
