package manual

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gatherer makes one list of what several calls want within a moment.
type gatherer struct {
	pause time.Duration // from a list's first record to its end
	tell  func([]Record)

	mu   sync.Mutex
	open *list // nil when no call waits
}

type list struct {
	records []Record
	told    chan struct{}
}

// add returns when the person has been told of a record, or when ctx ends; a record that is not told by then is taken back.
func (g *gatherer) add(ctx context.Context, record Record) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.mu.Lock()
	if g.open == nil {
		g.open = &list{told: make(chan struct{})}
		time.AfterFunc(g.pause, g.close)
	}
	current := g.open
	if !slices.Contains(current.records, record) {
		current.records = append(current.records, record)
	}
	g.mu.Unlock()
	select {
	case <-current.told:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == current {
		current.records = slices.DeleteFunc(current.records, func(r Record) bool { return r == record })
	}
	return context.Cause(ctx)
}

// close tells what has been gathered.
func (g *gatherer) close() {
	g.mu.Lock()
	ready := g.open
	g.open = nil
	g.mu.Unlock()
	if len(ready.records) > 0 {
		g.tell(ready.records)
	}
	close(ready.told)
}
