package rfc2136

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/settings"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
)

func TestMain(m *testing.M) {
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

// world is a server and the log of everything that our side says.
type world struct {
	*fake
	t   testing.TB
	log *buffer
}

// newWorld starts a server of example.com.
func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{fake: newFake(t, "hmac-sha256.", "example.com."), t: t, log: &buffer{}}
}

func (w *world) environ() []string {
	return []string{
		"RFC2136_NAMESERVER=" + w.address,
		"RFC2136_TSIG_KEY=" + testKey,
		"RFC2136_TSIG_SECRET=" + testSecret,
		"RFC2136_TSIG_ALGORITHM=" + w.methods[testKey],
	}
}

// open opens the account for example.com, or for the spec and with the settings that are given.
func (w *world) open(with ...string) *Provider {
	w.t.Helper()
	return w.openAs("example.com=rfc2136", with...)
}

func (w *world) openAs(spec string, with ...string) *Provider {
	w.t.Helper()
	switch p := w.account(spec, with...).Provider.(type) {
	case zoned:
		return p.Provider
	default:
		return p.(*Provider)
	}
}

func (w *world) account(spec string, with ...string) providers.Account {
	w.t.Helper()
	parsed, err := providers.ParseSpec(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	accounts, err := Open(parsed, settings.Sources{Environ: append(with, w.environ()...)},
		Options{Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(accounts) != 1 {
		w.t.Fatalf("%d accounts", len(accounts))
	}
	switch p := accounts[0].Provider.(type) {
	case zoned:
		p.pause = time.Millisecond
	case *Provider:
		p.pause = time.Millisecond
	}
	return accounts[0]
}

// challenge returns the n-th challenge at a name.
func challenge(domain string, n int) providers.Challenge {
	return providers.Challenge{Domain: domain, FQDN: "_acme-challenge." + domain + ".", Value: fmt.Sprintf("%043d", n)}
}

func (w *world) holds(fqdn string, want ...string) {
	w.t.Helper()
	have, _ := w.texts(fqdn)
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		w.t.Errorf("%s holds %q, want %q", fqdn, have, want)
	}
}

// sent checks the requests since the last check.
func (w *world) sent(want ...string) {
	w.t.Helper()
	if have := w.asked(); !slices.Equal(have, want) {
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
	if !strings.HasPrefix(text, "rfc2136: ") || strings.Count(text, "rfc2136: ") > 1 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		w.t.Errorf("not one line that begins with the package: %q", text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.t.Errorf("%q does not say %q", text, part)
		}
	}
	for _, said := range []string{text, w.log.String()} {
		if strings.Contains(said, testSecret) {
			w.t.Errorf("the secret is told in %q", said)
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
