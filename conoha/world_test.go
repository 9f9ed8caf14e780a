package conoha

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// world is a ConoHa of one account, and the log of everything that our side says.
type world struct {
	*conohatest.Service
	t       testing.TB
	account conohatest.Account
	log     *buffer
}

// generations runs a test for Ver.2.0 and Ver.3.0.
func eachGeneration(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("Ver.%d.0", version), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, version))
		})
	}
}

// newWorld starts a ConoHa that holds example.com.
func newWorld(t testing.TB, version int) *world {
	t.Helper()
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{Service: service, t: t, log: &buffer{}}
	w.account = service.AddAccount(conohatest.Account{Version: version})
	service.AddZone(w.account.Tenant, "example.com")
	return w
}

// environ is the account's settings, with extra ones.
func (w *world) environ(extra ...string) []string { return append(extra, w.Environ(w.account)...) }

// open opens the account as a process does that keeps things in runDir.
func (w *world) open(runDir string, extra ...string) *Provider {
	w.t.Helper()
	return w.openWith(w.environ(extra...), runDir)
}

func (w *world) openWith(environ []string, runDir string) *Provider {
	w.t.Helper()
	return w.openDialing(nil, environ, runDir)
}

func (w *world) openDialing(dial httpclient.Dial, environ []string, runDir string) *Provider {
	w.t.Helper()
	accounts, err := Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: environ}, Options{
		RunDir: runDir, UserAgent: "wildcard/test", Dial: dial,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(accounts) != 1 {
		w.t.Fatalf("%d accounts", len(accounts))
	}
	p := accounts[0].Provider.(*Provider)
	p.setPace(10*time.Second, time.Millisecond)
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

// setPace says how long an exchange and the pauses between two may be; call it before anything else.
func (p *Provider) setPace(timeout, pause time.Duration) {
	for _, c := range []*httpclient.Client{p.client.http, p.identity.http} {
		c.Timeout, c.Pause, c.MaxPause = timeout, pause, pause
	}
}

// challenge returns the n-th challenge at a name.
func challenge(domain string, n int) providers.Challenge {
	return providers.Challenge{
		Domain: domain,
		FQDN:   "_acme-challenge." + domain + ".",
		Value:  fmt.Sprintf("%043d", n),
	}
}

// values returns the TXT values at a name, sorted.
func (w *world) values(fqdn string) []string {
	var values []string
	for _, record := range w.Records("example.com") {
		if record.Type == "TXT" && providers.CanonicalName(record.Name) == fqdn {
			values = append(values, record.Data)
		}
	}
	slices.Sort(values)
	return values
}

func (w *world) holds(fqdn string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if have := w.values(fqdn); !slices.Equal(have, want) {
		w.t.Errorf("%s holds %q, want %q", fqdn, have, want)
	}
}

// calls checks how often what was called since the last check.
func (w *world) calls(want conohatest.Calls) {
	w.t.Helper()
	have := w.Calls()
	have.Connections = want.Connections
	if have != want {
		w.t.Errorf("%+v, want %+v", have, want)
		for _, r := range w.Log() {
			w.t.Logf("%s %s?%s: %d %s", r.Method, r.Path, r.Query, r.Status, r.Refused)
		}
	}
	w.ResetLog()
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

// fails checks an error's code and class, and that it tells no secret.
func (w *world) fails(err error, code string, class providers.Class) {
	w.t.Helper()
	if providers.CodeOf(err) != code || providers.ClassOf(err) != class {
		w.t.Errorf("%v (%s, %d), want %s, %d", err, providers.CodeOf(err), providers.ClassOf(err), code, class)
	}
	if err == nil {
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, "conoha: ") || strings.Count(text, "conoha: ") > 1 || strings.ContainsAny(text, "\n\r") {
		w.t.Errorf("not one line that begins with the package: %q", text)
	}
	w.noSecrets(err.Error())
	w.noSecrets(w.log.String())
}

// noSecrets checks that text has neither the password nor a token in it.
func (w *world) noSecrets(text string) {
	w.t.Helper()
	secrets := []string{w.account.Password}
	for _, r := range w.Log() {
		if token := r.Header.Get("X-Auth-Token"); token != "" {
			secrets = append(secrets, token)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			w.t.Errorf("%q is told in %q", secret, text)
		}
	}
}

// create, remove, … are the calls that faults strike.
func create() conohatest.Match {
	return conohatest.Match{Service: "dns", Method: "POST", PathSuffix: "/records"}
}

func remove() conohatest.Match { return conohatest.Match{Service: "dns", Method: "DELETE"} }

func listRecords() conohatest.Match {
	return conohatest.Match{Service: "dns", Method: "GET", PathSuffix: "/records"}
}

func listZones() conohatest.Match {
	return conohatest.Match{Service: "dns", Method: "GET", PathSuffix: "/domains"}
}

func login() conohatest.Match { return conohatest.Match{Service: "identity", Method: "POST"} }

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

// nameServersOf are the hosts of a generation.
func nameServersOf(version int) []string {
	for _, g := range generations() {
		if g.version == version {
			return g.nameServers
		}
	}
	return nil
}
