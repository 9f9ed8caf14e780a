package propagation

import (
	"context"
	"sync"
	"time"
)

// keptFor is how long a delegation that was found is believed. It spares a run the same look-ups for each name, and once
// more for the wait; a moved zone is seen by the next run.
const keptFor = time.Minute

// Found keeps the delegations that were found, for the other calls of the same run. The zero value is empty. It may be used by
// several goroutines: what one of them is looking for, the others wait for.
type Found struct {
	mu   sync.Mutex
	kept map[string]*foundDelegation
}

type foundDelegation struct {
	done       chan struct{} // closed when the others are set
	delegation Delegation
	err        error
	at         time.Time
}

// delegation returns what is kept under key, or what find finds, which is then kept unless it is an error.
func (f *Found) delegation(ctx context.Context, key string, find func() (Delegation, error)) (Delegation, error) {
	f.mu.Lock()
	k := f.kept[key]
	if k != nil && k.over() {
		k = nil
	}
	if k != nil {
		f.mu.Unlock()
		select {
		case <-k.done:
			return k.delegation, k.err
		case <-ctx.Done():
			return Delegation{}, context.Cause(ctx)
		}
	}
	k = &foundDelegation{done: make(chan struct{})}
	if f.kept == nil {
		f.kept = map[string]*foundDelegation{}
	}
	f.kept[key] = k
	f.mu.Unlock()
	defer close(k.done)
	k.delegation, k.err = find()
	f.mu.Lock()
	defer f.mu.Unlock()
	k.at = time.Now()
	if k.err != nil || ctx.Err() != nil {
		delete(f.kept, key)
	}
	return k.delegation, k.err
}

// over reports whether what was found is too old. The caller holds the lock.
func (k *foundDelegation) over() bool { return !k.at.IsZero() && time.Since(k.at) > keptFor }
