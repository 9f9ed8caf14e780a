package conoha

import (
	"context"
	"sync"
)

// gate is a mutex that can be waited for under a context. Make one with [newGate].
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case g <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g gate) leave() { <-g }

// shared lets those who waited at a gate have the outcome of whoever was inside, in place of doing the same work, or failing
// in the same way, one after the other. An outcome that only the end of somebody's own context brought about is not shared.
type shared struct {
	mu     sync.Mutex
	rounds int
	err    error
}

// join returns the number of outcomes so far; call it before waiting.
func (s *shared) join() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rounds
}

// since returns the last outcome after join returned round. There is none if done is false.
func (s *shared) since(round int) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rounds == round {
		return false, nil
	}
	return true, s.err
}

func (s *shared) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds++
	s.err = err
}
