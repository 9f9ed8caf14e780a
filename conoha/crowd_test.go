package conoha

import (
	"fmt"
	"sync"
	"testing"

	"wildcard/providers"
)

// presentAll presents n challenges at names of their own, side by side.
func presentAll(t testing.TB, p *Provider, n int) ([]providers.Challenge, []providers.Handle) {
	t.Helper()
	cs, handles := make([]providers.Challenge, n), make([]providers.Handle, n)
	var all sync.WaitGroup
	for i := range n {
		cs[i] = challenge(fmt.Sprintf("host%d.example.com", i), i)
		all.Go(func() {
			var err error
			if handles[i], err = p.Present(t.Context(), cs[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return cs, handles
}

func cleanUpAll(t testing.TB, p *Provider, cs []providers.Challenge, handles []providers.Handle) {
	t.Helper()
	var all sync.WaitGroup
	for i, c := range cs {
		all.Go(func() {
			if err := p.CleanUp(t.Context(), c, handles[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
