package acmedns

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/acmedns/acmednstest"
)

// world is an acme-dns server and a machine that uses it.
type world struct {
	*acmednstest.Server

	t       testing.TB
	dir     string
	environ []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	server, err := acmednstest.Start("auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &world{Server: server, t: t, dir: t.TempDir()}
	w.environ = []string{"ACME_DNS_API_BASE=" + server.URL()}
	return w
}

func (w *world) accounts() string { return filepath.Join(w.dir, "etc", "acmedns", "accounts.json") }

// open opens the provider as a new process does.
func (w *world) open(environ ...string) *Provider {
	w.t.Helper()
	accounts, err := w.tryOpen("acmedns", environ...)
	if err != nil {
		w.t.Fatal(err)
	}
	p := accounts[0].Provider.(*Provider)
	p.client.http.Pause = 1
	return p
}

func (w *world) tryOpen(spec string, environ ...string) ([]providers.Account, error) {
	w.t.Helper()
	parsed, err := providers.ParseSpec(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	src := settings.Sources{Environ: append(environ, w.environ...), ConfigDir: filepath.Join(w.dir, "etc")}
	return Open(parsed, src, Options{RunDir: filepath.Join(w.dir, "run"), UserAgent: "wildcard/test"})
}

// register returns the name of a domain.
func (w *world) register(domain string) string {
	w.t.Helper()
	name, err := w.open().CNAMETarget(w.t.Context(), domain, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return name
}

func challenge(fqdn string, n int) providers.Challenge {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return providers.Challenge{Domain: "example.com", FQDN: fqdn, Value: base64.RawURLEncoding.EncodeToString(sum[:])}
}

// updates is how many updates the server was asked for.
func (w *world) updates() (n int) {
	for _, request := range w.Requests() {
		if request == "POST /update" {
			n++
		}
	}
	return n
}

// fails fails the test unless err has this code and class and says these words, and no secret.
func (w *world) fails(err error, code string, class providers.Class, words ...string) {
	w.t.Helper()
	if err == nil || providers.CodeOf(err) != code || providers.ClassOf(err) != class {
		w.t.Errorf("%v (%s, %v), want %s, %v", err, providers.CodeOf(err), providers.ClassOf(err), code, class)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("%q lacks %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "acmedns: acmedns") {
		w.t.Errorf("%q says the package twice", err)
	}
	if text, readErr := os.ReadFile(w.accounts()); readErr == nil {
		for _, secret := range strings.Split(string(text), `"password": "`)[1:] {
			if secret, _, _ = strings.Cut(secret, `"`); secret != "" && strings.Contains(err.Error(), secret) {
				w.t.Errorf("%q has a password", err)
			}
		}
	}
}
