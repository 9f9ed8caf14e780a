package issuance_test

import (
	"context"
	"sync"
	"time"
)

// clock is the time of a test: it goes on as the machine's does, and jumps to the end of every wait.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	slept []time.Duration
	// waited is called at the end of each wait, for what the time that went by has brought about.
	waited func()
}

// Now is an [issuance.Options] Now, and a CA's.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Sleep is an [issuance.Options] Sleep. Who waits at the same time as others waits no longer for it.
func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	until := c.Now().Add(d)
	c.mu.Lock()
	c.slept = append(c.slept, d)
	if left := time.Until(until) - c.ahead; left > 0 {
		c.ahead += left
	}
	c.mu.Unlock()
	if c.waited != nil {
		c.waited()
	}
	return context.Cause(ctx)
}

// longest is the longest single wait so far.
func (c *clock) longest() (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.slept {
		longest = max(longest, d)
	}
	return longest
}
