package propagation

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// askResolvers asks resolvers, while no name server can be asked, whether they see the values: not before first has passed
// since the start, since they would remember a "no", and then every so often.
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
			for _, r := range w.session.standIns() {
				msg, err := r.ask(ctx, question{name: c.fqdn, qtype: dns.TypeTXT})
				if ctx.Err() != nil {
					return
				}
				if err == nil && (msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError) {
					w.publication.recordResolver(r.name, c, msg)
					break // one resolver's "no" is enough: the next would only remember it as well
				}
				w.session.log.Debug("resolver in place of name servers", "fqdn", c.fqdn, "resolver", r.name, "error", err)
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

// missingAtResolvers returns what resolvers are to be asked: nothing as soon as a name server has answered with authority.
func (b *publication) missingAtResolvers() []*check {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.authority {
		return nil
	}
	return slices.DeleteFunc(b.names(), b.atResolver)
}

// recordResolver notes what a resolver sees at c's name, or at the name to which CNAMEs lead from there.
func (b *publication) recordResolver(resolver string, c *check, msg *dns.Msg) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.told, resolver) {
		b.told = append(b.told, resolver)
	}
	name, texts := end(msg, c.fqdn)
	for _, v := range c.values {
		state := Pending
		if slices.Contains(texts, v.text) {
			state = Published
		} else if name != c.fqdn && b.elsewhere == nil {
			b.elsewhere = badCNAME(c.fqdn, "%s sees that it leads to %s, where the record is not: write it there (the account that holds %s is needed), or remove the CNAME",
				resolver, name, name)
		}
		if about := (expected{c.fqdn, v.text}); b.resolvers[about] != state {
			b.resolvers[about] = state
			b.events = append(b.events, Event{
				Server: resolver, Zone: c.zone.name, FQDN: c.fqdn, Value: v.text, State: state,
				Elapsed: time.Since(b.start), detail: "says a resolver",
			})
		}
	}
	b.signal()
}

// end returns the name to which the CNAMEs in an answer lead from name, and the values of its TXT records there.
func end(msg *dns.Msg, name string) (string, []string) {
	for range maxHops {
		alias := owned[*dns.CNAME](msg.Answer, name)
		if len(alias) != 1 {
			break
		}
		name = providers.CanonicalName(alias[0].Target)
	}
	return name, texts(msg, name)
}
