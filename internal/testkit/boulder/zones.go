package boulder

import (
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Primary is the perspective that looks first; the others are those of the remote validation authorities.
const Primary = "primary"

// Perspectives are all places from which names are looked at, the primary first.
func Perspectives() []string {
	names := []string{Primary}
	for _, place := range remotes() {
		names = append(names, place.name)
	}
	return names
}

// zone is what the CA's resolvers know of a zone, and how they and the logs behave for its names.
type zone struct {
	resolver string // that knows it, ip:port
	delays   map[string]time.Duration
	late     time.Duration
	answer   func(perspective string, q dns.Question) *dns.Msg
}

// zones are all of a CA, by name: canonical, without the dot at the end.
type zones struct {
	mu  sync.Mutex
	all map[string]*zone
}

// find returns the deepest zone that a name lies in, or nil; above tells whether the name is above one.
func (z *zones) find(name string) (found zone, ok, above bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	longest := -1
	for zone, known := range z.all {
		if (name == zone || strings.HasSuffix(name, "."+zone)) && len(zone) > longest {
			found, ok, longest = *known, true, len(zone)
		}
		above = above || strings.HasSuffix(zone, "."+name) || name == ""
	}
	return found, ok, above
}

// change changes what is known of a zone.
func (z *zones) change(name string, change func(*zone)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	known := zone{}
	if old := z.all[name]; old != nil {
		known = *old
	}
	change(&known)
	z.all[name] = &known
}

func (z *zones) lateLogs(names []string) (late time.Duration) {
	for _, name := range names {
		if found, ok, _ := z.find(strings.TrimPrefix(name, "*.")); ok {
			late = max(late, found.late)
		}
	}
	return late
}

// Delegate makes the CA's resolvers ask the resolver at an address, ip:port, for the names of a zone. Its parents exist, and
// have no records.
func (c *CA) Delegate(name, resolver string) {
	c.zones.change(name, func(z *zone) { z.resolver = resolver })
}

// Slow makes a validation of a name in a zone take so long, a quarter of it for each of its four phases.
func (c *CA) Slow(name string, validation time.Duration) {
	delays := map[string]time.Duration{}
	for _, place := range Perspectives() {
		delays[place] = validation / 4
	}
	c.zones.change(name, func(z *zone) { z.delays = delays })
}

// SlowFrom makes each look-up of names in a zone take so long from one perspective, and leaves the others as they are.
func (c *CA) SlowFrom(name, perspective string, each time.Duration) {
	c.zones.change(name, func(z *zone) {
		delays := map[string]time.Duration{perspective: each}
		for place, delay := range z.delays {
			if place != perspective {
				delays[place] = delay
			}
		}
		z.delays = delays
	})
}

// LateLogs makes the logs for certificate transparency take so long to answer for certificates of a zone.
func (c *CA) LateLogs(name string, late time.Duration) {
	c.zones.change(name, func(z *zone) { z.late = late })
}

// Answer has questions about names in a zone answered by a function; nil from it leaves a question to the resolver. Nothing
// that it answers is remembered.
func (c *CA) Answer(name string, answer func(perspective string, q dns.Question) *dns.Msg) {
	c.zones.change(name, func(z *zone) { z.answer = answer })
}
