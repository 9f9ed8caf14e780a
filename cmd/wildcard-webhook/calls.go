package main

import "sync"

// mostCalls is how many calls for one namespace are worked on at once: more than a renewal of many names needs, and no more than the
// pod's memory has room for, whatever the services answer. cert-manager comes again with the others.
const mostCalls = 8

// calls counts the calls that are worked on, by namespace. A nil one counts nothing.
type calls struct {
	mu    sync.Mutex
	count map[string]int
}

// begin reports whether there is room for one more, which must end then.
func (c *calls) begin(namespace string) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[namespace] >= mostCalls {
		return false
	}
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[namespace]++
	return true
}

func (c *calls) end(namespace string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[namespace]--; c.count[namespace] == 0 {
		delete(c.count, namespace)
	}
}
