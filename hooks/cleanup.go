package hooks

import (
	"context"
	"errors"
	"slices"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
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
		h.sweep(ctx, sweepLimit, nil)
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return err
}

// cleanUpOwn deletes this challenge's record: by the journal, else by the receipt, else by looking (package comment).
func (h *hook) cleanUpOwn(ctx context.Context) error {
	entries, err := h.journal.Match(h.request.Domain, h.request.Value)
	if err != nil {
		return err
	}
	if own := slices.DeleteFunc(slices.Clone(entries), h.isAnothers); len(own) > 0 {
		entries = own // a person who cleans up has none
	}
	if len(entries) > 0 {
		var errs []error
		for _, entry := range entries {
			h.looked(ctx, remembered(entry))
			errs = append(errs, h.undo(ctx, entry))
		}
		return errors.Join(errs...)
	}
	// A signal does not break off a deletion: certbot will not call us again for this record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	fqdn, err := h.ownerWithoutJournal(ctx)
	record := memory.Record{Name: h.request.challengeName(), FQDN: fqdn, Value: h.request.Value}
	if fqdn == "" {
		record.FQDN = record.Name // where the CA looked all the same
	}
	h.looked(ctx, record)
	if err != nil || fqdn == "" {
		return err
	}
	route, err := h.router.Route(ctx, fqdn)
	if err != nil {
		return err
	}
	return route.Account.CleanUp(ctx, h.request.challenge(fqdn, route.Zone), "")
}

// ownerWithoutJournal is the record's name when the journal does not know it; "" if the auth hook said that there is none.
func (h *hook) ownerWithoutJournal(ctx context.Context) (string, error) {
	if r, ok := parseReceipt(h.request.AuthOutput); ok {
		return r.FQDN, nil
	}
	fqdn, err := dns01.Solver{Router: h.router, Resolver: h.resolver}.Owner(ctx, h.request.Domain)
	if fault.CodeOf(err) == fault.CodeCNAME {
		return h.request.challengeName(), nil // what is written elsewhere is not ours; what stands here may be
	}
	return fqdn, err
}
