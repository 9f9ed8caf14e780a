package certificates

import (
	"context"
	"slices"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/lineage"
	"wildcard/providers"
)

// cleanLimit is what Clean may take; a person who waits can interrupt it.
const cleanLimit = 5 * time.Minute

// Leftovers are the records that the journal has.
type Leftovers struct {
	Removed  []journal.Entry
	Left     []journal.Kept  // of dead processes
	Dead     []journal.Entry // of dead processes, which a run that is no dry run would remove
	InUse    []journal.Entry // of processes that may be alive
	Standing []journal.Entry // that stay
	Damaged  []journal.Damage
	Unopened []error // DNS services that could not be opened
}

// Clean removes the records that dead processes left, with the credentials of all certificates, of dns and of the journal. With
// dryRun it only says what the journal has, and what of it would be removed.
func (m *Manager) Clean(ctx context.Context, dns DNS, dryRun bool) (Leftovers, error) {
	var found Leftovers
	if !dryRun {
		var accounts []providers.Account
		accounts, found.Unopened = m.everyAccount(dns, true)
		report := m.sweep(ctx, accounts, cleanLimit)
		found.Removed, found.Left = report.Swept, report.Kept
	}
	entries, damaged, err := m.Journal.Entries()
	if err != nil {
		return found, err
	}
	found.Damaged = damaged
	for _, entry := range entries {
		switch {
		case entry.Stands():
			found.Standing = append(found.Standing, entry)
		case slices.ContainsFunc(found.Left,
			func(k journal.Kept) bool { return k.Entry.Value == entry.Value && k.Entry.FQDN == entry.FQDN }):
		case dryRun && entry.Owner.Dead(m.now().Sub(entry.Created)):
			found.Dead = append(found.Dead, entry)
		default:
			found.InUse = append(found.InUse, entry)
		}
	}
	return found, context.Cause(ctx)
}

// everyAccount opens every DNS service that this machine's settings name: by the caller, by the lineages, and, if a person asked
// for it, by the journal. What cannot be opened is no reason not to try the rest. With an empty journal nothing is opened.
func (m *Manager) everyAccount(dns DNS, journalled bool) ([]providers.Account, []error) {
	entries, _, err := m.Journal.Entries()
	if err != nil || len(entries) == 0 || !journalled && !unswept(m) {
		return nil, nil
	}
	var all []lineage.Settings
	var here lineage.Settings
	if err := dns.Over(&here); err == nil {
		all = append(all, here)
	}
	for l, err := range m.Store.All() {
		if err != nil {
			continue
		}
		if s, ours := l.Conf.Settings(); ours && len(s.Providers) > 0 {
			all = append(all, s)
		}
	}
	if journalled {
		for _, entry := range entries {
			all = append(all, lineage.Settings{Providers: []providers.Spec{lineage.ReadSpec(entry.Spec)}, EnvFile: here.EnvFile})
		}
	}
	return m.Services.accountsOf(all)
}
