package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/providers"
)

// mostHeld is how long a call waits for the CA to forget. cert-manager has few workers and calls again after 5, 10, 20, 40 seconds, so
// what takes longer is left to that: a minute's memory costs some 75 s, and no other's turn.
const mostHeld = 15 * time.Second

// remembered is a challenge's record as package memory knows it.
func (t target) remembered() memory.Record {
	c := t.challenge
	return memory.Record{Name: providers.ChallengeName(c.Domain), FQDN: c.FQDN, Value: c.Value}
}

// self is this process. Nothing is kept for others, so it does not matter if /proc does not say.
func self() journal.Process {
	p, _ := journal.Self()
	return p
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
