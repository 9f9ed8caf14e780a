package conoha

import (
	"sync"

	"wildcard/internal/system/wait"
)

// singleFlight lets the callers that wait while another one does their work have its outcome, in place of doing the same work,
// or failing in the same way, one after the other. An outcome that only the end of a caller's own context brought about is not
// kept. Make one with [newSingleFlight].
type singleFlight struct {
	wait.Mutex // held by who works

	mu       sync.Mutex
	outcomes int
	last     error
}

func newSingleFlight() *singleFlight { return &singleFlight{Mutex: wait.NewMutex()} }

// count returns the number of outcomes so far; call it before waiting.
func (s *singleFlight) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outcomes
}

// since returns the last outcome after count returned n. There is none if done is false.
func (s *singleFlight) since(n int) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcomes == n {
		return false, nil
	}
	return true, s.last
}

func (s *singleFlight) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes++
	s.last = err
}
