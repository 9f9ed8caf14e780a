package journal

import (
	"context"
	"fmt"
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

// Sweep removes the records of dead owners through those of accounts that made them (package comment), until ctx ends. What
// could not be removed stays for the next sweep; only reading the journal itself can fail. Several sweeps at once do no
// harm.
func (j *Journal) Sweep(ctx context.Context, accounts []providers.Account) (SweepReport, error) {
	entries, damaged, err := j.Entries()
	if err != nil {
		return SweepReport{}, err
	}
	for _, d := range damaged {
		j.log.Warn("journal: a file is not readable", "path", d.Path, "error", d.Err)
	}
	var report SweepReport
	for _, e := range entries {
		if !e.Owner.Dead(j.now().Sub(e.Created)) {
			continue
		}
		if err := j.sweep(ctx, e, accounts); err != nil {
			report.Kept = append(report.Kept, Kept{e, err})
			continue
		}
		report.Swept = append(report.Swept, e)
	}
	return report, nil
}

// sweep removes one entry's record and the entry. It takes at most half of the time that is left, so that one service that
// hangs leaves some to the others.
func (j *Journal) sweep(ctx context.Context, e Entry, accounts []providers.Account) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	i := slices.IndexFunc(accounts, func(a providers.Account) bool { return a.Fingerprint == e.Fingerprint })
	if i < 0 {
		return fmt.Errorf("journal: its account is not configured: %s", e.Fingerprint)
	}
	account := accounts[i]
	if err := holds(ctx, account, e.Zone); err != nil {
		return err
	}
	if err := account.CleanUp(ctx, e.Challenge(), e.Handle); err != nil {
		return err
	}
	if age := j.now().Sub(e.Created); e.Handle == "" && age < fresh {
		select {
		case <-time.After(secondLook):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := account.CleanUp(ctx, e.Challenge(), ""); err != nil {
			return err
		}
	}
	return j.Remove(e)
}

// holds returns an error unless the account lists the zone: "there is no such record" means something only there.
func holds(ctx context.Context, account providers.Account, zone string) error {
	lister, ok := account.Provider.(providers.Zones)
	if !ok {
		return nil
	}
	for _, fresh := range []bool{false, true} {
		zones, err := lister.Zones(ctx, fresh)
		if err != nil {
			return err
		}
		if slices.Contains(zones, zone) {
			return nil
		}
	}
	return fmt.Errorf("journal: %s does not list zone %s any more", account.Label, zone)
}
