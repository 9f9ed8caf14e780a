package dns01

import (
	"context"

	"wildcard/internal/dns01/memory"
	"wildcard/providers"
)

// reservation is what the CA is let look at together.
func (s *Solver) reservation(o Owner) *memory.Reservation {
	return s.Memory.Reserve(o.Round, o.Process, s.CA)
}

// Expect says which records an owner's round will have, in place of those that it expected before: runs that share a name wait for each
// other (package memory). Values may not be known yet. It returns what will have to be waited for at least.
func (s *Solver) Expect(ctx context.Context, o Owner, all []providers.Challenge) memory.Pause {
	records := make([]memory.Record, len(all))
	for i, c := range all {
		records[i] = remembered(s, c)
	}
	r := s.reservation(o)
	r.Put(ctx, records)
	return r.Pause()
}

// Look says that the CA looks at the round's records from now on, published or not.
func (s *Solver) Look(ctx context.Context, o Owner) { s.reservation(o).Look(ctx) }

// Looked says what came of the CA's look at the round's records, which is over.
func (s *Solver) Looked(ctx context.Context, o Owner, outcome memory.Outcome) {
	s.reservation(o).Looked(ctx, outcome)
}

// LookedAt says that the CA looks at one record no more, for who did not see the look begin ([memory.Memory.LookedAt]).
func (s *Solver) LookedAt(ctx context.Context, o Owner, c providers.Challenge, sure bool) {
	s.Memory.LookedAt(ctx, o.Process, s.CA, remembered(s, c), sure)
}

// Release gives up the records of the round that no CA has looked at.
func (s *Solver) Release(ctx context.Context, o Owner) { s.reservation(o).Release(ctx) }
