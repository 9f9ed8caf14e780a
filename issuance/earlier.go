package issuance

import (
	"context"
	"time"

	"wildcard/messages"
	"wildcard/providers"
	"wildcard/providers/journal"
)

// shownWithin is how long the name servers are asked for what an earlier run may have left.
const shownWithin = 15 * time.Second

// enter makes a record's journal entry: that of a dead run which wanted the same record, as an order that is taken up again does,
// or else a new one.
func (r *run) enter(ctx context.Context, rec *record) (entry journal.Entry, taken bool, err error) {
	account := rec.place.route.Account
	draft := journal.Entry{
		Spec:        account.Spec.String(),
		Fingerprint: account.Fingerprint,
		Zone:        rec.place.route.Zone,
		Domain:      Base(rec.name),
		FQDN:        rec.place.fqdn,
		Value:       rec.value,
		KeyAuth:     rec.keyAuthorization,
		Owner:       r.owner,
		Order:       r.result.Order,
	}
	entry, taken, err = r.Journal.TakeOver(ctx, draft, false)
	if err == nil && !taken {
		entry, err = r.Journal.Add(draft)
	}
	return entry, taken, err
}

// fromEarlier looks at what an earlier run may have left of a record, and reports whether it is there, so that nothing has to be
// created. The handle in entry is that of the record as it is afterwards.
//
// A deletion that slower name servers have not heard of yet is waited for first: the same value, made anew at once, would be seen at
// all of them, and then be missing at some while the CA looks.
func (r *run) fromEarlier(ctx context.Context, rec *record, entry *journal.Entry, taken bool) (there bool, err error) {
	_, unseen := rec.place.route.Account.Provider.(providers.Waiter) // only the service knows
	shown := func() bool { return !unseen && r.shows(ctx, rec) }
	switch {
	case taken && !entry.CleaningUp && entry.Handle == "":
		rec.doubled = true
		return false, nil // Present finds it or makes it
	case taken && !entry.CleaningUp && (unseen || shown()):
		r.observe(Event{Step: StepRecords, State: Noted, Domain: rec.name, FQDN: entry.FQDN, Text: messages.New("the record of an earlier run is taken over")})
		return true, nil
	case taken && !entry.CleaningUp:
		return false, nil // not published yet, or deleted by hand: Present tells
	case !taken && !shown():
		return false, nil
	}
	// It was deleted or was to be. What may be there all the same goes first, since otherwise it would be shown for ever.
	if err := rec.place.route.Account.CleanUp(ctx, rec.dns(), entry.Handle); err != nil {
		return false, err
	}
	entry.Handle, entry.CleaningUp = "", true
	if err := r.Journal.Update(*entry); err != nil {
		return false, err
	}
	if !shown() {
		return false, nil
	}
	r.observe(Event{Step: StepRecords, State: Noted, Domain: rec.name, FQDN: entry.FQDN,
		Text: messages.New("name servers still show the record that an earlier run deleted: waiting until they do not")})
	return false, r.Resolver.UntilHidden(ctx, entry.FQDN, entry.Value, r.waitLimit)
}

// shows reports whether some name server has a record now. That it cannot be found out is no reason to stop.
func (r *run) shows(ctx context.Context, rec *record) bool {
	ctx, cancel := context.WithTimeout(ctx, shownWithin)
	defer cancel()
	_, shows, err := r.Resolver.Shows(ctx, rec.place.fqdn, rec.value)
	if err != nil {
		r.log.Debug("what name servers show of an earlier run", "fqdn", rec.place.fqdn, "error", err)
	}
	return shows
}
