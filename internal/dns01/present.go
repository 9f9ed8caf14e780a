package dns01

import (
	"cmp"
	"context"
	"errors"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/providers"
)

// Present writes the record's entry into the journal and then sees to it that the service has the record. After an error, too,
// the record it returns is to be cleaned up; it is nil if nothing was begun. Errors are those of [Solver.Enter] and [Solver.Make].
func (s *Solver) Present(ctx context.Context, owner Owner, place Place, c providers.Challenge) (*Record, error) {
	record, err := s.Enter(ctx, owner, place, c)
	if err != nil {
		return nil, err
	}
	return record, s.Make(ctx, record)
}

// Enter makes a record's journal entry: that of a dead run which wanted the same record, as an order that is taken up again does, or
// else a new one. Name and zone of the challenge are those of the place. Errors are those of the journal.
func (s *Solver) Enter(ctx context.Context, owner Owner, place Place, c providers.Challenge) (*Record, error) {
	c.FQDN, c.Zone = place.FQDN, place.Route.Zone
	record := &Record{Place: place, Challenge: c, Owner: owner, left: true}
	s.reservation(owner).Add(ctx, remembered(s, c))
	if s.Journal == nil {
		return record, nil
	}
	account := place.Route.Account
	draft := journal.Entry{
		Spec: account.Spec.String(), Fingerprint: account.Fingerprint, Zone: c.Zone,
		Domain: c.Domain, FQDN: c.FQDN, Value: c.Value, KeyAuth: c.KeyAuth,
		Owner: owner.Process, Order: owner.Order, Round: owner.Round, Remaining: owner.Remaining,
	}
	entry, taken, shared, err := s.Journal.TakeOver(ctx, draft, owner.Again)
	if err == nil && !taken {
		entry, err = s.Journal.Add(draft)
	}
	if err != nil {
		return nil, err
	}
	record.entry, record.taken, record.shared = entry, taken, shared
	record.doubled = taken && !entry.CleaningUp && entry.Handle == ""
	return record, nil
}

// Make sees to it that the service has an entered record: it is the one of an earlier run, or is created. Errors are those of the
// service, the journal and [propagation.Wait.UntilHidden], and ctx's cause. Those that [providers.Unmade] marks leave nothing.
func (s *Solver) Make(ctx context.Context, record *Record) error {
	if record.Owner.Again {
		if err := s.deleteElsewhere(ctx, record); err != nil {
			return err
		}
	}
	if record.Owner.Last {
		_, _ = s.Sweep(ctx, SweepAtStart, nil) // what cannot be swept is no reason to stop
	}
	if record.taken || s.Journal != nil && (record.Owner.Resumed || s.Memory.Knows(remembered(s, record.Challenge))) {
		if there, err := s.fromEarlier(ctx, record); there || err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := s.Create(ctx, record, func(ctx context.Context) (providers.Handle, error) {
		return record.Place.Route.Account.Present(ctx, record.Challenge)
	})
	if err == nil && ctx.Err() != nil {
		return context.Cause(ctx) // no run waits for the record any more
	}
	return err
}

// deleteElsewhere deletes records of the same challenge that are not the entry's: a call that is repeated may find that a CNAME
// leads elsewhere now, or to another account.
func (s *Solver) deleteElsewhere(ctx context.Context, but *Record) error {
	records, err := s.Match(but.Challenge.Domain, but.Challenge.Value)
	if err != nil {
		return err
	}
	for _, other := range records {
		if other.entry.ID == but.entry.ID || other.AnothersThan(but.Owner.Process) {
			continue
		}
		if err := s.CleanUp(ctx, other); err != nil {
			return err
		}
	}
	return nil
}

// Create calls the service, whether or not the record is there, and keeps the handle. It may be called several times, and at once, as
// the conformance suite does.
func (s *Solver) Create(ctx context.Context, record *Record,
	present func(context.Context) (providers.Handle, error)) error {
	lasting, cancel := lingering(ctx, cmp.Or(s.Linger, usualLinger))
	defer cancel()
	handle, err := present(lasting)
	if err != nil {
		record.change(func() { record.brokenOff = record.brokenOff || lasting.Err() != nil })
		if providers.IsUnmade(err) && !record.taken && !record.shared { // else it may be another's, who leaves it to us
			return errors.Join(err, s.Forget(record))
		}
		return err
	}
	if s.Journal == nil {
		return nil
	}
	record.change(func() { record.entry.Handle, record.entry.CleaningUp = handle, false })
	if err := s.Journal.Update(record.journalled()); err != nil {
		return err
	}
	s.log().Info("created", "fqdn", record.Challenge.FQDN, "zone", record.Challenge.Zone, "account",
		record.Place.Route.Account.Label)
	return nil
}

// lingering returns a context for the creation of a record, that ends when ctx has been over for as long as limit: a creation that
// is broken off half-way leaves unknown whether the service will still carry it out.
func lingering(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit < 0 {
		return context.WithCancel(ctx)
	}
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(limit, cancel)
		context.AfterFunc(lasting, func() { timer.Stop() })
	})
	return lasting, func() { stop(); cancel() }
}
