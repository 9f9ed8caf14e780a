package acmedns

import (
	"context"
	"errors"
	"slices"
	"time"

	"wildcard/internal/system/wait"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// CodeCrowded says that more values are wanted at a name than acme-dns holds.
const CodeCrowded = "acmedns.crowded"

// put makes text one of the two values of a registration's name, and takes none away that is in use (package comment).
func (p *Provider) put(ctx context.Context, r registration, text string) error {
	unlock, err := p.locks.Lock(ctx, r.name)
	if err != nil {
		return err
	}
	defer unlock()
	h := p.memory.load(p.key(r))
	if !h.Open && h.mark(text, p.now()) {
		p.keep(r, h)
		return nil
	}
	others := slices.DeleteFunc(h.used(p.now()), func(v value) bool { return v.Text == text })
	if len(others) > 1 {
		return providers.Errorf(CodeCrowded, providers.Temporary,
			"acme-dns holds two values of a name, and both are in use: let another domain's CNAME lead to a name of its own, or wait for the run that uses them")
	}
	if len(others) == 1 && !h.newest(others[0]) {
		if err := wait.For(ctx, min(h.Last.Add(tick).Sub(p.now()), tick)); err != nil {
			return httpclient.Unavailable(err)
		}
		if h, err = p.send(ctx, r, h, others[0].Text, 1); err != nil {
			return err
		}
	}
	attempts := httpclient.Tries
	if len(others) > 0 {
		attempts = 1
	}
	_, err = p.send(ctx, r, h, text, attempts)
	return err
}

// send makes an update. What leaves open whether it was made is repeated up to attempts times in all, other failures that pass up to
// [httpclient.Tries] times.
func (p *Provider) send(ctx context.Context, r registration, before held, text string, attempts int) (held, error) {
	for try := 1; ; try++ {
		during := before
		during.Open = true
		p.keep(r, during) // also if this process dies now
		begun := p.now()
		err := p.client.update(ctx, r, text)
		ended := p.now()
		if err == nil {
			after := before.made(text, begun, ended)
			p.keep(r, after)
			return after, nil
		}
		_, ambiguous := errors.AsType[*ambiguousError](err)
		before.Open, before.Last = before.Open || ambiguous, ended
		p.keep(r, before)
		if providers.CodeOf(err) != providers.CodeUnavailable || ambiguous && try >= attempts || try == httpclient.Tries ||
			!p.client.http.Wait(ctx, try, err) {
			return before, err
		}
	}
}

// forget notes that a value is not in use any more.
func (p *Provider) forget(ctx context.Context, r registration, text string) error {
	unlock, err := p.locks.Lock(ctx, r.name)
	if err != nil {
		return err
	}
	defer unlock()
	if h := p.memory.load(p.key(r)); h.mark(text, time.Time{}) {
		p.keep(r, h)
	}
	return nil
}

func (p *Provider) key(r registration) string { return p.account.base + " " + r.name }

func (p *Provider) keep(r registration, h held) {
	if err := p.memory.save(p.key(r), h); err != nil {
		p.log.Debug("acmedns: what the server holds is not kept for the next process", "error", err)
	}
}
