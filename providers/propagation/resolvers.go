package propagation

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// askResolvers asks the resolvers over HTTPS, while no name server can be reached, whether they see the values: not before first
// has passed since the start, since they would remember a "no", and then every so often.
func (w watcher) askResolvers(ctx context.Context, first, every time.Duration) {
	timer := time.NewTimer(time.Until(w.publication.start.Add(first)))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		for _, c := range w.publication.missingAtResolvers() {
			for _, url := range w.urls {
				msg, err := w.askHTTPS(ctx, url, question{name: c.fqdn, qtype: dns.TypeTXT})
				if ctx.Err() != nil {
					return
				}
				if err == nil && (msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError) {
					w.publication.recordResolver(url, c, texts(msg, c.fqdn))
					break // one resolver's "no" is enough: the next would only remember it as well
				}
				w.log.Debug("resolver over HTTPS", "fqdn", c.fqdn, "resolver", url, "error", err)
			}
		}
		timer.Reset(every)
	}
}

// expected is one value as a resolver tells of it.
type expected struct{ fqdn, text string }

// names returns all names, each once, at whichever server comes first.
func (b *publication) names() []*check {
	var checks []*check
	for _, z := range b.zones {
		checks = append(checks, z.servers[0].checks...)
	}
	return checks
}

// atResolver reports whether a resolver has all values at c's name.
func (b *publication) atResolver(c *check) bool {
	return !slices.ContainsFunc(c.values, func(v value) bool { return b.resolvers[expected{c.fqdn, v.text}] != Published })
}

// missingAtResolvers returns what resolvers are to be asked: nothing as soon as a name server was reached.
func (b *publication) missingAtResolvers() []*check {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reached {
		return nil
	}
	return slices.DeleteFunc(b.names(), b.atResolver)
}

// recordResolver notes what the resolver at url sees at c's name.
func (b *publication) recordResolver(url string, c *check, texts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range c.values {
		state := Pending
		if slices.Contains(texts, v.text) {
			state = Published
		}
		if about := (expected{c.fqdn, v.text}); b.resolvers[about] != state {
			b.resolvers[about] = state
			b.events = append(b.events, Event{
				Server: url, Zone: c.zone.name, FQDN: c.fqdn, Value: v.text, State: state,
				Elapsed: time.Since(b.start), detail: "says a resolver",
			})
		}
	}
	b.signal()
}
