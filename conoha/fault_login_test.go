package conoha

import (
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

// TestFaultNNN_… is about fault NNN of reference/reliability.md §4.4. The others are in fault_*_test.go.

func TestFault073_TokenDiesBetweenPresentAndCleanUp(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		c := challenge("example.com", 1)
		h := w.present(p, c)
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 1})
		w.ExpireTokens()
		w.cleanUp(p, c, h)
		w.holds(c.FQDN)
		w.calls(conohatest.Calls{Logins: 1, Deletes: 2})
	})
}

// Twenty calls whose token dies at once are helped by one login.
func TestFault073_TokenDiesForTwentyAtOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		cs, handles := presentAll(t, p, 20)
		w.ExpireTokens()
		w.ResetLog()
		cleanUpAll(t, p, cs, handles)
		if calls := w.Calls(); calls.Logins != 1 {
			t.Errorf("%+v", calls)
		}
		for _, c := range cs {
			w.holds(c.FQDN)
		}
	})
}

func TestFault074_LoginRefused(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		for _, status := range []int{400, 401, 403} {
			w.Switch(func(s *conohatest.Switches) { s.V2LoginStatus, s.V3LoginStatus = status, status })
			w.account.Password = "canary-wrong-password"
			p := w.open("")
			for n := range 3 {
				_, err := p.Present(t.Context(), challenge("example.com", n))
				w.fails(err, providers.CodeCredentials, providers.Refused)
				w.fails(p.CleanUp(t.Context(), challenge("example.com", n), ""), providers.CodeCredentials, providers.Refused)
			}
			_, err := p.Zones(t.Context(), true)
			w.fails(err, providers.CodeCredentials, providers.Refused)
			w.calls(conohatest.Calls{Logins: 1})
		}
	})
}

// Those who wait while a login is refused do not try their own luck.
func TestFault074_LoginRefusedForTwentyAtOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.account.Password = "canary-wrong-password"
		p := w.open("")
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				_, err := p.Present(t.Context(), challenge("example.com", n))
				w.fails(err, providers.CodeCredentials, providers.Refused)
			})
		}
		all.Wait()
		w.calls(conohatest.Calls{Logins: 1})
	})
}

func TestFault089_TokenExpiredAtLogin(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Switch(func(s *conohatest.Switches) { s.TokenLifetime = -time.Hour })
		p := w.open(t.TempDir())
		for n := range 3 {
			_, err := p.Present(t.Context(), challenge("example.com", n))
			w.fails(err, providers.CodeService, providers.Failed)
		}
		w.calls(conohatest.Calls{Logins: 1})
	})
}

// Tokens that the DNS service never accepts cost one login more, not a loop.
func TestFault089_TokenNeverAccepted(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.Fault(conohatest.Fault{Match: conohatest.Match{Service: "dns"}, Times: 1000, Status: 401})
		_, err := w.open("").Present(t.Context(), challenge("example.com", 1))
		w.fails(err, providers.CodeCredentials, providers.Refused)
		w.calls(conohatest.Calls{Logins: 2, ZoneLists: 2})
	})
}
