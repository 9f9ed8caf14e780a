package acmeserver

import (
	"context"
	"slices"
	"sync"
)

// queue lets a few things be done at once, one client's after another's: who wants many waits, not who wants one.
type queue struct {
	mu      sync.Mutex
	free    int
	order   []string // clients that wait, the next one first
	waiting map[string][]chan struct{}
}

func newQueue(atOnce int) *queue { return &queue{free: atOnce, waiting: map[string][]chan struct{}{}} }

// enter waits for a turn, which release ends.
func (q *queue) enter(ctx context.Context, client string) (release func(), err error) {
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return q.leave, nil
	}
	turn := make(chan struct{})
	if len(q.waiting[client]) == 0 {
		q.order = append(q.order, client)
	}
	q.waiting[client] = append(q.waiting[client], turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return q.leave, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting[client], turn); i >= 0 {
		q.take(client, i)
	} else { // it came at this moment
		q.pass()
	}
	return nil, context.Cause(ctx)
}

// leave gives a turn to the next client.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass()
}

func (q *queue) pass() {
	if len(q.order) == 0 {
		q.free++
		return
	}
	client := q.order[0]
	turn := q.waiting[client][0]
	q.take(client, 0)
	if i := slices.Index(q.order, client); i >= 0 { // the others first
		q.order = append(slices.Delete(q.order, i, i+1), client)
	}
	close(turn)
}

// take removes the i-th wait of a client.
func (q *queue) take(client string, i int) {
	q.waiting[client] = slices.Delete(q.waiting[client], i, i+1)
	if len(q.waiting[client]) == 0 {
		delete(q.waiting, client)
		q.order = slices.DeleteFunc(q.order, func(one string) bool { return one == client })
	}
}

// length is how many wait.
func (q *queue) length() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, turns := range q.waiting {
		n += len(turns)
	}
	return n
}
