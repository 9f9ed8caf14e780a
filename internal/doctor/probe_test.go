package doctor

import (
	"context"
	"strings"
	"testing"
	"time"

	"wildcard/internal/dns01"
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

// service is one whose calls do what a test wants, and which alone knows when its records are published.
type service struct {
	keyAuth  bool
	patience time.Duration
	present  func(ctx context.Context, c providers.Challenge) error
	wait     func(ctx context.Context) error
	cleanUp  func(ctx context.Context) error
}

func (s service) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if s.present == nil {
		return "", nil
	}
	return "", s.present(ctx, c)
}

func (s service) CleanUp(ctx context.Context, _ providers.Challenge, _ providers.Handle) error {
	if s.cleanUp == nil {
		return nil
	}
	return s.cleanUp(ctx)
}

func (s service) Wait(ctx context.Context, _ []providers.Challenge) error {
	if s.wait == nil {
		return nil
	}
	return s.wait(ctx)
}

func (s service) NeedsKeyAuth() bool                { return s.keyAuth }
func (s service) PropagationTimeout() time.Duration { return s.patience }

// route is the way to it.
func (s service) route() providers.Route {
	return providers.Route{Account: providers.Account{Provider: s, Spec: providers.Spec{Name: "exec", Arg: "/x", Zone: "example.com."}, Fingerprint: "service"}, Zone: "example.com."}
}

// probe has a service probed, and returns what was found.
func (w *world) probe(ctx context.Context, s service) Report {
	v := w.doctor.visit(ctx)
	v.found(place{Place: dns01.Place{Route: s.route(), FQDN: "_acme-challenge.example.com."}, domain: "example.com"})
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
	}})
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
	}})
	if n, _ := w.entries(); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// Whoever interrupts a probe waits until its record is deleted, and hears of it if it is not.
func TestProbeInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	deleted := false
	report := w.probe(ctx, service{
		wait: func(ctx context.Context) error {
			cancel()
			return ctx.Err()
		},
		cleanUp: func(ctx context.Context) error {
			time.Sleep(usualGrace + time.Second) // a slow service
			deleted = true
			return fault.Errorf(fault.CodeService, fault.Failed, "no")
		},
	})
	if n, _ := w.entries(); !deleted || n != 1 || len(report.Findings) != 1 || report.Findings[0].Code != FoundProbeLeft {
		t.Errorf("deleted %v, %d entries, %v", deleted, n, codes(report))
	}
}

// A service that says how long its records take is given that time, and one that takes longer is no success.
func TestProbePatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var left time.Duration
	w.probe(t.Context(), service{patience: 3 * time.Hour, wait: func(ctx context.Context) error {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return nil
	}})
	if left < 2*time.Hour {
		t.Errorf("it has %v", left)
	}
	report := w.probe(t.Context(), service{patience: time.Millisecond, wait: func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}})
	if len(report.Findings) != 1 || report.Findings[0].Cause != fault.CodeNotPublished {
		t.Errorf("%v", codes(report))
	}
}
