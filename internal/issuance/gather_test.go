package issuance_test

import (
	"context"
	"sync"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

// together goes on when all calls that there will be are under way.
type together struct {
	n       int
	mu      sync.Mutex
	waiting int
	all     chan struct{}
}

func (t *together) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.waiting++; t.waiting == t.n {
		close(t.all)
	}
	t.mu.Unlock()
	select {
	case <-t.all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// gathering makes one of all calls, as a service with requests for many records does.
type gathering struct {
	providers.Provider
	providers.Zones

	made, deleted *together
}

func (g gathering) Gathers() bool { return true }

func (g gathering) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if err := g.made.wait(ctx); err != nil {
		return "", err
	}
	return g.Provider.Present(ctx, c)
}

func (g gathering) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if err := g.deleted.wait(ctx); err != nil {
		return err
	}
	return g.Provider.CleanUp(ctx, c, h)
}

// More records than a zone takes at a time reach who gathers them together: a person gets one list.
func TestObtain_ProviderGathers(t *testing.T) {
	t.Parallel()
	const names = 20
	w := newWorld(t, conohatest.Options{}, benchCA())
	account := &w.issuer.Router.Accounts[0]
	account.Provider = gathering{
		account.Provider, account.Provider.(providers.Zones), &together{n: names, all: make(chan struct{})},
		&together{n: names, all: make(chan struct{})},
	}
	if result, err := w.issuer.Obtain(t.Context(), request(t, manyNames(names)...)); err != nil || result.CleanUp != nil {
		t.Fatalf("%v %v", result.CleanUp, err)
	}
	w.clean(t)
}
