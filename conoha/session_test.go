package conoha

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Twenty need a token while one of them logs in: whatever comes of it comes to all.
func TestToken_ManyWait(t *testing.T) {
	busy := httpclient.Unavailable(errors.New("503"))
	refused := providers.Errorf(providers.CodeCredentials, providers.Refused, "401")
	for name, c := range map[string]struct {
		outcome error
		again   int // logins after another call
	}{
		"success": {nil, 1},
		"busy":    {busy, 2},
		"refused": {refused, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := slog.New(slog.DiscardHandler)
				release := make(chan struct{})
				logins := 0
				s := &session{
					flight: newSingleFlight(), store: &store{log: log}, mask: &httpclient.Mask{}, now: time.Now, log: log,
					login: func(context.Context) (token, error) {
						logins++
						<-release
						return token{value: "token", until: time.Now().Add(time.Hour)}, c.outcome
					},
				}
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() {
						if got, err := s.token(t.Context(), ""); !errors.Is(err, c.outcome) || err == nil && got != "token" {
							t.Errorf("%q, %v", got, err)
						}
					})
				}
				synctest.Wait()
				close(release)
				all.Wait()
				if logins != 1 {
					t.Errorf("%d logins", logins)
				}
				_, _ = s.token(t.Context(), "")
				if logins != c.again {
					t.Errorf("%d logins after another call, want %d", logins, c.again)
				}
			})
		})
	}
}
