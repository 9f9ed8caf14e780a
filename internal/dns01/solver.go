// Package dns01 is the life of a challenge's TXT record (RFC 8555 §8.4), from the place where it has to stand to its removal. All
// that write such records do it by a [Solver]: certbot's hooks, issuance, doctor's probe, the conformance suite at a real service,
// and the Kubernetes webhook; plan and doctor find places by it.
//
//	place, err := s.Locate(ctx, domain)                     // zone, name, account
//	record, err := s.Present(ctx, owner, place, challenge)  // journal, then the service
//	report, err := s.Wait(ctx, []*dns01.Record{record})     // name servers, then the CA's memory
//	err = s.CleanUp(ctx, record)                            // the service, then the journal; after a failure of the others, too
//	report, err := s.Sweep(ctx, limit, nil)                 // what the dead left
//
// # Decisions
//
// Every caller gets the strictest of what once was five ways:
//
//   - The entry of a record is in the journal before the service is called. Only the webhook has none, since cert-manager keeps one
//     itself, and so cannot know of an earlier record either.
//   - An equal record of a dead run is taken over: what is there is not made anew, and what was to be deleted is deleted, and
//     waited for until no name server shows it, before it is made again. So is a record that a CA was seen to look at a short time ago.
//   - A creation under way outlives its context by [Solver.Linger]. One that was broken off all the same leaves its entry behind,
//     also when a deletion has found nothing: the service may still carry it out.
//   - An entry is marked before its record is deleted, and what another living run has as well is left to it. If the creation of a
//     dead run may have been carried out beside ours, the record is deleted by its handle, and then by name, type and value.
//   - A deletion goes on when its context has ended, for [Solver.CleanUpLimit].
//   - Publication is waited for as long as the caller says, else the longest that an account asks for, else 15 min; 50 min at most.
//   - Before the CA is let look, the extra wait and what its resolvers remember are waited for.
//   - Wherever publication is waited for, the server that is written to is compared with those that are awaited, if the service tells
//     of it ([Solver.Origin]), and a zone that is delegated elsewhere is refused before anything is made.
//   - Deletion asks for no delegation, and for no CNAME if the journal has the name: what was made is deleted where it is.
package dns01

import (
	"cmp"
	"log/slog"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/providers"
)

const (
	usualLinger  = 20 * time.Second
	usualCleanUp = time.Minute
)

// Solver finds places for records, makes them, waits for them and deletes them. It keeps nothing between two calls, and any number
// may go on at once. To find places it needs Router and Resolver only.
type Solver struct {
	Router   providers.Router
	Resolver *propagation.Resolver
	// CheckDelegation refuses zones that the DNS delegates to other name servers than the account's, where the service knows
	// its own ([providers.DelegationChecker]).
	CheckDelegation bool
	// Foresee asks whether there is room at the name, and the server that would be written to whether the name servers that would
	// be awaited are those of its zone.
	Foresee bool
	// Register lets names be registered at services that work through CNAMEs, for domains that have none.
	Register bool

	// Account is the URL of the account that the challenges are of alone, as with dns-account-01; "" is dns-01.
	Account string

	Journal    *journal.Journal     // nil if the caller's own caller keeps one
	Memory     *memory.Memory       // what the CAs' resolvers remember; nil waits for nothing
	CA         memory.CA            // the one that is let look
	Within     func() time.Duration // how long its memory may be waited for; nil is 50 min
	HistoryDir string               // of [propagation.Wait]; "" keeps nothing
	WaitLimit  time.Duration        // the longest wait for publication; 0 is what the accounts ask for, else 15 min; 50 min at most
	ExtraWait  time.Duration        // from publication until the CA is let look, for servers that cannot be asked from here

	Linger       time.Duration // what a creation under way may still take when its context has ended; 0 is 20 s, less is nothing
	CleanUpLimit time.Duration // for the deletion of one record, whatever its context; 0 is 60 s

	Observe func(Event)  // told of what happens; nil tells none
	Log     *slog.Logger // nil is silent
}

// LongestWait is how long publication is waited for.
func (s *Solver) LongestWait() time.Duration {
	limit := s.WaitLimit
	if limit == 0 {
		for _, account := range s.Router.Accounts {
			if p, ok := account.Provider.(providers.LongestWait); ok {
				limit = max(limit, p.LongestWait())
			}
		}
	}
	return min(cmp.Or(limit, propagation.UsualLimit), propagation.MostLimit)
}

func (s *Solver) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Solver) tell(e Event) {
	if s.Observe != nil {
		s.Observe(e)
	}
}
