package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
)

// mostHeld is how long a call waits for the CA to forget. cert-manager has few workers and calls again after 5, 10, 20, 40 seconds, so
// what takes longer is left to that: a minute's memory costs some 75 s, and nobody's turn.
const mostHeld = 15 * time.Second

// remembered is a challenge's record as package memory knows it.
func (t target) remembered() memory.Record {
	return memory.RecordOf(t.challenge.Domain, t.challenge.FQDN, t.challenge.Value)
}

// ca is what is known of the CA, of which cert-manager does not tell which it is.
func (t target) ca() memory.CA { return memory.CA{Keep: t.config.caCache} }

// reservation is a challenge's part of what the CA looks at. It lasts from its first Present to its CleanUp.
func (s *Solver) reservation(t target) *memory.Reservation {
	return s.memory.Reserve(t.challenge.Value, self(), t.ca())
}

// self is this process. Nothing is kept for others, so it does not matter if /proc does not say.
func self() journal.Process {
	p, _ := journal.Self()
	return p
}

// forget waits, when a record is published, until the CA's resolvers have forgotten what they saw at its name before. If that takes
// longer than the call may, cert-manager is to call again.
func (s *Solver) forget(ctx context.Context, t target, report propagation.Report) error {
	r := s.reservation(t)
	r.Published(ctx, report.TTL)
	told := false
	return r.Wait(ctx, min(timeLeft(ctx), mostHeld), func(p memory.Pause) {
		if !told || int(p.Left.Seconds())%10 == 0 {
			told = true
			s.log.Info("waiting until the CA's resolvers have forgotten what stood there before", "fqdn", p.Record.FQDN,
				"left", p.Left.Round(time.Second), "another challenge's record", p.Others)
		}
	})
}

// timeLeft is what a call may still take.
func timeLeft(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline) - time.Second
	}
	return answerLimit
}

// endedFor is how long after its last clean-up a record's end is kept in mind; cert-manager calls again within half an hour.
const endedFor = time.Hour

// ended is the records at which the CA has stopped looking, as their first clean-up said. cert-manager calls CleanUp until it has
// succeeded, and what is said again is not another look.
type ended struct {
	mu   sync.Mutex
	last map[memory.Record]time.Time // clean-up
}

// first reports whether this is a record's first clean-up since it was presented.
func (e *ended) first(r memory.Record, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.last, func(_ memory.Record, at time.Time) bool { return now.Sub(at) > endedFor })
	if e.last == nil {
		e.last = map[memory.Record]time.Time{}
	}
	_, again := e.last[r]
	e.last[r] = now
	return !again
}

// begin says that a record is presented, perhaps again.
func (e *ended) begin(r memory.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.last, r)
}
