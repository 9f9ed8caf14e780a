package propagation

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// zone is the names that the same servers answer for.
type zone struct {
	name       string // canonical; "" if unknown
	servers    []*zoneServer
	delegation Delegation
	unresolved []string
	history    history
	overridden bool // the servers are not the delegated ones but the user's own

	served        bool      // some server answered as one of this zone
	authority     bool      // and with authority
	examined      bool      // it is known why none does
	cutOff        State     // why: [Intercepted]; "" if the reason lies with the servers, or is not known
	firstComplete time.Time // when the first server had everything; zero while none has
	lastGain      time.Time
}

// zoneServer is one address of a zone's servers.
type zoneServer struct {
	Address
	zone   *zone
	checks []*check
}

// check is one name at one address: what one query asks.
type check struct {
	*zoneServer
	fqdn     string
	values   []value
	asked    bool
	answered bool // has answered as a server of the zone
	complete bool
	stepped  bool

	latest   observation
	badSince time.Time // when the first query was sent of those that have brought nothing since; zero if the latest did
	changed  time.Time
}

type value struct {
	text  string
	state State
}

// address is what one goroutine looks after: everything that is asked of one address, be it in many zones.
type address struct {
	addr   netip.AddrPort
	checks []*check
}

// observation is what one query brought.
type observation struct {
	state     State // Pending for an answer that counts, whatever it holds
	texts     []string
	ttl       time.Duration // of texts
	replied   bool
	authority bool
	denies    bool // without authority, the server says that there is nothing
	noRoute   bool
	tooLarge  bool // the answer needs TCP, which the server refuses; texts are what is known of it
	notServed bool // the server says that the zone is none of its business
	detail    string
}

// observe reads what a server of zone answered about fqdn; zone is "" if it is unknown.
func observe(msg *dns.Msg, err error, zone, fqdn string) observation {
	if err != nil {
		o := observation{state: Unreachable, detail: err.Error()}
		if t, ok := errors.AsType[*transportError](err); ok {
			o.state, o.noRoute, o.tooLarge, o.texts = t.state, t.noRoute, t.tooLarge, t.values
		}
		return o
	}
	found := texts(msg, fqdn)
	switch {
	case msg.Rcode == dns.RcodeSuccess && (msg.Authoritative || len(found) > 0):
		return observation{state: Pending, replied: true, authority: msg.Authoritative, texts: found, ttl: ttl(msg, fqdn)}
	case msg.Rcode == dns.RcodeNameError && msg.Authoritative:
		return observation{state: Pending, replied: true, authority: true}
	case withoutAuthority(msg) && tellsSOA(msg, zone, fqdn): // as one of the zone does (RFC 2308 §2.2)
		return observation{state: Pending, replied: true}
	}
	return observation{
		state:   Lame,
		replied: true,
		denies:  withoutAuthority(msg) && len(owners[*dns.SOA](msg.Ns)) == 0,
		notServed: msg.Rcode != dns.RcodeServerFailure && msg.Rcode != dns.RcodeFormatError &&
			msg.Rcode != dns.RcodeNotImplemented,
		detail: lameness(msg),
	}
}

// tellsSOA reports whether an answer that there is nothing at fqdn comes with the SOA record of zone, or of one within it that
// holds fqdn. That of the root, or of another zone, is what lame servers have.
func tellsSOA(msg *dns.Msg, zone, fqdn string) bool {
	return slices.ContainsFunc(owners[*dns.SOA](msg.Ns), func(owner string) bool {
		return owner != "." && (zone == "" || providers.InZone(owner, zone)) && providers.InZone(fqdn, owner)
	})
}

// owners returns the canonical names that have records of one type in a section.
func owners[T dns.RR](section []dns.RR) []string {
	var names []string
	for _, rr := range section {
		if _, ok := rr.(T); ok {
			names = append(names, providers.CanonicalName(rr.Header().Name))
		}
	}
	return names
}

// noIPv6 reports whether the query could not be sent because this machine has no IPv6, which is no fault of a server's.
func (o observation) noIPv6(addr netip.AddrPort) bool { return o.noRoute && addr.Addr().Is6() }

func (st *zoneServer) complete() bool {
	return !slices.ContainsFunc(st.checks, func(c *check) bool { return !c.complete })
}

func (z *zone) complete() bool { return slices.ContainsFunc(z.servers, (*zoneServer).complete) }

// reckon notes whether there is a server that has everything.
func (z *zone) reckon(now time.Time) {
	switch {
	case !z.complete():
		z.firstComplete = time.Time{}
	case z.firstComplete.IsZero():
		z.firstComplete = now
	}
}

// state is what the latest query brought, or Pending before there was one.
func (c *check) state() State {
	if c.latest.state == "" {
		return Pending
	}
	return c.latest.state
}

// detail says what the latest query brought, in words.
func (c *check) detail() string {
	if !c.asked {
		return "not asked yet"
	}
	return c.latest.detail
}
