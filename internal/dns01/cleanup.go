package dns01

import (
	"cmp"
	"context"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
)

// SweepAtStart is what removing the leftovers of dead processes may take beside other work; what is not done waits for the next.
const SweepAtStart = 5 * time.Second

// CleanUp deletes a record and then forgets it, unless its creation was broken off; also when ctx has ended, within
// [Solver.CleanUpLimit]. What is deleted already is no error. Errors are those of the service, which say that the journal has the
// record, and of the journal.
func (s *Solver) CleanUp(ctx context.Context, record *Record) error {
	if !record.Left() {
		return nil
	}
	if err := s.Delete(ctx, record); err != nil {
		return err
	}
	if record.BrokenOff() {
		record.change(func() { record.left = false })
		return nil // a later run looks again
	}
	return s.Forget(record)
}

// Delete is the first half of [Solver.CleanUp]: the journal still has the record afterwards, as one whose deletion has begun. A record
// that another living run has as well is left to it.
func (s *Solver) Delete(ctx context.Context, record *Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.CleanUpLimit, usualCleanUp))
	defer cancel()
	entry, account := record.journalled(), record.Place.Route.Account
	if entry.ID == "" {
		return account.CleanUp(ctx, record.Challenge, "")
	}
	// The entry says so first: a run that takes it over after our death must not count on the record.
	ours, err := s.Journal.Delete(entry)
	if err != nil {
		s.log().Warn("journal", "error", err) // deleting matters more
	}
	switch {
	case !ours:
		return nil
	case account.Provider == nil:
		err = fault.Errorf(fault.CodeMissing, fault.Misconfigured,
			"the account that made it (%s) is not configured any more", entry.Fingerprint)
	default:
		err = account.CleanUp(ctx, record.Challenge, entry.Handle)
		if err == nil && record.doubled && entry.Handle != "" {
			err = account.CleanUp(ctx, record.Challenge, "")
		}
	}
	if err != nil {
		return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "cleanup of %s is pending, the next run tries again: %w",
			entry.FQDN, err)
	}
	s.log().Info("deleted", "fqdn", entry.FQDN)
	return nil
}

// Forget is the second half of [Solver.CleanUp]: the journal forgets a record that certainly is not there and cannot come.
func (s *Solver) Forget(record *Record) error {
	entry := record.journalled()
	record.change(func() { record.left = false })
	if entry.ID == "" {
		return nil
	}
	return s.Journal.Remove(entry)
}

// Sweep removes what dead processes left behind, as far as limit allows, but for what leave says may be taken over (nil leaves
// nothing). What it cannot remove stays in the journal. Errors are those of reading the journal, and no reason to stop.
func (s *Solver) Sweep(ctx context.Context, limit time.Duration,
	leave func(journal.Entry) bool) (journal.SweepReport, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	report, err := s.Journal.Sweep(ctx, s.Router.Accounts, leave)
	if err != nil {
		s.log().Warn("sweep", "error", err)
	}
	for _, e := range report.Swept {
		s.log().Info("removed a record that a dead process left", "fqdn", e.FQDN)
	}
	for _, k := range report.Kept {
		s.log().Info("a dead process's record is still there", "fqdn", k.Entry.FQDN, "reason", k.Reason)
	}
	return report, err
}
