package conoha

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

// certbot calls one process per hook: each opens the account anew.
func TestHookProcessesShareOneLogin(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		var handles []providers.Handle
		for n := range 3 {
			handles = append(handles, w.present(w.open(runDir), challenge("example.com", n)))
		}
		for n, h := range handles {
			w.cleanUp(w.open(runDir), challenge("example.com", n), h)
		}
		w.holds(challenge("example.com", 0).FQDN)
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 3, Deletes: 3})
	})
}

func TestTwentyAtOnceShareOneLogin(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.SetLatency(5 * time.Millisecond)
		runDir := filepath.Join(t.TempDir(), "run")
		var all sync.WaitGroup
		for n := range 20 {
			p := w.open(runDir)
			all.Go(func() {
				c := challenge("example.com", n)
				h, err := p.Present(t.Context(), c)
				if err == nil {
					err = p.CleanUp(t.Context(), c, h)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 20, Deletes: 20})
	})
}

// The same with processes of the operating system: this test runs itself.
func TestProcessesShareOneLogin(t *testing.T) {
	const domain = "WILDCARD_TEST_DOMAIN"
	if name := os.Getenv(domain); name != "" {
		w := &world{t: t, log: &buffer{}}
		p := w.openWith(os.Environ(), os.Getenv("WILDCARD_TEST_RUN"))
		c := challenge(name, 1)
		w.cleanUp(p, c, w.present(p, c))
		return
	}
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessesShareOneLogin$")
				command.Env = w.environ(domain+"="+challenge("example.com", n).Value[30:]+".example.com", "WILDCARD_TEST_RUN="+runDir)
				if out, err := command.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		all.Wait()
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 6, Deletes: 6})
	})
}

// Twenty whose kept token has died in the meantime: one login again.
func TestToken_TwentyRenewAtOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		w.AddZone(w.account.Tenant, "example.org")
		w.present(w.open(runDir), challenge("example.org", 1))
		w.ExpireTokens()
		w.ResetLog()
		var all sync.WaitGroup
		for n := range 20 {
			p := w.open(runDir)
			all.Go(func() {
				if _, err := p.Present(t.Context(), challenge("example.com", n)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if calls := w.Calls(); calls.Logins != 1 || calls.ZoneLists != 0 {
			t.Errorf("%+v", calls)
		}
	})
}

func TestChangedPasswordIsNotServedFromTheCache(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		w.present(w.open(runDir), challenge("example.com", 1))
		w.ResetLog()
		w.account.Password = "canary-wrong-password"
		_, err := w.open(runDir).Present(t.Context(), challenge("example.com", 2))
		w.fails(err, providers.CodeCredentials, providers.Refused)
		w.calls(conohatest.Calls{Logins: 1})
	})
}

func TestNewZoneIsFound(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		p := w.open(runDir)
		_, err := p.Present(t.Context(), challenge("new.example", 1))
		w.fails(err, providers.CodeNoZone, providers.Misconfigured)
		if !strings.Contains(err.Error(), "only example.com.") {
			t.Error(err)
		}
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1}) // a list of this very moment is not asked for twice

		w.AddZone(w.account.Tenant, "new.example")
		w.present(p, challenge("new.example", 1))
		w.calls(conohatest.Calls{ZoneLists: 1, Creates: 1})

		w.AddZone(w.account.Tenant, "newer.example")
		w.present(w.open(runDir), challenge("newer.example", 1))
		w.calls(conohatest.Calls{ZoneLists: 1, Creates: 1})

		w.AddZone(w.account.Tenant, "newest.example")
		if zones, err := p.Zones(t.Context(), false); err != nil || len(zones) != 2 {
			t.Errorf("%q, %v", zones, err)
		}
		if zones, err := p.Zones(t.Context(), true); err != nil || len(zones) != 4 {
			t.Errorf("%q, %v", zones, err)
		}
	})
}

// A zone that was deleted and made anew has another id than the kept list says.
func TestZoneMadeAnew(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		c := challenge("example.com", 1)
		w.cleanUp(w.open(runDir), c, w.present(w.open(runDir), c))
		w.RemoveZone("example.com")
		w.AddZone(w.account.Tenant, "example.com")
		p := w.open(runDir)
		h := w.present(p, c)
		w.holds(c.FQDN, c.Value)
		w.cleanUp(p, c, h)
		w.holds(c.FQDN)
	})
}

func TestListOfZonesGrowsOld(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		w.present(w.open(runDir), challenge("example.com", 1))
		w.ResetLog()
		p := w.open(runDir)
		p.zones.now = func() time.Time { return time.Now().Add(keepZones + time.Second) }
		w.present(p, challenge("example.com", 2))
		w.calls(conohatest.Calls{ZoneLists: 1, Creates: 1})
	})
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		w.present(w.open(runDir), challenge("example.com", 1))
		w.ResetLog()
		for _, ahead := range []time.Duration{23*time.Hour + 50*time.Minute, 24*time.Hour - time.Minute} {
			p := w.open(runDir)
			p.client.session.now = func() time.Time { return time.Now().Add(ahead) }
			w.cleanUp(p, challenge("example.com", 1), "")
		}
		if calls := w.Calls(); calls.Logins != 1 {
			t.Errorf("%+v", calls)
		}
	})
}

// The machine's clock is a month ahead; the service's counts.
func TestToken_ClockIsWrong(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, wrong := range []time.Duration{30 * 24 * time.Hour, -30 * 24 * time.Hour} {
			now := func() time.Time { return time.Now().Add(wrong) }
			p := w.open("")
			p.identity.now, p.client.session.now, p.zones.now = now, now, now
			for n := range 3 {
				c := challenge("example.com", n)
				w.cleanUp(p, c, w.present(p, c))
			}
			w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 3, Deletes: 3})
		}
	})
}

// A process that waits for another one's login waits for at most one call's time.
func TestLogin_OtherProcessHangs(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		stuck := w.open(runDir)
		defer stuck.zones.store.lock(t.Context(), time.Minute)()
		defer stuck.client.session.store.lock(t.Context(), time.Minute)()
		p := w.open(runDir)
		p.client.session.lockWait, p.zones.lockWait = 10*time.Millisecond, 10*time.Millisecond
		w.present(p, challenge("example.com", 1))
	})
}

// What lies in the run directory tells nothing by its name, and to others nothing by its contents.
func TestRunDirectoryKeepsSecrets(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		runDir := filepath.Join(t.TempDir(), "run")
		w.account = w.AddAccount(conohatest.Account{Version: w.account.Version, Password: "canary-password-1"})
		w.AddZone(w.account.Tenant, "canary.example")
		w.present(w.open(runDir), challenge("canary.example", 1))
		again := filepath.Join(t.TempDir(), "run")
		w.present(w.open(again), challenge("canary.example", 2))

		names := func(dir string) string {
			var all []string
			err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				info, err := entry.Info()
				if err == nil && info.Mode() != 0o600 {
					err = errors.New(info.Mode().String())
				}
				if err != nil {
					return err
				}
				all = append(all, entry.Name())
				text, err := os.ReadFile(path)
				if strings.Contains(string(text), "canary") {
					t.Errorf("%s: %s", path, text)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return strings.Join(all, " ")
		}
		first := names(runDir)
		if second := names(again); first != second || first == "" {
			t.Errorf("%q, then %q", first, second)
		}
		w.noSecrets(first)
		for _, secret := range []string{"canary", w.account.Tenant, w.account.User, w.account.UserID} {
			if strings.Contains(first, secret) {
				t.Errorf("%q in %q", secret, first)
			}
		}
	})
}
