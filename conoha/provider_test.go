package conoha

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/settings"
	"wildcard/providers"
)

func TestCalls_WholeRun(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		router := providers.Router{Accounts: []providers.Account{{Provider: p}}}
		var handles []providers.Handle
		for n := range 10 {
			c := challenge(fmt.Sprintf("host%d.example.com", n), n)
			if route, err := router.Route(t.Context(), c.FQDN); err != nil || route.Zone != "example.com." {
				t.Fatalf("%+v, %v", route, err)
			}
			if err := p.CheckDelegation(t.Context(), "example.com.", nameServersOf(w.account.Version)); err != nil {
				t.Error(err)
			}
			handles = append(handles, w.present(p, c))
		}
		for n, h := range handles {
			w.cleanUp(p, challenge(fmt.Sprintf("host%d.example.com", n), n), h)
		}
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 10, Deletes: 10})
	})
}

func TestPresentTwiceLooksFirst(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateAccepted })
		p := w.open("")
		c := challenge("example.com", 1)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := p.Present(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.holds(c.FQDN, c.Value)
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 1, RecordLists: 4})
	})
}

// A creation that was broken off may have taken effect: the next one looks before it writes.
func TestPresent_AfterCancelledPresent(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateAccepted })
		p := w.open("")
		if _, err := p.Zones(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		c := challenge("example.com", 1)
		fault := w.Fault(conohatest.Fault{Match: create(), After: true, Hang: true})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for len(w.values(c.FQDN)) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		_, err := p.Present(ctx, c)
		w.fails(err, providers.CodeUnavailable, providers.Temporary)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		fault.Remove()
		w.cleanUp(p, c, w.present(p, c))
		w.holds(c.FQDN)
	})
}

// A challenge that says in which zone it is goes there, and elsewhere only if the service refuses it there.
func TestPresent_ZoneGiven(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		c := challenge("www.example.com", 1)
		c.Zone = "Example.COM"
		h := w.present(p, c)
		w.holds(c.FQDN, c.Value)
		w.cleanUp(p, c, h)
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 1, Deletes: 1})
		c.Zone = "www.example.com."
		_, err := p.Present(t.Context(), c)
		w.fails(err, providers.CodeNoZone, providers.Misconfigured)

		w.AddZone(w.account.Tenant, "www.example.com")
		c.Zone = "example.com."
		h = w.present(p, c)
		if records := w.Records("www.example.com"); !slices.ContainsFunc(records, func(r conohatest.Record) bool { return r.Data == c.Value }) {
			t.Errorf("www.example.com holds %v", records)
		}
		w.cleanUp(p, c, h)
		w.cleanUp(w.open(""), c, "")
	})
}

// Duplicates that are there anyway all go when there is no handle to say which.
func TestCleanUpWithoutHandleDeletesDuplicates(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		c := challenge("example.com", 1)
		w.PutRecord("example.com", c.FQDN, "TXT", c.Value)
		w.PutRecord("example.com", c.FQDN, "TXT", c.Value)
		w.PutRecord("example.com", c.FQDN, "TXT", "other")
		w.cleanUp(w.open(""), c, "")
		w.holds(c.FQDN, "other")
	})
}

func TestPresent_BadChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	p := w.open("")
	for _, c := range []providers.Challenge{
		{}, {FQDN: "_acme-challenge.example.com."}, {Value: "x"},
		{FQDN: "_acme-challenge.example.com.", Value: `"x"`},
		{FQDN: "_acme-challenge.example.com.", Value: "x\n"},
		{FQDN: "_acme-challenge.example.com.", Value: strings.Repeat("x", 256)},
		{FQDN: "../example.com.", Value: "x"},
		{FQDN: "*.example.com.", Value: "x"},
	} {
		_, err := p.Present(t.Context(), c)
		w.fails(err, providers.CodeBadChallenge, providers.Usage)
		w.fails(p.CleanUp(t.Context(), c, handle(uuid(1), uuid(2))), providers.CodeBadChallenge, providers.Usage)
	}
	w.calls(conohatest.Calls{})
}

func TestPresent_QuotaUsedUp(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.RecordsPerZone = 1 })
		_, err := w.open("").Present(t.Context(), challenge("example.com", 1))
		w.fails(err, providers.CodeService, providers.Misconfigured)
	})
}

func TestPresent_ServiceIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	environ := w.environ("CONOHA_IDENTITY_URL=http://127.0.0.1:1/v2.0")
	_, err := w.openWith(environ, "").Present(t.Context(), challenge("example.com", 1))
	w.fails(err, providers.CodeUnavailable, providers.Temporary)
}

// A second service, which the environment names, gets nothing of the file's account: not when the file has URLs, and not without.
func TestOpen_URLOfEnvironment(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		rogue := newWorld(t, w.account.Version)
		environ := []string{"CONOHA_IDENTITY_URL=" + rogue.IdentityURL(w.account.Version), "CONOHA_DNS_URL=" + rogue.DNSURL(w.account.Version)}
		for _, with := range []bool{true, false} {
			var lines []string
			for _, line := range w.environ() {
				if with || !strings.Contains(line, "_URL=") {
					lines = append(lines, line)
				}
			}
			path := filepath.Join(t.TempDir(), "env")
			if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			accounts, err := Open(providers.Spec{Name: "conoha", EnvFile: path}, settings.Sources{Environ: environ}, Options{})
			if !with {
				if providers.CodeOf(err) != providers.CodeBadSettings || !strings.Contains(err.Error(), "CONOHA_IDENTITY_URL") {
					t.Error(err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := accounts[0].Provider.Present(t.Context(), challenge("example.com", 1)); err != nil {
				t.Error(err)
			}
			accounts[0].Close(slog.New(slog.DiscardHandler))
		}
		if asked := rogue.Log(); len(asked) > 0 {
			t.Errorf("%d requests to the other service", len(asked))
		}
	})
}
