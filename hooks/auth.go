package hooks

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// Auth is the auth hook: it creates the TXT record of one challenge and, when it is the last of certbot's round, waits
// until the name servers publish all of them. It returns the exit code.
func Auth(p Program) int {
	return run(p, "wildcard-auth-hook", authDuty(), auth)
}

// authDuty is what the hook does, for --help.
func authDuty() messages.Message {
	return messages.New("creates the TXT record of a DNS-01 challenge and waits for the last one's publication")
}

func auth(ctx context.Context, h *hook) error {
	ctx, stop, err := h.untilClientEnds(ctx)
	if err != nil {
		return err
	}
	defer stop()
	entry, err := h.create(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = errors.Join(cause, err) // a look-up that was broken off knows only that it was
		}
		h.afterClient(ctx)
		if entry.ID == "" {
			h.print(receipt{})
		}
		return err
	}
	h.print(receipt{Created: true, FQDN: entry.FQDN, Handle: entry.Handle})
	if h.request.Remaining > 0 {
		return nil
	}
	if err := h.wait(ctx, entry); err != nil {
		// While certbot lives it calls the cleanup hook, also after a failure. When it is gone, or somebody stopped us
		// alone, nobody will.
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), h.undo(ctx, entry))
			h.afterClient(ctx)
		}
		return err
	}
	return nil
}

// untilClientEnds returns a context that ends when certbot does: an orphaned hook must not create records for a certbot
// that will never clean up.
func (h *hook) untilClientEnds(parent context.Context) (context.Context, func(), error) {
	ctx, cancel := context.WithCancelCause(parent)
	ended, err := journal.Watch(ctx, h.owner)
	if err != nil {
		cancel(nil)
		return nil, nil, err
	}
	go func() {
		select {
		case <-ended:
			cancel(errClientGone)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }, nil
}

// afterClient removes everything certbot's death left behind, if that is what ended ctx: not only this call's record, but
// also those of earlier calls of the same certbot.
func (h *hook) afterClient(ctx context.Context) {
	if errors.Is(context.Cause(ctx), errClientGone) {
		h.sweep(context.WithoutCancel(ctx), cleanUpLimit, nil)
	}
}

// create makes the record. The entry it returns has an ID if, in spite of an error, something may be left.
func (h *hook) create(ctx context.Context) (journal.Entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, createLimit,
		fault.Errorf(fault.CodeUnavailable, fault.Temporary, "creating the record took longer than %v", createLimit))
	defer cancel()
	h.sweep(ctx, sweepLimit, h.request.wants)
	place, err := h.locate(ctx)
	if err != nil {
		return journal.Entry{}, err
	}
	route, fqdn := place.Route, place.FQDN
	round, err := h.journal.Round(h.owner, h.request.Remaining)
	if err != nil {
		return journal.Entry{}, err
	}
	if ctx.Err() != nil {
		return journal.Entry{}, context.Cause(ctx)
	}
	entered, err := dns01.Enter(ctx, h.journal, journal.Entry{
		Spec:        route.Account.Spec.String(),
		Fingerprint: route.Account.Fingerprint,
		Zone:        route.Zone,
		Domain:      h.request.Domain,
		FQDN:        fqdn,
		Value:       h.request.Value,
		Owner:       h.owner,
		Round:       round,
		Remaining:   h.request.Remaining,
	}, true) // certbot, or a person who repeats its call, asks for the very same challenge again
	if err != nil {
		return journal.Entry{}, err
	}
	if err := h.forgetEarlier(ctx, entered.Entry); err != nil {
		return entered.Entry, err
	}
	if h.request.Remaining == 0 {
		h.sweep(ctx, sweepLimit, nil) // what no call of this round took over
	}
	there, err := h.fromEarlier(ctx, route.Account, &entered)
	entry := entered.Entry
	if err == nil && !there {
		err = context.Cause(ctx)
	}
	h.reservation(round).Add(ctx, remembered(entry))
	switch {
	case err != nil:
		if undoErr := h.undo(ctx, entry); undoErr != nil {
			return entry, errors.Join(err, undoErr)
		}
		return journal.Entry{}, err
	case there:
		h.log.Info("an earlier call's record is there", "fqdn", fqdn)
		return entry, nil
	}
	// A creation is not broken off half-way at once, or nobody would know whether the service will still carry it out.
	calm, cancelCalm := dns01.Lingering(ctx, lingerLimit)
	defer cancelCalm()
	entry.Handle, err = route.Account.Present(calm, h.request.challenge(fqdn, route.Zone))
	if err == nil {
		entry.CleaningUp = false
		err = h.journal.Update(entry)
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	switch {
	case providers.IsUnmade(err) && !entered.Taken && !entered.Shared:
		return journal.Entry{}, errors.Join(err, h.journal.Remove(entry))
	case err != nil && calm.Err() != nil:
		// The call was broken off after all. What can be found is deleted, but the entry stays for a later look.
		if deleteErr := h.delete(ctx, entry); deleteErr != nil {
			err = errors.Join(err, deleteErr)
		}
		return entry, err
	case err != nil:
		if undoErr := h.undo(ctx, entry); undoErr != nil {
			return entry, errors.Join(err, undoErr)
		}
		return journal.Entry{}, err
	}
	h.log.Info("created", "fqdn", fqdn, "zone", route.Zone, "account", route.Account.Label)
	return entry, nil
}

// forgetEarlier removes records of the very same challenge that are not the one of the entry: a call that is repeated may find
// that a CNAME leads elsewhere now, or another account.
func (h *hook) forgetEarlier(ctx context.Context, but journal.Entry) error {
	earlier, err := h.journal.Match(h.request.Domain, h.request.Value)
	if err != nil {
		return err
	}
	for _, entry := range earlier {
		if entry.ID == but.ID || h.isAnothers(entry) {
			continue
		}
		if err := h.undo(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

// fromEarlier reports whether the record is there from an earlier call, so that nothing has to be created.
func (h *hook) fromEarlier(ctx context.Context, account providers.Account, entry *dns01.Entry) (bool, error) {
	if !entry.Taken && !h.memory.Knows(remembered(entry.Entry)) {
		return false, nil
	}
	return dns01.Earlier{
		Wait:    propagation.Wait{Resolver: h.resolver, Limit: h.waitLimit(), HistoryDir: filepath.Join(h.dirs.State, "history"), Log: h.log},
		Journal: h.journal, Account: account, Challenge: entry.Challenge(),
		Hidden: func() { h.log.Info("name servers still show a record that was deleted", "fqdn", entry.FQDN) },
	}.Find(ctx, entry)
}

// solver finds places. Delegations are not checked where name servers had to be named and the resolvers are those of the
// system, which may know nothing of them.
func (h *hook) solver() dns01.Solver {
	return dns01.Solver{
		Router: h.router, Resolver: h.resolver, Register: true,
		CheckDelegation: len(h.options.nameServers) == 0 || len(h.options.resolvers) > 0,
	}
}

// locate finds where the record is to stand.
func (h *hook) locate(ctx context.Context) (dns01.Place, error) {
	place, err := h.solver().Locate(ctx, h.request.Domain)
	if name := h.request.challengeName(); err == nil && place.FQDN != name {
		h.log.Info("followed a CNAME", "from", name, "to", place.FQDN)
	}
	return place, err
}

// wait waits once for every value of the round.
func (h *hook) wait(ctx context.Context, last journal.Entry) error {
	entries, err := h.journal.InRound(h.owner, last.Round)
	if err != nil {
		return err
	}
	var records []propagation.Record
	for _, e := range entries {
		record := propagation.Record{Zone: e.Zone, FQDN: e.FQDN, Value: e.Value}
		if account, err := h.accountOf(e); err == nil {
			record.Origin = h.solver().Origin(dns01.Place{Route: providers.Route{Account: account, Zone: e.Zone}, FQDN: e.FQDN})
		}
		records = append(records, record)
	}
	wait := propagation.Wait{
		Resolver:   h.resolver,
		Limit:      h.waitLimit(),
		HistoryDir: filepath.Join(h.dirs.State, "history"),
		Log:        h.log,
	}
	report, err := wait.Run(ctx, records)
	for _, d := range report.Behind {
		h.log.Info("the resolvers are behind", "zone", d.Zone, "resolvers", d.Cached, "parent", d.Delegated)
	}
	if err == nil {
		h.log.Info("published", "values", len(records), "stepped over", report.SteppedOver)
		err = propagation.ExtraWait(ctx, h.options.extraWait, nil)
	}
	if err == nil {
		err = h.forget(ctx, last.Round, report)
	}
	if err != nil {
		h.failed(ctx, last.Round)
	}
	return err
}

// waitLimit is the longest that an account's settings ask for; 0 leaves it to the default.
func (h *hook) waitLimit() time.Duration {
	var limit time.Duration
	for _, account := range h.router.Accounts {
		if p, ok := account.Provider.(providers.Patience); ok {
			limit = max(limit, p.PropagationTimeout())
		}
	}
	return limit
}

// undo deletes an entry's record and then the entry.
func (h *hook) undo(ctx context.Context, entry journal.Entry) error {
	if err := h.delete(ctx, entry); err != nil {
		return err
	}
	return h.journal.Remove(entry)
}

// isAnothers reports whether an entry is that of another client, which lives.
func (h *hook) isAnothers(entry journal.Entry) bool {
	return entry.Owner != h.owner && entry.Owner.Alive()
}

// delete deletes an entry's record, unless another living client has it. It works on when ctx has ended, under a limit of its own.
func (h *hook) delete(ctx context.Context, entry journal.Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	ours, err := h.journal.Delete(entry)
	if err != nil {
		h.log.Warn("journal", "error", err) // deleting matters more
	}
	if !ours {
		return nil
	}
	account, err := h.accountOf(entry)
	if err != nil {
		return pending(entry, err)
	}
	if err := account.CleanUp(ctx, entry.Challenge(), entry.Handle); err != nil {
		return pending(entry, err)
	}
	h.log.Info("deleted", "fqdn", entry.FQDN)
	return nil
}

// accountOf returns the configured account that made the entry's record.
func (h *hook) accountOf(entry journal.Entry) (providers.Account, error) {
	for _, account := range h.router.Accounts {
		if account.Fingerprint == entry.Fingerprint {
			return account, nil
		}
	}
	return providers.Account{}, fault.Errorf(fault.CodeMissing, fault.Misconfigured,
		"the account that made it (%s) is not configured any more", entry.Fingerprint)
}

// pending says that a record is still there and that it is not forgotten.
func pending(entry journal.Entry, err error) error {
	return fmt.Errorf("cleanup of %s is pending, the next run tries again: %w", entry.FQDN, err)
}
