package dns01

import (
	"context"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
)

// shownWithin is how long the name servers are asked for what an earlier run may have left.
const shownWithin = 15 * time.Second

// Entry is the journal entry of a record that a run is about to have.
type Entry struct {
	journal.Entry
	Taken bool // it is that of an earlier run
	// Doubled says that the earlier run died while it created the record, so that its creation may be carried out beside ours.
	Doubled bool
	// Shared says that a living run has the same record, as runs have that a CA gave one order. It deletes nothing of ours, nor we
	// of its ([journal.Journal.Delete]).
	Shared bool
}

// Enter makes a record's journal entry: that of a dead run which wanted the same record, as an order that is taken up again does, or
// else a new one. With again the earlier run may be of the same owner, who lives. Errors are those of the journal.
func Enter(ctx context.Context, j *journal.Journal, draft journal.Entry, again bool) (Entry, error) {
	taken, ok, shared, err := j.TakeOver(ctx, draft, again)
	if err == nil && !ok {
		taken, err = j.Add(draft)
	}
	return Entry{Entry: taken, Taken: ok, Doubled: ok && !taken.CleaningUp && taken.Handle == "", Shared: shared}, err
}

// Earlier finds out what is left of a record that an earlier run may have had.
type Earlier struct {
	Wait      propagation.Wait // how name servers are asked, and waited for to hear of a deletion
	Journal   *journal.Journal
	Account   providers.Account
	Challenge providers.Challenge
	Hidden    func() // told when that is waited for
}

// Find reports whether the record is there, so that nothing has to be created. Otherwise Present is to be called, after which
// CleaningUp no longer holds; the entry says in the journal what is known until then.
//
// A deletion that slower name servers have not heard of yet is waited for first: the same value, made anew at once, would be seen at
// all of them, and then be missing at some while the CA looks. Errors are those of the service, the journal and
// [propagation.Wait.UntilHidden].
func (e Earlier) Find(ctx context.Context, entry *Entry) (there bool, err error) {
	_, forever := e.Account.Provider.(providers.Aliases) // deletes nothing: what is shown may be ours
	switch {
	case entry.Doubled:
		return false, nil // Present finds it or makes it
	case entry.Taken && !entry.CleaningUp:
		// Not to be seen yet, or deleted by hand: Present tells.
		return e.shown(ctx), nil
	case entry.Shared && !entry.Taken:
		return false, nil // it is there, or will be: Present leaves one record
	case forever, !entry.Taken && !e.shown(ctx):
		return false, nil
	}
	// It was deleted or was to be. What may be there all the same goes first, since otherwise it would be shown for ever.
	if err := e.Account.CleanUp(ctx, e.Challenge, entry.Handle); err != nil {
		return false, err
	}
	entry.Handle, entry.CleaningUp = "", true
	if err := e.Journal.Update(entry.Entry); err != nil {
		return false, err
	}
	if !e.shown(ctx) {
		return false, nil
	}
	if e.Hidden != nil {
		e.Hidden()
	}
	return false, e.Wait.UntilHidden(ctx, propagation.Record{Zone: entry.Zone, FQDN: entry.FQDN, Value: entry.Value})
}

// shown reports whether some name server has the record now. That it cannot be found out is no reason to stop.
func (e Earlier) shown(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, shownWithin)
	defer cancel()
	shows, err := e.Wait.Resolver.Shows(ctx, e.Challenge.FQDN, e.Challenge.Value)
	if err != nil && e.Wait.Log != nil {
		e.Wait.Log.Debug("what name servers show of an earlier run", "fqdn", e.Challenge.FQDN, "error", err)
	}
	return shows
}
