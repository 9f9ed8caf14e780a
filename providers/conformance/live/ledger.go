package live

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/providers"
)

// CodeLeft says that records of a trial are still there. They are in the journal.
const CodeLeft = "cleanup.pending"

// cleanUpLimit is what deleting what is left may take at the end.
const cleanUpLimit = 2 * time.Minute

// ledger keeps the journal of a trial: which records may be there.
type ledger struct {
	journal *journal.Journal
	owner   journal.Process
	zone    string

	mu      sync.Mutex
	records map[string]*record // by name and value
}

type record struct {
	entry journal.Entry
	open  bool // a call that makes it was broken off: the service may carry it out after a deletion
}

func newLedger(j *journal.Journal, zone string) (*ledger, error) {
	owner, err := journal.Self()
	return &ledger{journal: j, owner: owner, zone: zone, records: map[string]*record{}}, err
}

// begin writes the entry of a record that is about to be made. One that is made again has its entry.
func (l *ledger) begin(account providers.Account, c providers.Challenge) (*record, error) {
	fqdn := providers.CanonicalName(c.FQDN)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[fqdn+" "+c.Value]; r != nil {
		return r, nil
	}
	entry, err := l.journal.Add(journal.Entry{
		Spec: account.Spec.String(), Fingerprint: account.Fingerprint, Zone: l.zone,
		Domain: c.Domain, FQDN: fqdn, Value: c.Value, KeyAuth: c.KeyAuth, Owner: l.owner,
	})
	if err != nil {
		return nil, err
	}
	r := &record{entry: entry}
	l.records[fqdn+" "+c.Value] = r
	return r, nil
}

// end notes what came of making it. A handle that the journal does not take is left out: name, type and value are one too.
func (l *ledger) end(r *record, h providers.Handle, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.open = err != nil
	entry := r.entry
	entry.Handle = h
	if err == nil && l.journal.Update(entry) == nil {
		r.entry = entry
	}
}

// witness is an instance of the provider whose records get into the journal before they are made.
type witness struct {
	providers.Account
	ledger *ledger
}

// zonedWitness is one that lists zones.
type zonedWitness struct {
	*witness
	lister providers.Zones
}

var (
	_ providers.Provider = (*witness)(nil)
	_ providers.Closer   = (*witness)(nil)
	_ providers.Zones    = zonedWitness{}
)

func (l *ledger) witness(account providers.Account) providers.Provider {
	w := &witness{account, l}
	if zones, ok := account.Provider.(providers.Zones); ok {
		return zonedWitness{w, zones}
	}
	return w
}

// Zones is the provider's.
func (w zonedWitness) Zones(ctx context.Context, fresh bool) ([]string, error) {
	return w.lister.Zones(ctx, fresh)
}

// Present is the provider's, with the journal.
func (w *witness) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	r, err := w.ledger.begin(w.Account, c)
	if err != nil {
		return "", err
	}
	h, err := w.Account.Present(ctx, c)
	w.ledger.end(r, h, err)
	return h, err
}

// Close closes the provider, if that is needed.
func (w *witness) Close() error {
	if closer, ok := w.Provider.(providers.Closer); ok {
		return closer.Close()
	}
	return nil
}

// made are the records that there are now. A provider that does not heed its context may still be making others, whose
// entries stay for a later run.
func (l *ledger) made() []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []record
	for _, key := range slices.Sorted(maps.Keys(l.records)) {
		all = append(all, *l.records[key])
	}
	return all
}

// settle deletes once more what the checks have made, and forgets what is gone from every name server. After a run that was
// ended that is not waited for: the service's word counts then, but for records of which a call was broken off.
func (l *ledger) settle(ctx context.Context, account providers.Account, v *view) error {
	ended := ctx.Err() != nil
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	made := l.made()
	errs := make([]error, len(made))
	slots := make(chan struct{}, sideBySide)
	var group sync.WaitGroup
	for i, r := range made {
		group.Go(func() {
			slots <- struct{}{}
			err := account.CleanUp(working, r.entry.Challenge(), r.entry.Handle)
			<-slots
			switch {
			case err != nil:
			case ended && r.open:
				err = errors.New("a call that was to make it was broken off, so it may yet appear")
			case !ended:
				if _, why := v.follow(ctx, r.entry.FQDN, func(have []string) bool { return !slices.Contains(have, r.entry.Value) }); why != "" {
					err = errors.New("it was to be deleted: " + why)
				}
			}
			if err == nil {
				err = l.journal.Remove(r.entry)
			}
			if err != nil {
				errs[i] = providers.Errorf(CodeLeft, providers.Temporary, "cleanup of %s is pending, the next run tries again: %w", r.entry.FQDN, err)
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
