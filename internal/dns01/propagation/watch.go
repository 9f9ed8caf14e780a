package propagation

import (
	"context"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// abreast is how many queries are under way to one address at the same time.
const abreast = 16

// watcher asks the addresses of a publication.
type watcher struct {
	session     *session
	publication *publication
}

// watch looks at a, in the pace of its zones, until ctx ends. Every address has a goroutine that does this, so that a dead one does
// not hold up the others.
func (w watcher) watch(ctx context.Context, a *address) {
	dead := false
	for turn := 0; ctx.Err() == nil; turn++ {
		checks, wake := w.publication.open(a)
		if len(checks) == 0 {
			select {
			case <-wake:
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		if dead && len(checks) > 1 {
			dead = !w.probe(ctx, checks, turn)
		} else {
			dead = !w.ask(ctx, checks)
		}
		w.rest(ctx, a, began)
	}
}

func (w watcher) rest(ctx context.Context, a *address, began time.Time) {
	for ctx.Err() == nil {
		pause, wake := w.publication.rest(a, began)
		if pause <= 0 {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// probe asks a dead address about one check, each turn another, and about the others only if that was answered.
func (w watcher) probe(ctx context.Context, checks []*check, turn int) (alive bool) {
	asked := time.Now()
	o := w.look(ctx, checks[turn%len(checks)])
	if ctx.Err() != nil {
		return false
	}
	if o.replied {
		return w.ask(ctx, checks)
	}
	for _, c := range checks {
		w.publication.record(c, asked, o)
	}
	return false
}

// ask asks about all checks side by side, and reports whether anything was answered. Once a query has failed with none
// answered, the address counts as dead, and what was not asked yet shares the fate of what was: otherwise every batch of
// names would wait out the time-outs of its own.
func (w watcher) ask(ctx context.Context, checks []*check) (alive bool) {
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		failed *observation // the first, while nothing was answered
		began  = time.Now()
		slots  = make(chan struct{}, abreast)
	)
	for _, c := range checks {
		slots <- struct{}{}
		mu.Lock()
		fate := failed
		mu.Unlock()
		if ctx.Err() != nil {
			break
		}
		if fate != nil {
			w.publication.record(c, began, *fate)
			<-slots
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			asked := time.Now()
			o := w.look(ctx, c)
			if ctx.Err() != nil {
				return
			}
			w.publication.record(c, asked, o)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case o.replied:
				alive, failed = true, nil
			case !alive && failed == nil:
				failed = &o
			}
		})
	}
	group.Wait()
	return alive
}

func (w watcher) look(ctx context.Context, c *check) observation {
	msg, err := w.session.settings.direct().ask(ctx, c.Addr, question{name: c.fqdn, qtype: dns.TypeTXT})
	return observe(msg, err, c.zone.name, c.fqdn)
}

// confirm asks once more, after pause, for everything that was found.
func (w watcher) confirm(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	var group sync.WaitGroup
	for _, a := range w.publication.addresses {
		if checks := w.publication.found(a); len(checks) > 0 {
			group.Go(func() { w.ask(ctx, checks) })
		}
	}
	group.Wait()
}
