package propagation

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// publication is what is known of every value at every address, and what follows from it. The goroutines that ask write to it,
// [Wait.Run] judges by it.
type publication struct {
	start     time.Time
	deadAfter time.Duration
	zones     []*zone
	addresses []*address
	changed   chan struct{} // holds one token when there is something new to judge

	mu         sync.Mutex
	wake       chan struct{} // closed, and made anew, when a value was gained or lost: each address reckons anew when to look
	events     []Event
	reached    bool  // some server answered something
	authority  bool  // some server answered with authority
	examined   bool  // it is known why none does
	cutOff     State // why: [Blocked] or [Intercepted]; "" if the reason lies with the servers
	generation int   // counts gains and losses
	resolvers  map[expected]State
	told       []string // the resolvers that have answered
	elsewhere  error    // a resolver has seen a CNAME that leads to where the record is not
}

// record notes what a query, sent at asked, brought for c.
func (b *publication) record(c *check, asked time.Time, o observation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	had, before := c.complete, c.latest.state
	c.asked, c.latest, c.complete = true, o, false
	b.reached, b.authority = b.reached || o.replied, b.authority || o.authority
	c.zone.authority = c.zone.authority || o.authority
	if o.state != before {
		c.changed = now
	}
	if o.state == Pending {
		c.answered, c.zone.served = true, true
		c.badSince = time.Time{}
		c.stepped = false
		found := 0
		for _, v := range c.values {
			if slices.Contains(o.texts, v.text) {
				found++
			}
		}
		c.complete = found == len(c.values)
		c.latest.detail = fmt.Sprintf("has %d of %d values, and %d others", found, len(c.values), len(o.texts)-found)
		if len(o.texts) == 0 {
			c.latest.detail = "has no TXT record there"
		}
		for i, v := range c.values {
			if slices.Contains(o.texts, v.text) {
				b.set(c, i, Published, now)
			} else {
				b.set(c, i, Pending, now)
			}
		}
	} else {
		if c.badSince.IsZero() {
			c.badSince = asked
		}
		for i := range c.values {
			if !c.stepped {
				b.set(c, i, o.state, now)
			}
		}
	}
	if c.complete != had {
		c.changed = now
		b.generation++
		c.zone.reckon(now)
		b.rouse()
	}
	b.signal()
}

// set changes the state of c's i-th value, and keeps an event if that is news.
func (b *publication) set(c *check, i int, state State, now time.Time) {
	v := &c.values[i]
	if v.state == state {
		return
	}
	v.state = state
	if state == Published {
		c.zone.lastGain = now
		b.rouse()
	}
	b.events = append(b.events, Event{
		Server: c.Host, Addr: c.Addr.String(), Zone: c.zone.name, FQDN: c.fqdn, Value: v.text,
		State: state, Elapsed: now.Sub(b.start), detail: c.latest.detail, quiet: c.latest.noIPv6(c.Addr),
	})
}

func (b *publication) rouse() {
	close(b.wake)
	b.wake = make(chan struct{})
}

func (b *publication) signal() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// patience returns when c, which does not have its values, is waited for no more; ok is false if that will never be: it
// answers, or it is too early to say.
func (b *publication) patience(c *check) (until time.Time, ok bool) {
	z := c.zone
	switch {
	case !c.asked || c.latest.state == Pending || z.firstComplete.IsZero():
		return time.Time{}, false
	case c.latest.noIPv6(c.Addr):
		return z.firstComplete, true
	case c.latest.denies && !z.authority && !z.overridden: // none of the zone's servers claims authority, and each is one all the same
		return time.Time{}, false
	case z.overridden && c.latest.notServed && !c.answered && z.served:
		return z.firstComplete, true
	}
	since := z.firstComplete
	if c.badSince.After(since) {
		since = c.badSince
	}
	return since.Add(b.deadAfter), true
}

// verdict is what [Wait.Run] acts on.
type verdict struct {
	done       bool
	byResolver bool      // cut off, and a resolver has everything
	tooLarge   error     // at some name no server can tell all values, and so no CA will see them
	elsewhere  error     // cut off, and a resolver has seen a CNAME that leads elsewhere
	doubtful   *zone     // has everything, but only from what answers without authority, as the servers of other zones do not
	unanswered bool      // everything was asked and nothing ever answered with authority
	again      time.Time // when to judge again at the latest; zero if only news can change anything
	generation int
}

// judge steps over the servers whose time is up, and says whether all zones have everything.
func (b *publication) judge() verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	v := verdict{done: true, unanswered: !b.authority, generation: b.generation}
	for _, z := range b.zones {
		if z.firstComplete.IsZero() {
			v.done = false
		}
		// What answers without authority may be no server of the zone at all.
		if !z.authority && !b.examined && (!z.examined || z.cutOff != "") {
			if v.done = false; b.authority && !z.firstComplete.IsZero() && !z.examined {
				v.doubtful = z
			}
		}
		for _, st := range z.servers {
			for _, c := range st.checks {
				v.unanswered = v.unanswered && c.asked
				if c.complete {
					continue
				}
				until, ok := b.patience(c)
				switch {
				case !ok:
					v.done = false
				case now.Before(until):
					v.done = false
					if v.again.IsZero() || until.Before(v.again) {
						v.again = until
					}
				case !c.stepped:
					c.stepped, c.changed = true, now
					for i := range c.values {
						b.set(c, i, SteppedOver, now)
					}
				}
			}
		}
	}
	v.elsewhere, v.tooLarge = b.elsewhere, b.tooManyValues()
	v.done = v.done && b.cutOff != Intercepted
	v.byResolver = v.unanswered && b.cutOff != "" &&
		!slices.ContainsFunc(b.names(), func(c *check) bool { return !b.atResolver(c) })
	return v
}

// open returns the checks of a that lack a value, and the channel that is closed when that, or the pace, may change.
func (b *publication) open(a *address) ([]*check, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.checks), func(c *check) bool { return c.complete }), b.wake
}

// found returns the checks of a that have all their values.
func (b *publication) found(a *address) []*check {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.checks), func(c *check) bool { return !c.complete })
}

// rest returns how long a, last looked at when began says, is to be left alone.
func (b *publication) rest(a *address, began time.Time) (time.Duration, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	shortest := longest
	for _, c := range a.checks {
		if c.complete {
			continue
		}
		sinceGain := time.Duration(-1)
		if !c.zone.lastGain.IsZero() {
			sinceGain = now.Sub(c.zone.lastGain)
		}
		shortest = min(shortest, interval(now.Sub(b.start), sinceGain, c.zone.history.usual()))
	}
	return shortest - now.Sub(began), b.wake
}

// take returns the events since the last call.
func (b *publication) take() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}

// conclude notes why no server answers with authority.
func (b *publication) conclude(cutOff State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.examined, b.cutOff = true, cutOff
}

// concludeZone notes why no server of one zone answers with authority, as those of others do.
func (b *publication) concludeZone(z *zone, cutOff State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	z.examined = true
	if cutOff == Intercepted {
		z.cutOff = cutOff
	}
}

// post keeps an event that is not about one check.
func (b *publication) post(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Elapsed = time.Since(b.start)
	b.events = append(b.events, e)
}
