package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"wildcard/providers"
)

// The parts that mistakes are made of.

func (p provider) createBlindly(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	id, err := p.create(ctx, c.FQDN, c.Value)
	if err != nil {
		return "", err
	}
	return providers.Handle(handlePrefix + id), nil
}

// createIfAbsent looks before it creates, but not after a lost reply.
func (p provider) createIfAbsent(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	if id, err := p.find(ctx, c); id != "" || err != nil {
		return providers.Handle(id), err
	}
	return p.createBlindly(ctx, c)
}

func (p provider) deleteAll(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
	return p.deleteIf(ctx, c.FQDN, func(txt) bool { return true })
}

func (p provider) onlyByHandle(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	if h == "" {
		return nil
	}
	return p.CleanUp(ctx, c, h)
}

// deleting is a provider that deletes what matches.
func (p provider) deleting(match func(value string, c providers.Challenge) bool) flawed {
	return flawed{cleanUp: func(ctx context.Context, c providers.Challenge, _ providers.Handle) error {
		return p.deleteIf(ctx, c.FQDN, func(r txt) bool { return match(r.value, c) })
	}}
}

// storing is a provider that stores something else than the value, and deletes all of it again.
func (p provider) storing(interpret func(value string) []string) flawed {
	return flawed{
		present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
			var ids []string
			for _, c.Value = range interpret(c.Value) {
				id, err := p.create(ctx, c.FQDN, c.Value)
				if err != nil {
					return "", err
				}
				ids = append(ids, id)
			}
			return providers.Handle(strings.Join(ids, "+")), nil
		},
		cleanUp: func(ctx context.Context, _ providers.Challenge, h providers.Handle) error {
			for id := range strings.SplitSeq(string(h), "+") {
				if err := p.delete(ctx, id); err != nil && !errors.Is(err, errNotFound) {
					return err
				}
			}
			return nil
		},
	}
}

// handing is a provider whose handles look different.
func (p provider) handing(form func(h string) string) flawed {
	return flawed{present: func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
		h, err := p.Present(ctx, c)
		return providers.Handle(form(string(h))), err
	}}
}

// rewriting is a provider that reads the records in its scope, waits until another one has read them too, and writes
// them back with its own.
func (p provider) rewriting(scope func(r txt, fqdn string) bool) flawed {
	var reading atomic.Int32
	return flawed{present: func(_ context.Context, c providers.Challenge) (providers.Handle, error) {
		inScope := func(r txt) bool { return scope(r, c.FQDN) }
		records := p.snapshot(inScope)
		reading.Add(1)
		p.await(func() bool { return reading.Load() > 1 })
		p.restore(append(records, txt{"own-" + c.Value, c.FQDN, c.Value}), inScope)
		return "", nil
	}}
}

// oneAtATime returns a Present that fails while another is under way.
func (p provider) oneAtATime() func(context.Context, providers.Challenge) (providers.Handle, error) {
	var busy, met atomic.Bool
	return func(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
		if !busy.CompareAndSwap(false, true) {
			met.Store(true)
			return "", errors.New("memory: 423 zone is locked")
		}
		defer busy.Store(false)
		p.await(met.Load)
		return p.Present(ctx, c)
	}
}

// await waits for a condition that only a call made side by side brings about; it gives up after a while.
func (p provider) await(met func() bool) {
	for end := time.Now().Add(time.Second); !met() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func (p provider) snapshot(keep func(txt) bool) []txt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.records), func(r txt) bool { return !keep(r) })
}

// restore replaces the records in scope.
func (p provider) restore(records []txt, inScope func(txt) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(slices.DeleteFunc(slices.Clone(p.records), inScope), records...)
}

func (p provider) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, r := range p.records {
		names = append(names, r.fqdn)
	}
	return names
}
