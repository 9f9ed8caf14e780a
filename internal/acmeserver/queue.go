package acmeserver

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// queue lets a few things be done at once. No client has more than a quarter of the turns, so that one whose names cannot be proven leaves
// the others theirs. The next turn goes to the registered domain that has fewest at the moment, by which CAs count, and within it to the
// client that has fewest: who wants many waits, not who wants one.
type queue struct {
	mu      sync.Mutex
	free    int
	most    int // of one client
	waiting []*turn
	clients map[string]int // turns that are taken
	domains map[string]int
}

// turn is one that is waited for, or taken.
type turn struct {
	client, domain string
	come           chan struct{}
}

func newQueue(atOnce int) *queue {
	return &queue{free: atOnce, most: max(1, atOnce/4), clients: map[string]int{}, domains: map[string]int{}}
}

// registered is the registered domain of a name, by the public suffix list; the name itself where it has none.
func registered(name string) string {
	name = strings.TrimPrefix(name, "*.")
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name
}

// enter waits for a turn of a client for something of a domain; release ends it.
func (q *queue) enter(ctx context.Context, client, domain string) (release func(), err error) {
	t := &turn{client, domain, make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, t)
	q.pass()
	q.mu.Unlock()
	select {
	case <-t.come:
		return func() { q.leave(t) }, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, t)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 { // it came at this moment
		q.leave(t)
	}
	return nil, context.Cause(ctx)
}

// leave gives a turn back.
func (q *queue) leave(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free++
	count(q.clients, t.client, -1)
	count(q.domains, t.domain, -1)
	q.pass()
}

// pass gives turns to those who may have them.
func (q *queue) pass() {
	for q.free > 0 {
		next := -1
		for i, t := range q.waiting {
			if q.clients[t.client] < q.most && (next < 0 || q.before(t, q.waiting[next])) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		t := q.waiting[next]
		q.waiting = slices.Delete(q.waiting, next, next+1)
		q.free--
		count(q.clients, t.client, 1)
		count(q.domains, t.domain, 1)
		close(t.come)
	}
}

// before reports whether a turn comes before one that was waited for earlier.
func (q *queue) before(t, earlier *turn) bool {
	if a, b := q.domains[t.domain], q.domains[earlier.domain]; a != b {
		return a < b
	}
	return q.clients[t.client] < q.clients[earlier.client]
}

func count(of map[string]int, key string, more int) {
	if of[key] += more; of[key] == 0 {
		delete(of, key)
	}
}

// length is how many wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
