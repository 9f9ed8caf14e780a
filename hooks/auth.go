package hooks

import (
	"context"
	"errors"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
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
	record, err := h.create(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = errors.Join(cause, err) // a look-up that was broken off knows only that it was
		}
		h.afterClient(ctx)
		if record == nil {
			h.print(receipt{})
		}
		return err
	}
	h.print(receipt{Created: true, FQDN: record.Place.FQDN, Handle: record.Handle()})
	if h.request.Remaining > 0 {
		return nil
	}
	if err := h.wait(ctx, record.Owner); err != nil {
		// While certbot lives it calls the cleanup hook, also after a failure. When it has ended, or a signal stopped us
		// alone, it will not.
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), h.solver.CleanUp(ctx, record))
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
			cancel(errClientEnded)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }, nil
}

// afterClient removes everything certbot's death left behind, if that is what ended ctx: not only this call's record, but
// also those of earlier calls of the same certbot.
func (h *hook) afterClient(ctx context.Context) {
	if errors.Is(context.Cause(ctx), errClientEnded) {
		h.sweep(context.WithoutCancel(ctx), cleanUpLimit, nil)
	}
}

// create makes the record. It returns one in spite of an error if something may be left.
func (h *hook) create(ctx context.Context) (*dns01.Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, createLimit,
		fault.Errorf(fault.CodeUnavailable, fault.Temporary, "creating the record took longer than %v", createLimit))
	defer cancel()
	h.sweep(ctx, dns01.SweepAtStart, h.request.wants)
	place, err := h.solver.Locate(ctx, h.request.Domain)
	if err != nil {
		return nil, err
	}
	if name := h.request.challengeName(); place.FQDN != name {
		h.log.Info("followed a CNAME", "from", name, "to", place.FQDN)
	}
	owner := h.asks()
	if owner.Round, err = h.solver.Journal.Round(h.owner, h.request.Remaining); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	record, err := h.solver.Present(ctx, owner, place, h.request.challenge(place.FQDN))
	if err == nil {
		return record, nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	if record == nil {
		return nil, err
	}
	if undoErr := h.solver.CleanUp(ctx, record); undoErr != nil {
		return record, errors.Join(err, undoErr)
	}
	if record.BrokenOff() {
		return record, err
	}
	return nil, err
}

// asks is who asks for the records of this call, but for the round.
func (h *hook) asks() dns01.Owner {
	return dns01.Owner{Process: h.owner, Remaining: h.request.Remaining, Again: true, Last: h.request.Remaining == 0}
}

// wait waits once for every value of the round. certbot has the CA look although a hook has failed, unless it has ended itself.
func (h *hook) wait(ctx context.Context, owner dns01.Owner) error {
	records, err := h.solver.InRound(owner)
	if err != nil {
		return err
	}
	_, err = h.solver.Wait(ctx, records)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		h.solver.Release(ctx, owner)
	default:
		h.solver.Look(ctx, owner)
	}
	return err
}
