package issuance

import (
	"context"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/messages"
)

// enter makes a record's journal entry, or takes over that of a dead run that wanted the same record.
func (r *run) enter(ctx context.Context, rec *record) (dns01.Entry, error) {
	account := rec.place.Route.Account
	return dns01.Enter(ctx, r.Journal, journal.Entry{
		Spec:        account.Spec.String(),
		Fingerprint: account.Fingerprint,
		Zone:        rec.place.Route.Zone,
		Domain:      Base(rec.name),
		FQDN:        rec.place.FQDN,
		Value:       rec.value,
		KeyAuth:     rec.keyAuthorization,
		Owner:       r.owner,
		Order:       r.result.Order,
	}, false)
}

// fromEarlier reports whether an earlier run's record is there, so that nothing has to be created.
func (r *run) fromEarlier(ctx context.Context, rec *record, entry *dns01.Entry) (there bool, err error) {
	if !entry.Taken && !r.result.Resumed && !r.Memory.Knows(rec.remembered()) {
		return false, nil // nobody had it before
	}
	say := func(text messages.Message) {
		r.observe(Event{Step: StepRecords, State: Noted, Domain: rec.name, FQDN: entry.FQDN, Text: text})
	}
	there, err = dns01.Earlier{
		Wait:    propagation.Wait{Resolver: r.Resolver, Limit: r.waitLimit, HistoryDir: r.HistoryDir, Log: r.log},
		Journal: r.Journal, Account: rec.place.Route.Account, Challenge: rec.dns(),
		Hidden: func() {
			say(messages.New("name servers still show the record that an earlier run deleted: waiting until they do not"))
		},
	}.Find(ctx, entry)
	if there {
		say(messages.New("the record of an earlier run is taken over"))
	}
	return there, err
}
