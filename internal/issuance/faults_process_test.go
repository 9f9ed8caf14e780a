package issuance_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
	"wildcard/providers"
)

// panicking is a provider with a defect in one of its creations.
type panicking struct {
	providers.Provider
	left atomic.Int64
}

func (p *panicking) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if p.left.Add(-1) == 0 {
		panic("a defect at " + c.FQDN)
	}
	return p.Provider.Present(ctx, c)
}

// Fault #142: a panic in a provider is an internal error, and the records of the other names are deleted.
func TestProviderPanics(t *testing.T) {
	t.Parallel()
	for nth := range 3 {
		t.Run(fmt.Sprint(nth+1), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			defect := &panicking{Provider: w.issuer.Router.Accounts[0].Provider}
			defect.left.Store(int64(nth + 1))
			w.issuer.Router.Accounts[0].Provider = defect
			w.fails(issuance.CodeInternal, fault.Internal, "", "a.example.com", "b.example.com", "c.example.com")
			if n := w.ca.Answered(); n > 0 {
				t.Errorf("%d challenges were answered", n)
			}
		})
	}
}

// Fault #144: a machine that sleeps for eight hours in the middle of a run finds the deadline passed by the wall clock,
// though the monotonic one stood still.
func TestSuspended(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Now: time.Now, ValidationTime: acmetest.Takes(24 * time.Hour)})
	var asleep atomic.Bool
	w.issuer.CA = w.dialTo(issuance.Options{Now: func() time.Time {
		if asleep.Load() {
			return time.Now().Add(8 * time.Hour)
		}
		return time.Now()
	}})
	w.ca.On(acmetest.Authorization, func(r *acmetest.Request) *acmetest.Reply {
		if w.ca.Answered() > 0 {
			asleep.Store(true)
		}
		return r.Next()
	})
	w.fails(issuance.CodeDeadline, fault.Temporary, "took longer than", "*.example.com")
}
