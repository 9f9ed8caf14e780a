package propagation

import (
	"maps"
	"slices"
	"sync"
)

// A table has lists by name, and may be changed while the servers of a world answer from it: they can be asked by a
// query of an earlier world that was sent again. It is no map, so that what it holds is not reached without its lock.
type table struct {
	mu   sync.Mutex
	rows map[string][]string
}

// set replaces what stands for a name.
func (t *table) set(name string, entries ...string) {
	t.change(name, func([]string) []string { return slices.Clone(entries) })
}

// add appends to what stands for a name.
func (t *table) add(name string, entries ...string) {
	t.change(name, func(has []string) []string { return slices.Concat(has, entries) })
}

func (t *table) change(name string, next func([]string) []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows = map[string][]string{}
	}
	t.rows[name] = next(t.rows[name])
}

// get returns what stands for a name, and whether anything was ever set for it: nothing may stand for a known name.
func (t *table) get(name string) ([]string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	entries, ok := t.rows[name]
	return slices.Clone(entries), ok
}

// of is get for those who do not ask whether the name is known.
func (t *table) of(name string) []string {
	entries, _ := t.get(name)
	return entries
}

// names returns all names, in order.
func (t *table) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.rows))
}
