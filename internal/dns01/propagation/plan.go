package propagation

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// task is one name with everything expected at it, and where to look for it.
type task struct {
	zone, fqdn string // zone as the account has it; "" if unknown
	values     []string
	delegation Delegation
}

// tasks checks records and groups them by name.
func tasks(records []Record) ([]*task, error) {
	byName := map[string]*task{}
	for _, record := range records {
		fqdn, err := checkName(record.FQDN)
		if err != nil {
			return nil, err
		}
		zone := ""
		if record.Zone != "" {
			zone = providers.CanonicalName(record.Zone)
			if !providers.InZone(fqdn, zone) {
				return nil, fault.Errorf(fault.CodeBadChallenge, fault.Usage, "propagation: %s is not in zone %s", fqdn,
					fault.Excerpt(zone))
			}
		}
		t := byName[fqdn]
		if t == nil {
			t = &task{fqdn: fqdn}
			byName[fqdn] = t
		}
		if len(zone) > len(t.zone) {
			t.zone = zone
		}
		if !slices.Contains(t.values, record.Value) {
			t.values = append(t.values, record.Value)
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *task) int { return strings.Compare(a.fqdn, b.fqdn) }), nil
}

// locate finds the name servers of every task, side by side. The look-ups begin at the account's zone, and once for all
// its names; asking for the names between would make resolvers remember that they do not exist. The servers found are
// asked for the name itself, in case it lies in a child zone that they refer to.
func (s *session) locate(ctx context.Context, all []*task) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.names = int64(len(all))
	for _, t := range all {
		s.shun(t.fqdn)
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, abreast)
	for _, t := range all {
		start := t.zone
		if start == "" {
			start = parent(t.fqdn)
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			d, err := s.delegation(ctx, t.fqdn, start)
			if err == nil {
				t.delegation, err = s.below(ctx, t, d)
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// below returns the delegation that t's name has, at d or beneath it, with all servers that may be asked.
func (s *session) below(ctx context.Context, t *task, d Delegation) (Delegation, error) {
	if len(s.nameServers) > 0 {
		return d, nil
	}
	var group sync.WaitGroup
	group.Go(func() { _, _ = s.complete(ctx, d) }) // it is kept, and most often what is wanted
	deepest, err := s.deepest(ctx, t, d)
	group.Wait()
	if err != nil {
		return deepest, err
	}
	return s.complete(ctx, deepest)
}

// deepest asks the servers of d, and those that they refer to, for t's name.
func (s *session) deepest(ctx context.Context, t *task, d Delegation) (Delegation, error) {
	brief, cancel := context.WithTimeout(ctx, 2*s.settings.timeout())
	defer cancel()
	d, _, err := s.authority(brief, d, question{name: t.fqdn, qtype: dns.TypeTXT})
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	if err != nil { // the wait will show whether that changes
		s.log.Debug("no name server answers yet", "fqdn", t.fqdn, "zone", d.Zone, "error", err)
		return d, nil
	}
	if t.zone == d.Zone || !providers.InZone(t.zone, d.Zone) {
		return d, nil
	}
	// Servers of the zone above that serve this one too refer no resolver to it, and everybody finds it there.
	own, msg, err := s.authority(brief, d, question{name: t.zone, qtype: dns.TypeSOA})
	switch {
	case ctx.Err() != nil:
		return d, context.Cause(ctx)
	case err != nil: // they answer nothing but TXT
		s.log.Debug("no name server says whether it has the zone", "zone", t.zone, "error", err)
		return d, nil
	case len(owned[*dns.SOA](msg.Answer, t.zone)) > 0:
		own.Zone, own.Delegated, own.Cached = t.zone, nil, nil // these are of the zone above
		return own, nil
	}
	return d, fault.Errorf(fault.CodeDelegatedElsewhere, fault.Misconfigured,
		"propagation: zone %s, to which %s was written, is not delegated: the DNS ends at %s, served by %s; delegate it to the name servers of the account that has it",
		t.zone, t.fqdn, d.Zone, listed(d.NameServers, 6))
}

// newPublication lays out what is to be asked of whom.
func newPublication(all []*task, start time.Time, deadAfter time.Duration, historyDir string,
	overridden bool) *publication {
	b := &publication{
		start:     start,
		deadAfter: deadAfter,
		changed:   make(chan struct{}, 1),
		wake:      make(chan struct{}),
		resolvers: map[expected]State{},
	}
	zones := map[string]*zone{}
	addresses := map[netip.AddrPort]*address{}
	for _, t := range all {
		name := t.delegation.Zone
		if overridden {
			name = t.zone
		}
		z := zones[name]
		if z == nil {
			z = &zone{name: name, delegation: t.delegation, unresolved: t.delegation.Unresolved, overridden: overridden,
				history: readHistory(historyDir, name)}
			for _, addr := range t.delegation.Addrs {
				z.servers = append(z.servers, &zoneServer{Address: addr, zone: z})
			}
			for _, host := range z.unresolved {
				b.events = append(b.events, Event{Server: host, Zone: name, State: Unreachable, Elapsed: time.Since(start),
					detail: "has no address"})
			}
			for _, a := range t.delegation.Withheld {
				b.events = append(b.events, Event{Server: a.String(), Zone: name, State: Unreachable, Elapsed: time.Since(start),
					detail: "is of a private network, and not asked"})
			}
			zones[name] = z
			b.zones = append(b.zones, z)
		}
		for _, st := range z.servers {
			c := &check{zoneServer: st, fqdn: t.fqdn, changed: start}
			for _, text := range t.values {
				c.values = append(c.values, value{text: text})
			}
			for i := range c.values {
				b.set(c, i, Pending, time.Now())
			}
			st.checks = append(st.checks, c)
			a := addresses[st.Addr]
			if a == nil {
				a = &address{addr: st.Addr}
				addresses[st.Addr] = a
				b.addresses = append(b.addresses, a)
			}
			a.checks = append(a.checks, c)
		}
	}
	return b
}
