package doctor

import (
	"context"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/providers"
	"wildcard/providers/acmedns"
	"wildcard/providers/rfc2136"
)

// Where a service has single names, the probe stands at the very name; elsewhere below it.
func TestProbeName(t *testing.T) {
	t.Parallel()
	const name = "one.auth.example.org."
	at := func(p providers.Provider, zone string) string {
		route := providers.Route{Account: providers.Account{Provider: p}, Zone: zone}
		return challenge(place{Place: dns01.Place{Route: route, FQDN: name}, domain: "example.com"}).FQDN
	}
	if got := at(&acmedns.Provider{}, ""); got != name {
		t.Errorf("acme-dns: %s", got)
	}
	if got := at(&rfc2136.Provider{}, name); got != name {
		t.Errorf("a zone of its own: %s", got)
	}
	const challenged = "_acme-challenge.www.example.com."
	hasher := place{Place: dns01.Place{Route: service{keyAuth: true}.route(), FQDN: challenged}, domain: "www.example.com"}
	if got := challenge(hasher).FQDN; !strings.HasPrefix(got, "_acme-challenge.probe-") || !strings.HasSuffix(got, ".www.example.com.") {
		t.Errorf("a service that works out names: %s", got)
	}
	for _, zone := range []string{"", "example.org."} {
		if got := at(&rfc2136.Provider{}, zone); !strings.HasPrefix(got, "probe-") || !strings.HasSuffix(got, "."+name) {
			t.Errorf("zone %q: %s", zone, got)
		}
	}
}

// service is one that writes to a fake ConoHa's name servers, and whose calls do what a test wants before.
type service struct {
	conoha   *conohatest.Service
	keyAuth  bool
	patience time.Duration
	present  func(ctx context.Context, c providers.Challenge) error
	hides    bool // its records are not published
	cleanUp  func(ctx context.Context) error
}

func (s service) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if s.present != nil {
		if err := s.present(ctx, c); err != nil {
			return "", err
		}
	}
	if !s.hides {
		s.conoha.PutRecord(apex, c.FQDN, "TXT", c.Value)
	}
	return "", nil
}

func (s service) CleanUp(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	if s.cleanUp != nil {
		if err := s.cleanUp(ctx); err != nil {
			return err
		}
	}
	s.conoha.DeleteRecord(apex, c.FQDN, "TXT", c.Value)
	return nil
}

func (s service) NeedsKeyAuth() bool         { return s.keyAuth }
func (s service) LongestWait() time.Duration { return s.patience }

// route is the way to it.
func (s service) route() providers.Route {
	return providers.Route{Account: providers.Account{Provider: s, Spec: providers.Spec{Name: "exec", Arg: "/x", Zone: "example.com."}, Fingerprint: "service"}, Zone: "example.com."}
}

// probe has a service probed, and returns what was found. watch is told of what happens; it may be nil.
func (w *world) probe(ctx context.Context, s service, watch func(dns01.Event)) Report {
	s.conoha = w.conoha
	v := w.doctor.visit(ctx)
	v.found(place{
		Place: dns01.Place{Route: s.route(), FQDN: "_acme-challenge.example.com."}, domain: apex,
		solver: &dns01.Solver{
			Router: providers.Router{Accounts: []providers.Account{s.route().Account}}, Journal: w.doctor.Journal,
			Resolver: &propagation.Resolver{NameServers: w.conoha.NameServers(2)}, Linger: time.Millisecond, Observe: watch,
		},
	})
	v.probes(ctx)
	return v.close()
}

// entries is how many records the journal has, and the first of them as a provider gets it.
func (w *world) entries() (int, providers.Challenge) {
	w.t.Helper()
	entries, damaged, err := w.doctor.Journal.Entries()
	if err != nil || len(damaged) > 0 {
		w.t.Fatal(damaged, err)
	}
	if len(entries) == 0 {
		return 0, providers.Challenge{}
	}
	return len(entries), entries[0].Challenge()
}

// After a crash the journal has all that a later run needs to delete the record of a probe, also at a service that works out
// names and values itself.
func TestProbeJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked, kept providers.Challenge
	report := w.probe(t.Context(), service{keyAuth: true, present: func(_ context.Context, c providers.Challenge) error {
		asked = c
		_, kept = w.entries()
		return nil
	}}, nil)
	if asked.KeyAuth == "" || kept != asked {
		t.Errorf("the journal has %+v of %+v", kept, asked)
	}
	if n, _ := w.entries(); n != 0 || len(report.Findings) > 0 || len(report.Good) != 1 {
		t.Errorf("%d entries, %v", n, codes(report))
	}
}

// A record of which the making was broken off may come about after it was deleted: the journal keeps it.
func TestProbeBrokenOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.probe(ctx, service{present: func(ctx context.Context, _ providers.Challenge) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}, nil)
	if n, _ := w.entries(); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// The operator who interrupts a probe waits until its record is deleted, and hears of it if it is not.
func TestProbeInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	deleted := false
	report := w.probe(ctx, service{
		hides: true,
		cleanUp: func(ctx context.Context) error {
			time.Sleep(usualGrace + time.Second) // a slow service
			deleted = true
			return fault.Errorf(fault.CodeService, fault.Failed, "no")
		},
	}, func(e dns01.Event) {
		if e.Publication != nil {
			cancel()
		}
	})
	if n, _ := w.entries(); !deleted || n != 1 || len(report.Findings) != 1 || report.Findings[0].Code != FoundProbeLeft {
		t.Errorf("deleted %v, %d entries, %v", deleted, n, codes(report))
	}
}

// A service that says how long its records take is given that time, and one that takes longer is no success.
func TestProbePatience(t *testing.T) {
	t.Parallel()
	report := newWorld(t).probe(t.Context(), service{patience: time.Second, hides: true}, nil)
	if len(report.Findings) != 1 || report.Findings[0].Cause != fault.CodeNotPublished {
		t.Errorf("%v", codes(report))
	}
}
