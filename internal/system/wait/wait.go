// Package wait waits under a context: for a time, and for a mutex.
package wait

import (
	"context"
	"time"
)

// For waits for d, or returns the cause of ctx's end. It takes no time if d is not positive.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Mutex is a mutex that can be waited for under a context. Make one with [NewMutex].
type Mutex chan struct{}

// NewMutex returns a mutex that is free.
func NewMutex() Mutex { return make(Mutex, 1) }

// Lock takes the mutex, or returns the cause of ctx's end. A context that has ended gets no mutex, be it free or not.
func (m Mutex) Lock(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Unlock frees a mutex that is held.
func (m Mutex) Unlock() { <-m }
