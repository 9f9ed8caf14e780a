package live_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/conoha"
	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/conformance/live"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

const zone = "example.com."

// world is a ConoHa with a zone that is in use, and a machine's journal.
type world struct {
	t       *testing.T
	service *conohatest.Service
	account conohatest.Account
	dir     string
	journal *journal.Journal
	suite   live.Suite
	spoil   func(providers.Provider) providers.Provider // what is wrong with the provider

	mu        sync.Mutex
	strangers []string // names written to that are not new ones, or not journalled
}

func newWorld(t *testing.T, version int) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "journal"), spoil: func(p providers.Provider) providers.Provider { return p }}
	var err error
	if w.service, err = conohatest.Start(conohatest.Options{PublicationDelay: []time.Duration{0, 50 * time.Millisecond, 150 * time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.service.Close() })
	w.account = w.service.AddAccount(conohatest.Account{Version: version})
	w.service.AddZone(w.account.Tenant, "example.com")
	w.service.PutRecord("example.com", "_acme-challenge.example.com", "TXT", "another-program")
	if err := settings.PrivateDir(w.dir); err != nil {
		t.Fatal(err)
	}
	if w.journal, err = journal.Open(w.dir, nil); err != nil {
		t.Fatal(err)
	}
	w.suite = live.Suite{
		Open: w.open, Zone: zone, Journal: w.journal, DeadAfter: time.Second, Limit: time.Minute,
		Resolver: &propagation.Resolver{NameServers: w.service.NameServers(version)},
	}
	return w
}

func (w *world) open() (providers.Account, error) {
	accounts, err := conoha.Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: w.service.Environ(w.account)}, conoha.Options{})
	if err != nil {
		return providers.Account{}, err
	}
	a := accounts[0]
	a.Provider = &guard{Provider: w.spoil(a.Provider), world: w, inner: a.Provider}
	return a, nil
}

// guard sees to it that only new names are written to, and only what the journal has.
type guard struct {
	providers.Provider
	inner providers.Provider
	world *world
}

func (g *guard) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	entries, err := g.world.journal.Match(c.Domain, c.Value)
	name := strings.ToLower(c.FQDN)
	if err != nil || len(entries) != 1 || !strings.Contains(name, ".t-") || !strings.HasPrefix(name, "_acme-challenge.") {
		g.world.mu.Lock()
		g.world.strangers = append(g.world.strangers, c.FQDN)
		g.world.mu.Unlock()
	}
	return g.Provider.Present(ctx, c)
}

func (g *guard) Zones(ctx context.Context, fresh bool) ([]string, error) {
	return g.inner.(providers.Zones).Zones(ctx, fresh)
}

func (g *guard) Close() error { return g.inner.(providers.Closer).Close() }

// left are our records that are still there, and the entries of the journal.
func (w *world) left() (records []string, entries int) {
	w.t.Helper()
	kept := 0
	for _, r := range w.service.Records("example.com") {
		switch {
		case r.Type == "TXT" && r.Data == "another-program":
			kept++
		case r.Type == "TXT":
			records = append(records, r.Name)
		}
	}
	if kept != 1 || len(w.strangers) > 0 {
		w.t.Errorf("%d records of others; written to: %q", kept, w.strangers)
	}
	all, damaged, err := w.journal.Entries()
	if err != nil || len(damaged) > 0 {
		w.t.Error(err, damaged)
	}
	return records, len(all)
}

func (w *world) nothingLeft() {
	w.t.Helper()
	if records, entries := w.left(); len(records)+entries > 0 {
		w.t.Errorf("left: %q and %d entries", records, entries)
	}
}

// Both generations of ConoHa keep the contract in a zone that is in use, and nothing is left.
func TestRun(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int{"Ver.2.0": 2, "Ver.3.0": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, version)
			w.suite.Resolver.NameServers = w.service.NameServers(2, 3) // of which some serve other zones
			w.suite.DeadAfter = time.Hour
			var seen []providers.Text
			w.suite.Observe = func(r live.Result) { seen = append(seen, r.Check) }
			report, err := w.suite.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				if len(r.Failures) > 0 || r.Took <= 0 || !slices.Contains(seen, r.Check) {
					t.Errorf("%+v", r)
				}
			}
			if len(report.Results) < 15 || len(report.Results) != len(seen) || len(report.SteppedOver) > 0 {
				t.Errorf("%d results, %d seen", len(report.Results), len(seen))
			}
			w.nothingLeft()
		})
	}
}

// byName is a mistake: it deletes all that there is at a name.
type byName struct {
	providers.Provider
	world *world
}

func (p byName) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	for _, r := range p.world.service.Records("example.com") {
		if providers.CanonicalName(r.Name) == providers.CanonicalName(c.FQDN) {
			p.world.service.DeleteRecord("example.com", r.Name, r.Type, r.Data)
		}
	}
	return p.Provider.CleanUp(ctx, c, h)
}

// A mistake of a provider is found, and nothing is left in spite of it.
func TestMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.suite.Limit = 5 * time.Second
	w.spoil = func(p providers.Provider) providers.Provider { return byName{p, w} }
	report, err := w.suite.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, r := range report.Results {
		found[string(r.Check)] = r.Failures
	}
	for _, check := range []string{"deleting one keeps the other", "records of others stay", "clean up of what was never presented succeeds"} {
		if len(found[check]) == 0 {
			t.Errorf("%q does not find it: %q", check, found)
		}
	}
	if failures := found["present adds the value"]; len(failures) > 0 {
		t.Errorf("%q", failures)
	}
	w.nothingLeft()
}

var errEnough = errors.New("enough")

// A run that is ended deletes its records before it returns.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	ctx, cancel := context.WithCancelCause(t.Context())
	var once sync.Once
	w.suite.Observe = func(live.Result) { once.Do(func() { cancel(errEnough) }) }
	report, err := w.suite.Run(ctx)
	if !errors.Is(err, errEnough) || len(report.Results) > 10 {
		t.Errorf("%d results, %v", len(report.Results), err)
	}
	// What a call that was broken off may yet make stays in the journal, and is told of.
	if records, entries := w.left(); len(records) > entries || entries > 0 && !strings.Contains(err.Error(), "broken off") {
		t.Errorf("left: %q and %d entries, %v", records, entries, err)
	}
}

// Records that cannot be deleted stay in the journal, and are told of.
func TestLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.suite.Limit = time.Second
	w.service.Fault(conohatest.Fault{Match: conohatest.Match{Service: conohatest.ServiceDNS, Method: http.MethodDelete}, Times: -1, Status: http.StatusForbidden})
	report, err := w.suite.Run(t.Context())
	if providers.CodeOf(err) != live.CodeLeft && !strings.Contains(err.Error(), "is pending") {
		t.Errorf("%v", err)
	}
	if records, entries := w.left(); len(records) == 0 || entries < len(records) || len(report.Results) == 0 {
		t.Errorf("left: %q and %d entries", records, entries)
	}
}

// One name server that is silent is waited for once, and stepped over.
func TestSilentNameServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.service.NameServer("ns-a3.conoha.io.").Set(conohatest.Behaviour{Silent: true})
	w.suite.Resolver.Timeout = 500 * time.Millisecond
	silent := w.service.NameServer("ns-a3.conoha.io.").Addr()
	report, err := w.suite.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if len(r.Failures) > 0 {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(report.SteppedOver, []string{silent}) {
		t.Errorf("stepped over: %q, want %s", report.SteppedOver, silent)
	}
	w.nothingLeft()
}

// Nothing is created where it could not be seen.
func TestRun_NoServerAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	behave := func(b conohatest.Behaviour) {
		for _, host := range []string{"ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io."} {
			w.service.NameServer(host).Set(b)
		}
	}
	behave(conohatest.Behaviour{Refuse: true})
	if _, err := w.suite.Run(t.Context()); providers.CodeOf(err) != providers.CodeNoAnswer || providers.ClassOf(err) != providers.Temporary {
		t.Errorf("%v", err)
	}
	behave(conohatest.Behaviour{})
	w.suite.Resolver = &propagation.Resolver{Servers: []string{w.service.Resolver()}}
	w.suite.Zone = "child.example.com"
	if _, err := w.suite.Run(t.Context()); providers.CodeOf(err) != providers.CodeDelegatedElsewhere || !strings.Contains(err.Error(), "ends at example.com.") {
		t.Errorf("%v", err)
	}
	w.suite.Open = func() (providers.Account, error) { return providers.Account{}, io.ErrUnexpectedEOF }
	if _, err := w.suite.Run(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	if calls := w.service.Calls(); calls.Creates > 0 {
		t.Errorf("%+v", calls)
	}
	w.nothingLeft()
}

func TestName(t *testing.T) {
	t.Parallel()
	if one, other := live.Name("Example.com"), live.Name(zone); one == other || !strings.HasSuffix(one, ".example.com") {
		t.Errorf("%s, %s", one, other)
	}
}
