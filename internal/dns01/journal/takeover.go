package journal

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"wildcard/internal/fault"
)

// heldLook is how often an entry that another process has in hand is looked at again.
const heldLook = 50 * time.Millisecond

// TakeOver makes an entry of a dead owner e's: the one of the same FQDN, value and account fingerprint. Everything else of it
// becomes as in e, but for the handle and the time of the answer, which stay, and the mark that its record was being deleted,
// which the caller has to heed. At no moment does neither own it, and it survives a loss of power like [Journal.Add]. ok is false if there is none.
//
// With again the owner need not be dead: it may be e's own, or one of which it is not known that it lives. The caller knows that it
// is the same client that asks again. What another living process has stays its own: shared says that there is such an entry.
//
// While another process sweeps the entry TakeOver waits for the outcome, until ctx ends. Errors are CodeState and ctx's cause.
func (j *Journal) TakeOver(ctx context.Context, e Entry, again bool) (taken Entry, ok, isShared bool, err error) {
	entries, _, err := j.Entries()
	if err != nil {
		return Entry{}, false, false, err
	}
	equal := func(other Entry) bool {
		return other.sameRecord(e) && (j.dead(other) || again && (other.Owner == e.Owner || !other.Owner.Alive()))
	}
	taken, ok, err = j.takeOver(ctx, e, entries, equal)
	return taken, ok, j.shared(e, entries), err
}

// takeOver makes what is equal of the entries e's owner's.
func (j *Journal) takeOver(ctx context.Context, e Entry, entries []Entry,
	equal func(Entry) bool) (taken Entry, ok bool, err error) {
	var all []*held
	defer func() {
		for _, h := range all {
			h.release()
		}
	}()
	for _, other := range entries {
		if !equal(other) {
			continue
		}
		h, err := j.holdSoon(ctx, other.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was swept
			continue
		case err != nil:
			return Entry{}, false, err
		}
		all = append(all, h)
	}
	all = slices.DeleteFunc(all, func(h *held) bool {
		if equal(h.Entry) {
			return false
		}
		h.release()
		return true
	})
	if len(all) == 0 {
		return Entry{}, false, nil
	}
	// The surest first: a record that was made, and whose deletion has not begun.
	slices.SortStableFunc(all, func(a, b *held) int { return cmp.Compare(a.doubt(), b.doubt()) })
	return j.become(all, e)
}

// become gives the first of the entries to e's owner and forgets the others, as far as they are of the same record: a sweep of
// one without a handle would delete what is equal.
func (j *Journal) become(all []*held, e Entry) (Entry, bool, error) {
	first := all[0]
	e.ID, e.Handle, e.CleaningUp, e.Created, e.Sequence = first.ID, first.Handle, first.CleaningUp, j.now().UTC().Round(0),
		j.next(e.Owner)
	for _, h := range all {
		if h.Answered.After(e.Answered) {
			e.Answered = h.Answered
		}
	}
	if err := e.check(); err != nil {
		return Entry{}, false, fault.Errorf(fault.CodeState, fault.Internal, "journal: taken entry: %w", err)
	}
	if err := first.put(e); err != nil {
		return Entry{}, false, err
	}
	for _, h := range all[1:] {
		if h.Handle != "" && h.Handle != e.Handle {
			continue
		}
		if err := j.Remove(h.Entry); err != nil {
			return e, true, err
		}
	}
	return e, true, nil
}

// doubt is how little an entry's record can be counted on.
func (h *held) doubt() int {
	switch {
	case h.CleaningUp:
		return 2
	case h.Handle == "":
		return 1
	}
	return 0
}

// holdSoon holds an entry as soon as no other process does.
func (j *Journal) holdSoon(ctx context.Context, id string) (*held, error) {
	for {
		h, err := j.hold(id)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return h, err
		case !errors.Is(err, errHeld):
			return nil, failed(err)
		}
		select {
		case <-time.After(heldLook):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
