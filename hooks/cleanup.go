package hooks

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// CleanUp is the cleanup hook: it deletes the TXT record of one challenge, exactly that record. It returns the exit code.
func CleanUp(p Program) int {
	return run(p, "wildcard-cleanup-hook", cleanUpDuty(), cleanUp)
}

// cleanUpDuty is what the hook does, for --help.
func cleanUpDuty() messages.Message {
	return messages.New("deletes the TXT record that the auth hook made")
}

func cleanUp(ctx context.Context, h *hook) error {
	err := h.cleanUpOwn(ctx)
	if err == nil {
		h.sweep(ctx, dns01.SweepAtStart, nil)
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return err
}

// cleanUpOwn deletes this challenge's record: by the journal, else by the receipt, else by looking (package comment). certbot has
// records deleted only when the CA looks no more.
func (h *hook) cleanUpOwn(ctx context.Context) error {
	records, err := h.solver.Match(h.request.Domain, h.request.Value)
	if err != nil {
		return err
	}
	anothers := func(r *dns01.Record) bool { return r.AnothersThan(h.owner) }
	if own := slices.DeleteFunc(slices.Clone(records), anothers); len(own) > 0 {
		records = own // a person who cleans up has none
	}
	if len(records) > 0 {
		var errs []error
		for _, record := range records {
			h.solver.LookedAt(ctx, h.asks(), record.Challenge, true)
			errs = append(errs, h.solver.CleanUp(ctx, record))
		}
		return errors.Join(errs...)
	}
	// A signal does not break off a deletion: certbot will not call us again for this record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	fqdn, err := h.ownerWithoutJournal(ctx)
	c := h.request.challenge(cmp.Or(fqdn, h.request.challengeName())) // where the CA looked all the same
	h.solver.LookedAt(ctx, h.asks(), c, true)
	if err != nil || fqdn == "" {
		return err
	}
	route, err := h.solver.Router.Route(ctx, fqdn)
	if err != nil {
		return err
	}
	return h.solver.CleanUp(ctx, h.solver.At(route, c))
}

// ownerWithoutJournal is the record's name when the journal does not know it; "" if the auth hook said that there is none.
func (h *hook) ownerWithoutJournal(ctx context.Context) (string, error) {
	if r, ok := parseReceipt(h.request.AuthOutput); ok {
		return r.FQDN, nil
	}
	fqdn, err := h.solver.FQDN(ctx, h.request.Domain)
	if fault.CodeOf(err) == fault.CodeCNAME {
		return h.request.challengeName(), nil // what is written elsewhere is not ours; what stands here may be
	}
	return fqdn, err
}
