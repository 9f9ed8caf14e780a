package issuance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// takeTurn waits until no other run of this machine has an order of this account for the same names and profile: Let's Encrypt
// gives both the same one while it is pending, whose challenges both would answer, and each failure counts. It comes before
// anything that the run with the turn may wait for, such as a reservation at a name, and lasts until the CSR is accepted, since
// from then on the CA makes another order. Errors: CodeDeadline (Temporary) if the other run takes longer than limit, and ctx's
// cause. Where there are no locks to be had, nothing is waited for.
func (r *run) takeTurn(ctx context.Context, limit time.Duration) error {
	if r.Orders == nil || r.turn != nil {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	names := slices.Clone(r.request.Names)
	slices.Sort(names)
	key := strings.Join(append([]string{r.CA.Server(), r.Account.URI, r.request.Profile}, names...), "\n")
	holder := ""
	unlock, err := r.Orders.Lock(waiting, key, fmt.Sprintf("%s (PID %d)", r.request.Label, os.Getpid()),
		func(other string) {
			holder = printable(other, 100)
			r.observe(Event{Step: StepOrder, State: Noted, Text: messages.New(
				"another run has an order for the same names: waiting until it is done with it: %s", holder)})
		})
	switch {
	case err == nil:
		r.turn = sync.OnceFunc(unlock)
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case waiting.Err() != nil:
		return fault.Errorf(CodeDeadline, fault.Temporary,
			"acme: another run has had an order for the same names for longer than %v: %s", limit, holder)
	}
	r.log.Warn("runs of one order are not kept apart", "error", err)
	return nil
}

// endTurn lets the next run have its order.
func (r *run) endTurn() {
	if r.turn != nil {
		r.turn()
		r.turn = nil
	}
}
