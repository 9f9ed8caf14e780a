package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/providers"
)

// CodeLeft says that records of a run are still there. They are in the journal.
const CodeLeft = "cleanup.pending"

// cleanUpLimit is what deleting what is left may take at the end.
const cleanUpLimit = 2 * time.Minute

// ledger has the records that may be there. All are entered into the journal by one account, whose instances make them.
type ledger struct {
	solver *dns01.Solver
	owner  dns01.Owner
	route  providers.Route

	mu      sync.Mutex
	records map[string]*dns01.Record // by name and value
}

func newLedger(solver *dns01.Solver, zone string) (*ledger, error) {
	self, err := journal.Self()
	return &ledger{
		solver: solver, owner: dns01.Owner{Process: self},
		route:   providers.Route{Account: solver.Router.Accounts[0], Zone: zone},
		records: map[string]*dns01.Record{},
	}, err
}

// begin enters a record that is about to be made. One that is made again has its entry.
func (l *ledger) begin(ctx context.Context, c providers.Challenge) (*dns01.Record, error) {
	place := dns01.Place{Route: l.route, FQDN: providers.CanonicalName(c.FQDN)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[place.FQDN+" "+c.Value]; r != nil && r.Left() {
		return r, nil
	}
	r, err := l.solver.Enter(ctx, l.owner, place, c)
	if err == nil {
		l.records[place.FQDN+" "+c.Value] = r
	}
	return r, err
}

// journalled is an instance of the provider whose records get into the journal before they are made.
type journalled struct {
	providers.Account
	ledger *ledger
}

// journalledZones is one that lists zones.
type journalledZones struct {
	*journalled
	lister providers.Zones
}

var (
	_ providers.Provider = (*journalled)(nil)
	_ providers.Closer   = (*journalled)(nil)
	_ providers.Zones    = journalledZones{}
)

func (l *ledger) journalled(account providers.Account) providers.Provider {
	w := &journalled{account, l}
	if zones, ok := account.Provider.(providers.Zones); ok {
		return journalledZones{w, zones}
	}
	return w
}

// Zones is the provider's.
func (w journalledZones) Zones(ctx context.Context, fresh bool) ([]string, error) {
	return w.lister.Zones(ctx, fresh)
}

// Present is the provider's, with the journal. That the journal does not take a handle is for the checks to tell.
func (w *journalled) Present(ctx context.Context, c providers.Challenge) (h providers.Handle, err error) {
	r, err := w.ledger.begin(ctx, c)
	if err != nil {
		return "", err
	}
	_ = w.ledger.solver.Create(ctx, r, func(ctx context.Context) (providers.Handle, error) {
		h, err = w.Account.Present(ctx, c)
		return h, err
	})
	return h, err
}

// Close closes the provider, if that is needed.
func (w *journalled) Close() error {
	if closer, ok := w.Provider.(providers.Closer); ok {
		return closer.Close()
	}
	return nil
}

// made are the records that there are now. A provider that does not heed its context may still be making others, whose
// entries stay for a later run.
func (l *ledger) made() []*dns01.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(l.records)), func(r *dns01.Record) bool { return !r.Left() })
}

// cleanUp deletes again what the checks have made, and forgets what is deleted from every name server. After a run that was
// ended that is not waited for: the service's word counts then, but for records of which a call was broken off.
func (l *ledger) cleanUp(ctx context.Context, v *view) error {
	ended := ctx.Err() != nil
	made := l.made()
	errs := make([]error, len(made))
	slots := make(chan struct{}, sideBySide)
	var group sync.WaitGroup
	for i, r := range made {
		group.Go(func() {
			slots <- struct{}{}
			err := l.solver.Delete(ctx, r)
			<-slots
			if err == nil {
				if err = l.forget(ctx, v, r, ended); err != nil {
					err = fmt.Errorf("cleanup of %s is pending, the next run tries again: %w", r.Place.FQDN, err)
				}
			}
			if err != nil {
				errs[i] = providers.Errorf(CodeLeft, providers.Temporary, "%w", err)
			}
		})
	}
	group.Wait()
	left := errors.Join(errs...)
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), left)
	}
	return left
}

// forget forgets a record that was deleted, once it is there no more.
func (l *ledger) forget(ctx context.Context, v *view, r *dns01.Record, ended bool) error {
	switch {
	case ended && r.BrokenOff():
		return errors.New("a call that was to make it was broken off, so it may yet appear")
	case !ended:
		without := func(have []string) bool { return !slices.Contains(have, r.Challenge.Value) }
		if _, why := v.follow(ctx, r.Place.FQDN, without); why != "" {
			return errors.New("it was to be deleted: " + why)
		}
	}
	return l.solver.Forget(r)
}
