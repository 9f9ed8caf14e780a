// Package clock is time for tests: it goes on when a test says so, and when something sleeps by it.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock is one. Any number of goroutines may use it.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	passed time.Duration
}

// New returns a clock that shows now.
func New(now time.Time) *Clock { return &Clock{now: now} }

// Now is what it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets time go by.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.passed = c.now.Add(d), c.passed+d
}

// Sleep is [Clock.Advance], and returns the cause of ctx's end if that is over.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

// Passed is how much time went by since it was last asked for.
func (c *Clock) Passed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.passed
	c.passed = 0
	return passed
}
