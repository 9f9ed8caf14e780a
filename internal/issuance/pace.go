package issuance

import (
	"context"
	"sync"
	"time"
)

// pace lets something happen at most a number of times within a span of time, by whomever, in the order of asking.
type pace struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	most  int
	span  time.Duration

	mu    sync.Mutex
	turns []time.Time // the last ones, oldest first, at most so many as are allowed within the span
}

// wait waits for the caller's turn, or returns the cause of ctx's end.
func (p *pace) wait(ctx context.Context) error {
	if d := p.turn(); d > 0 {
		return p.sleep(ctx, d)
	}
	return nil
}

// turn takes the next turn, and returns how long it is until then.
func (p *pace) turn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	at := now
	if n := len(p.turns); n > 0 && p.turns[n-1].Sub(now) > time.Minute {
		p.turns = nil // the clock was set back
	}
	if len(p.turns) == p.most {
		if next := p.turns[0].Add(p.span); next.After(at) {
			at = next
		}
		p.turns = p.turns[1:]
	}
	p.turns = append(p.turns, at)
	return at.Sub(now)
}
