package issuance

import (
	"context"
	"errors"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// expect says at which names the run will have records, as soon as that is known: runs that share a name wait for each
// other (package memory).
func (r *run) expect(ctx context.Context, places map[string]dns01.Place) {
	var expected []providers.Challenge
	for domain, p := range places {
		if p.FQDN == "" {
			continue // proven otherwise, or not at all
		}
		expected = append(expected, providers.Challenge{Domain: domain, FQDN: p.FQDN})
	}
	r.solver.Expect(ctx, r.owner, expected)
}

// MemoryOf is what is known of the memory of a CA's resolvers, of which the operator may say how long it is.
func MemoryOf(server string, cache *time.Duration) memory.CA {
	facts, _ := KnownCA(server)
	ca := memory.CA{Operator: facts.Operator, Keep: facts.Memory}
	if cache != nil {
		ca.Keep = *cache
	}
	return ca
}

// expectRecords names the values, too, and gives up the names that need no record. What the CA remembers of them is told
// already, since it is waited for while publication is; if it cannot be waited for the run ends here.
func (r *run) expectRecords(ctx context.Context) error {
	records := r.toMake()
	expected := make([]providers.Challenge, len(records))
	for i, rec := range records {
		expected[i] = rec.dns()
	}
	pause := r.solver.Expect(ctx, r.owner, expected)
	if pause.Left <= 0 {
		return nil
	}
	if err := pause.Within(r.left()); err != nil {
		return err
	}
	r.observe(Event{Step: StepPublication, State: Noted, FQDN: pause.Record.FQDN, Left: pause.Left, Text: messages.New(
		"%s: the CA's resolvers may remember for %d s more what stood there before; it is not told to look earlier",
		pause.Record.FQDN, int((pause.Left+time.Second-1)/time.Second))})
	return nil
}

// looked keeps what came of a validation, for runs to come.
func (r *run) looked(ctx context.Context, err error) {
	outcome := memory.Unfinished
	if _, missed := errors.AsType[*ValidationError](err); missed {
		outcome = memory.Missed
	}
	if err == nil {
		outcome = memory.Found
	}
	if ctx.Err() != nil {
		outcome = memory.Unfinished
	}
	r.solver.Looked(ctx, r.owner, outcome)
}
