package journal

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// SweepReport is what a sweep did and could not do.
type SweepReport struct {
	Swept []Entry
	Kept  []Kept // dead, but still there
}

// Kept is an entry whose record could not be removed.
type Kept struct {
	Entry  Entry
	Reason error
}

const (
	// fresh is the age up to which a killed process's create call may still be under way.
	fresh = 10 * time.Second
	// secondLook is how long to wait before looking for such records once more, all of them at once.
	secondLook = time.Second
)

// Sweep removes the records of dead owners, oldest first, through those of accounts that made them (package comment), until
// ctx ends. Those of which leave says so are left for a run to take over (nil leaves none), and those that another process has in
// hand are left to it. One entry takes at most half of the time that is left, and an account that did not answer within it is not
// asked again, so that the others get their turn. What could not be removed stays for the next sweep; only reading the
// journal itself can fail. Several sweeps at once do no harm.
func (j *Journal) Sweep(ctx context.Context, accounts []providers.Account,
	leave func(Entry) bool) (SweepReport, error) {
	entries, damaged, err := j.Entries()
	if err != nil {
		return SweepReport{}, err
	}
	for _, d := range damaged {
		j.log.Warn("journal: a file is not readable", "path", d.Path, "error", d.Err)
	}
	s := sweep{journal: j, accounts: accounts, silent: map[string]error{}}
	var again []*held
	for _, e := range entries {
		if !j.dead(e) || leave != nil && leave(e) {
			continue
		}
		h := s.hold(e)
		if h == nil {
			continue
		}
		switch deleted := s.cleanUp(ctx, h); {
		case deleted && h.Handle == "" && j.now().Sub(h.Created) < fresh:
			again = append(again, h)
			continue
		case deleted:
			s.forget(h)
		}
		h.release()
	}
	if len(again) > 0 { // CleanUp does not tell whether there was anything to delete
		select {
		case <-time.After(secondLook):
		case <-ctx.Done():
		}
	}
	for _, h := range again {
		if s.cleanUp(ctx, h) {
			s.forget(h)
		}
		h.release()
	}
	return s.report, nil
}

// dead reports whether the run that an entry is of has ended; a record that stays needs none.
func (j *Journal) dead(e Entry) bool {
	if e.Stands() {
		return false
	}
	return j.endedHere(e) || e.Owner.Dead(j.now().Sub(e.Created))
}

// endedHere reports whether an entry is of an earlier run of this process ([Journal.Alone]); one that was taken over meanwhile is not.
func (j *Journal) endedHere(e Entry) bool {
	written, ok := j.former[e.ID]
	return ok && written.Equal(e.Created)
}

// sweep is one of the journal.
type sweep struct {
	journal  *Journal
	accounts []providers.Account
	silent   map[string]error // by the account's fingerprint
	report   SweepReport
}

// hold takes an entry in hand; nil if there is nothing to do with it after all.
func (s *sweep) hold(e Entry) *held {
	h, err := s.journal.hold(e.ID)
	switch {
	case errors.Is(err, errHeld), errors.Is(err, fs.ErrNotExist): // another process does it, or did
		return nil
	case err != nil:
		s.report.Kept = append(s.report.Kept, Kept{e, failed(err)})
		return nil
	case !s.journal.dead(h.Entry): // it was taken over
		h.release()
		return nil
	}
	return h
}

// cleanUp removes an entry's record in the entry's share of the time. It reports whether it did; if not, the entry is kept.
func (s *sweep) cleanUp(ctx context.Context, h *held) bool {
	err := s.silent[h.Fingerprint]
	if err == nil {
		err = s.cleanUpWithin(ctx, h)
	}
	if err != nil {
		s.report.Kept = append(s.report.Kept, Kept{h.Entry, err})
	}
	return err == nil
}

func (s *sweep) cleanUpWithin(ctx context.Context, h *held) error {
	if ctx.Err() != nil {
		return fault.Errorf(fault.CodeUnavailable, fault.Temporary, "journal: no time left for it: %w", context.Cause(ctx))
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	entries, _, err := s.journal.Entries()
	if err == nil && s.journal.shared(h.Entry, entries) {
		return nil // a living run has the same record, and deletes it
	}
	account, err := accountOf(ctx, h.Entry, s.accounts)
	if err == nil {
		s.mark(h)
		err = account.CleanUp(ctx, h.Challenge(), h.Handle)
	}
	if err != nil && ctx.Err() != nil {
		s.silent[h.Fingerprint] = err
	}
	return err
}

// mark says in an entry that its record is being deleted, so that the run that takes it over after our death does not count on it.
func (s *sweep) mark(h *held) {
	if h.CleaningUp {
		return
	}
	e := h.Entry
	e.CleaningUp = true
	if err := h.put(e); err != nil {
		s.journal.log.Warn("journal", "error", err) // deleting matters more
	}
}

// forget removes an entry whose record is deleted.
func (s *sweep) forget(h *held) {
	if err := s.journal.Remove(h.Entry); err != nil {
		s.report.Kept = append(s.report.Kept, Kept{h.Entry, err})
		return
	}
	s.report.Swept = append(s.report.Swept, h.Entry)
}

// accountOf returns the account that made the entry's record, provided that it may touch it now. For one that lists zones,
// the entry's must be among them: "there is no such record" means something only there. One that cannot may write only in
// the ZONE= of its spec.
func accountOf(ctx context.Context, e Entry, accounts []providers.Account) (providers.Account, error) {
	err := error(fault.Errorf(fault.CodeMissing, fault.Misconfigured,
		"journal: the account that made it is not configured: %s", e.Fingerprint))
	for _, account := range accounts {
		if account.Fingerprint != e.Fingerprint {
			continue
		}
		if lister, ok := account.Provider.(providers.Zones); ok {
			err = lists(ctx, lister, account.Label, e)
		} else if account.Spec.Zone != "" && !providers.InZone(e.FQDN, account.Spec.Zone) {
			err = fault.Errorf(fault.CodeNoZone, fault.Misconfigured, "journal: %s may write in %s only", account.Spec,
				account.Spec.Zone)
		} else {
			err = nil
		}
		if err == nil {
			return account, nil
		}
	}
	return providers.Account{}, err
}

// lists returns an error unless the account lists the entry's zone; for an entry made when it could not list any, one that
// holds its name.
func lists(ctx context.Context, lister providers.Zones, label string, e Entry) error {
	for _, fresh := range []bool{false, true} {
		zones, err := lister.Zones(ctx, fresh)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(zones, func(zone string) bool {
			return providers.CanonicalName(zone) == e.Zone || e.Zone == "" && providers.InZone(e.FQDN, zone)
		}) {
			return nil
		}
	}
	return fault.Errorf(fault.CodeNoZone, fault.Misconfigured, "journal: %s does not list zone %s any more", label,
		cmp.Or(e.Zone, "of "+e.FQDN))
}
