package designate

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/settings"
	"wildcard/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	*fake
	t   testing.TB
	dir string
	log *buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{fake: newFake(t, "example.org.", "example.net.", "example.com.", "sub.example.com.", "other.example."), t: t, dir: filepath.Join(t.TempDir(), "run"), log: &buffer{}}
}

// credentials are those of an application credential.
func (w *world) credentials() []string {
	return []string{"OS_AUTH_URL=" + w.url + "/identity/v3", "OS_APPLICATION_CREDENTIAL_ID=" + testCred, "OS_APPLICATION_CREDENTIAL_SECRET=" + testSecret, "OS_REGION_NAME=RegionOne"}
}

func (w *world) try(spec string, src settings.Sources) ([]providers.Account, error) {
	parsed, err := providers.ParseSpec(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return Open(parsed, src, Options{RunDir: w.dir, UserAgent: "wildcard-test", Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
}

func (w *world) open(with ...string) *Provider {
	w.t.Helper()
	accounts, err := w.try("designate", settings.Sources{Environ: append(with, w.credentials()...)})
	if err != nil {
		w.t.Fatal(err)
	}
	p := accounts[0].Provider.(*Provider)
	p.session.http.Pause, p.session.http.MaxPause = time.Millisecond, time.Millisecond
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

// userEnviron are the settings of a user with a password.
func (w *world) userEnviron() []string {
	return []string{"OS_AUTH_URL=" + w.url + "/identity", "OS_USERNAME=" + testUser, "OS_PASSWORD=" + testPassword, "OS_PROJECT_NAME=demo", "OS_REGION_NAME=RegionOne"}
}

// user opens the account of that user.
func (w *world) user() *Provider {
	w.t.Helper()
	accounts, err := w.try("designate", settings.Sources{Environ: w.userEnviron()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = accounts[0].Provider.(*Provider).Close() })
	return accounts[0].Provider.(*Provider)
}

func challenge(domain string, n int) providers.Challenge {
	return providers.Challenge{Domain: domain, FQDN: "_acme-challenge." + domain + ".", Value: fmt.Sprintf("%043d", n)}
}

func (w *world) holds(fqdn string, want ...string) {
	w.t.Helper()
	have := w.texts(fqdn)
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		w.t.Errorf("%s holds %q, want %q", fqdn, have, want)
	}
}

func (w *world) requests(want ...string) {
	w.t.Helper()
	if have := w.sent(); !slices.Equal(have, want) {
		w.t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) present(p *Provider, c providers.Challenge) providers.Handle {
	w.t.Helper()
	h, err := p.Present(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) cleanUp(p *Provider, c providers.Challenge, h providers.Handle) {
	w.t.Helper()
	if err := p.CleanUp(w.t.Context(), c, h); err != nil {
		w.t.Fatal(err)
	}
}

// fails checks an error's code and class, that its text has all parts, and that it tells no secret.
func (w *world) fails(err error, code string, class providers.Class, parts ...string) {
	w.t.Helper()
	if providers.CodeOf(err) != code || providers.ClassOf(err) != class {
		w.t.Errorf("%v (%s, %d), want %s, %d", err, providers.CodeOf(err), providers.ClassOf(err), code, class)
	}
	if err == nil {
		return
	}
	text := err.Error()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.t.Errorf("%q does not say %q", text, part)
		}
	}
	for _, said := range []string{text, w.log.String()} {
		if strings.Contains(said, testSecret) || strings.Contains(said, testPassword) {
			w.t.Errorf("a secret is told in %q", said)
		}
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
