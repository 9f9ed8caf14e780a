// Package clock is time for tests: it goes on when a test says so, and when something sleeps by it.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock is one. Any number of goroutines may use it.
type Clock struct {
	// Waited, if set before the clock is used, is called at the end of each wait, for what the time that went by has brought about.
	Waited func()

	mu              sync.Mutex
	shows           func() time.Time // but for what it is ahead of that
	ahead           time.Duration
	passed, longest time.Duration
}

// New returns a clock that shows now and stands still.
func New(now time.Time) *Clock { return &Clock{shows: func() time.Time { return now }} }

// Running returns a clock that goes on as the machine's does, and jumps to the end of every wait.
func Running() *Clock { return &Clock{shows: time.Now} }

// Set makes the clock show now. From then on it stands still.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shows, c.ahead = func() time.Time { return now }, 0
}

// Now is what it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time { return c.shows().Add(c.ahead) }

// Advance lets time go by.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.passed = c.ahead+d, c.passed+d
}

// Sleep lets the time go by that is waited for, and returns the cause of ctx's end if that is over. Who waits at the same time as
// others waits no longer for it.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	until := c.Now().Add(d)
	c.mu.Lock()
	c.longest = max(c.longest, d)
	if left := until.Sub(c.now()); left > 0 {
		c.ahead, c.passed = c.ahead+left, c.passed+left
	}
	c.mu.Unlock()
	if c.Waited != nil {
		c.Waited()
	}
	return context.Cause(ctx)
}

// Passed is how much time went by since it was last asked for, beside that of the machine.
func (c *Clock) Passed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.passed
	c.passed = 0
	return passed
}

// Longest is the longest single wait so far.
func (c *Clock) Longest() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest
}
