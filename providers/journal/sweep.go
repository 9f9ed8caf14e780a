package journal

import (
	"cmp"
	"context"

	"slices"
	"time"

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
	// secondLook is how long to wait before looking for such a record once more.
	secondLook = time.Second
)

// Sweep removes the records of dead owners, oldest first, through those of accounts that made them (package comment), until
// ctx ends. One entry takes at most half of the time that is left, and an account that did not answer within it is not
// asked again, so that the others get their turn. What could not be removed stays for the next sweep; only reading the
// journal itself can fail. Several sweeps at once do no harm.
func (j *Journal) Sweep(ctx context.Context, accounts []providers.Account) (SweepReport, error) {
	entries, damaged, err := j.Entries()
	if err != nil {
		return SweepReport{}, err
	}
	for _, d := range damaged {
		j.log.Warn("journal: a file is not readable", "path", d.Path, "error", d.Err)
	}
	var report SweepReport
	silent := map[string]error{} // by the account's fingerprint
	for _, e := range entries {
		if !e.Owner.Dead(j.now().Sub(e.Created)) {
			continue
		}
		err := silent[e.Fingerprint]
		if err == nil {
			err = j.sweepWithin(ctx, e, accounts, silent)
		}
		if err != nil {
			report.Kept = append(report.Kept, Kept{e, err})
			continue
		}
		report.Swept = append(report.Swept, e)
	}
	return report, nil
}

// sweepWithin removes one entry's record and the entry in its share of the time.
func (j *Journal) sweepWithin(ctx context.Context, e Entry, accounts []providers.Account, silent map[string]error) error {
	if ctx.Err() != nil {
		return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "journal: no time left for it: %w", context.Cause(ctx))
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	err := j.sweep(ctx, e, accounts)
	if err != nil && ctx.Err() != nil {
		silent[e.Fingerprint] = err
	}
	return err
}

func (j *Journal) sweep(ctx context.Context, e Entry, accounts []providers.Account) error {
	account, err := accountOf(ctx, e, accounts)
	if err != nil {
		return err
	}
	mayAppear := e.Handle == "" && j.now().Sub(e.Created) < fresh
	if err := account.CleanUp(ctx, e.Challenge(), e.Handle); err != nil {
		return err
	}
	// CleanUp does not tell whether there was anything to delete.
	if mayAppear {
		select {
		case <-time.After(secondLook):
		case <-ctx.Done():
			return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "journal: its create call may be under way still: %w", context.Cause(ctx))
		}
		if err := account.CleanUp(ctx, e.Challenge(), e.Handle); err != nil {
			return err
		}
	}
	return j.Remove(e)
}

// accountOf returns the account that made the entry's record, provided that it may touch it now. For one that lists zones,
// the entry's must be among them: "there is no such record" means something only there. One that cannot may write only in
// the ZONE= of its spec.
func accountOf(ctx context.Context, e Entry, accounts []providers.Account) (providers.Account, error) {
	err := error(providers.Errorf(providers.CodeMissing, providers.Misconfigured, "journal: the account that made it is not configured: %s", e.Fingerprint))
	for _, account := range accounts {
		if account.Fingerprint != e.Fingerprint {
			continue
		}
		if lister, ok := account.Provider.(providers.Zones); ok {
			err = lists(ctx, lister, account.Label, e)
		} else if account.Spec.Zone != "" && !providers.InZone(e.FQDN, account.Spec.Zone) {
			err = providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "journal: %s may write in %s only", account.Spec, account.Spec.Zone)
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
	return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "journal: %s does not list zone %s any more", label, cmp.Or(e.Zone, "of "+e.FQDN))
}
