package dns01

import (
	"context"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
)

// shownWithin is how long the name servers are asked for what an earlier run may have left.
const shownWithin = 15 * time.Second

// fromEarlier finds out what is left of a record that an earlier run may have had, and reports whether the record is there, so that
// nothing has to be created. Until it is created the entry says in the journal what is known.
//
// A deletion that slower name servers have not heard of yet is waited for first: the same value, made anew at once, would be seen at
// all of them, and then be missing at some while the CA looks.
func (s *Solver) fromEarlier(ctx context.Context, record *Record) (there bool, err error) {
	account := record.Place.Route.Account
	_, keeps := account.Provider.(providers.CNAMETargets) // deletes nothing: what is shown may be ours
	entry := record.journalled()
	switch {
	case record.doubled:
		return false, nil // the service finds it or makes it
	case record.taken && !entry.CleaningUp:
		if !s.shown(ctx, record) {
			return false, nil // not to be seen yet, or deleted by hand: the service tells
		}
		s.log().Info("the record of an earlier run is there", "fqdn", entry.FQDN)
		s.tell(Event{Step: Records, State: TakenOver, Record: record})
		return true, nil
	case record.shared && !record.taken:
		return false, nil // it is there, or will be: the service leaves one record
	case keeps, !record.taken && !s.shown(ctx, record):
		return false, nil
	}
	// It was deleted or was to be. What may be there all the same goes first, since otherwise it would be shown for ever.
	if err := account.CleanUp(ctx, record.Challenge, entry.Handle); err != nil {
		return false, err
	}
	record.change(func() { record.entry.Handle, record.entry.CleaningUp = "", true })
	if err := s.Journal.Update(record.journalled()); err != nil {
		return false, err
	}
	if !s.shown(ctx, record) {
		return false, nil
	}
	s.log().Info("name servers still show a record that was deleted", "fqdn", entry.FQDN)
	s.tell(Event{Step: Records, State: Hidden, Record: record})
	wait := s.wait()
	return false, wait.UntilHidden(ctx, propagation.Record{Zone: entry.Zone, FQDN: entry.FQDN, Value: entry.Value})
}

// shown reports whether some name server has the record now. That it cannot be found out is no reason to stop.
func (s *Solver) shown(ctx context.Context, record *Record) bool {
	ctx, cancel := context.WithTimeout(ctx, shownWithin)
	defer cancel()
	shows, err := s.Resolver.Shows(ctx, record.Challenge.FQDN, record.Challenge.Value)
	if err != nil {
		s.log().Debug("what name servers show of an earlier run", "fqdn", record.Challenge.FQDN, "error", err)
	}
	return shows
}
