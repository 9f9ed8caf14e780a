package propagation

import (
	"net/netip"
	"testing"
	"time"
)

// newTestPublication has one name with two values at servers with the given addresses.
func newTestPublication(overridden bool, addrs ...string) (*publication, []*check) {
	t := &task{zone: "example.test.", fqdn: challenge, values: []string{value1, value2}, delegation: Delegation{Zone: "example.test."}}
	for _, addr := range addrs {
		t.delegation.Addrs = append(t.delegation.Addrs, Address{Host: addr, Addr: netip.MustParseAddrPort(addr)})
	}
	b := newPublication([]*task{t}, time.Now().Add(-time.Hour), 10*time.Second, "", overridden)
	var checks []*check
	for _, st := range b.zones[0].servers {
		checks = append(checks, st.checks...)
	}
	return b, checks
}

// What may be stepped over, and when, with one server that has everything.
func TestJudge(t *testing.T) {
	t.Parallel()
	all := observation{state: Pending, replied: true, authority: true, texts: []string{value2, "old", value1}}
	half := observation{state: Pending, replied: true, authority: true, texts: []string{value1}}
	none := observation{state: Pending, replied: true, authority: true}
	dead := observation{state: Silent}
	servfail := observation{state: Lame, replied: true}
	refused := observation{state: Lame, replied: true, notServed: true}
	noRoute := observation{state: Unreachable, noRoute: true}
	const longAgo, justNow = time.Hour, time.Duration(0)
	type seen struct {
		o   observation
		ago time.Duration // when the query was sent
	}
	for name, c := range map[string]struct {
		overridden bool
		other      string // address of the other server
		complete   time.Duration
		seen       []seen
		done       bool
		waits      bool // for a time known already
	}{
		"all":                         {seen: []seen{{all, longAgo}}, done: true},
		"not asked yet":               {complete: longAgo},
		"no":                          {complete: longAgo, seen: []seen{{none, longAgo}}},
		"one of two values":           {complete: longAgo, seen: []seen{{half, longAgo}}},
		"dead for long":               {complete: longAgo, seen: []seen{{dead, longAgo}, {dead, justNow}}, done: true},
		"dead since now":              {complete: longAgo, seen: []seen{{none, longAgo}, {dead, justNow}}, waits: true},
		"dead before there was one":   {complete: justNow, seen: []seen{{dead, longAgo}}, waits: true},
		"dead, then no":               {complete: longAgo, seen: []seen{{dead, longAgo}, {none, justNow}}},
		"dead, then one of two":       {complete: longAgo, seen: []seen{{dead, longAgo}, {half, justNow}}},
		"failing for long":            {complete: longAgo, seen: []seen{{servfail, longAgo}}, done: true},
		"failing since now":           {complete: justNow, seen: []seen{{servfail, justNow}}, waits: true},
		"refusing since now":          {complete: justNow, seen: []seen{{refused, justNow}}, waits: true},
		"user's own refusing":         {overridden: true, complete: justNow, seen: []seen{{refused, justNow}}, done: true},
		"user's own refusing lately":  {overridden: true, complete: justNow, seen: []seen{{none, longAgo}, {refused, justNow}}, waits: true},
		"user's own failing":          {overridden: true, complete: justNow, seen: []seen{{servfail, justNow}}, waits: true},
		"user's own says no":          {overridden: true, complete: longAgo, seen: []seen{{none, justNow}}},
		"no way by IPv6":              {other: "[2001:db8::1]:53", complete: justNow, seen: []seen{{noRoute, justNow}}, done: true},
		"no way by IPv4":              {complete: justNow, seen: []seen{{noRoute, justNow}}, waits: true},
		"lost what it had":            {complete: longAgo, seen: []seen{{all, longAgo}, {none, justNow}}},
		"silent after it had":         {complete: longAgo, seen: []seen{{all, longAgo}, {dead, justNow}}, waits: true},
		"stepped over and comes back": {complete: longAgo, seen: []seen{{dead, longAgo}, {all, justNow}}, done: true},
	} {
		other := c.other
		if other == "" {
			other = "192.0.2.2:53"
		}
		b, checks := newTestPublication(c.overridden, "192.0.2.1:53", other)
		b.record(checks[0], time.Now(), all)
		b.zones[0].firstComplete = time.Now().Add(-c.complete)
		for _, s := range c.seen {
			b.record(checks[1], time.Now().Add(-s.ago), s.o)
			b.judge()
		}
		v := b.judge()
		if v.done != c.done || v.again.IsZero() == c.waits {
			t.Errorf("%s: done %v, again %v; want done %v, again %v", name, v.done, v.again, c.done, c.waits)
		}
	}
}

// Without a server that has everything none is skipped.
func TestJudge_NoServerHasIt(t *testing.T) {
	t.Parallel()
	b, checks := newTestPublication(false, "192.0.2.1:53", "192.0.2.2:53", "[2001:db8::1]:53")
	for _, c := range checks {
		b.record(c, b.start, observation{state: Silent, noRoute: true})
	}
	if v := b.judge(); v.done || !v.unanswered || !v.again.IsZero() {
		t.Errorf("verdict = %+v", v)
	}
	b.record(checks[0], b.start, observation{state: Lame, replied: true})
	if v := b.judge(); v.done || !v.unanswered {
		t.Errorf("verdict = %+v", v)
	}
	b.record(checks[0], b.start, observation{state: Pending, replied: true, authority: true})
	if v := b.judge(); v.done || v.unanswered {
		t.Errorf("verdict = %+v", v)
	}
}

func TestRest_WakesUpWhenAValueAppears(t *testing.T) {
	t.Parallel()
	b, checks := newTestPublication(false, "192.0.2.1:53", "192.0.2.2:53")
	pause, wake := b.rest(b.addresses[1], time.Now())
	if pause < longest-time.Second {
		t.Errorf("after an hour the pause is %v", pause)
	}
	b.record(checks[0], time.Now(), observation{state: Pending, replied: true, texts: []string{value1}})
	<-wake
	if pause, _ = b.rest(b.addresses[1], time.Now()); pause > shortest {
		t.Errorf("after a value appeared elsewhere the pause is %v", pause)
	}
}

// What answers without authority, and would look elsewhere, counts only if it is known that nothing answers in the servers' place,
// also where another zone's servers have authority.
func TestJudge_AuthorityIsEachZonesOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cutOff State
		later  bool // a server answers with authority after all
		done   bool
	}{
		{"intercepted", Intercepted, false, false},
		{"the servers are lame", "", false, true},
		{"others are silent", Blocked, false, true},
		{"intercepted for a moment", Intercepted, true, true},
	} {
		of := func(zone, fqdn, addr string) *task {
			return &task{zone: zone, fqdn: fqdn, values: []string{value1}, delegation: Delegation{Zone: zone, Addrs: []Address{{addr, netip.MustParseAddrPort(addr)}}}}
		}
		b := newPublication([]*task{of("example.test.", challenge, "192.0.2.1:53"), of("other.test.", "_acme-challenge.other.test.", "192.0.2.2:53")},
			time.Now(), time.Second, "", false)
		own, other := b.zones[0].servers[0].checks[0], b.zones[1].servers[0].checks[0]
		b.record(own, time.Now(), observation{state: Pending, replied: true, authority: true, texts: []string{value1}})
		b.record(other, time.Now(), observation{state: Pending, replied: true, texts: []string{value1}})
		if v := b.judge(); v.done || v.doubtful != b.zones[1] {
			t.Errorf("%s, not examined: %+v", c.name, v)
		}
		b.concludeZone(b.zones[1], c.cutOff)
		if c.later {
			b.record(other, time.Now(), observation{state: Pending, replied: true, authority: true, texts: []string{value1}})
		}
		if v := b.judge(); v.done != c.done || v.doubtful != nil {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}
