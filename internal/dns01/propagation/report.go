package propagation

import (
	"time"

	"wildcard/internal/fault"
)

// State is what is known of a value, or of a name server.
type State string

const (
	Pending     State = "pending"      // not asked yet, or answered and does not have the value
	Published   State = "published"    // has the value
	Silent      State = "silent"       // does not answer
	Lame        State = "lame"         // answers, but not with the authority of a server of the zone
	Unreachable State = "unreachable"  // cannot be sent to, or has no address at all
	SteppedOver State = "stepped over" // silent, lame or unreachable for so long that it is waited for no more
	Blocked     State = "blocked"      // no name server at all can be reached on port 53
	Intercepted State = "intercepted"  // something else answers on port 53 in the place of all name servers
)

// Text is what users read of a state; "" if there is no such state.
func (s State) Text() fault.Text {
	switch s {
	case Pending:
		return "not yet"
	case Published:
		return "has it"
	case Silent:
		return "silent"
	case Lame:
		return "lame"
	case Unreachable:
		return "unreachable"
	case SteppedOver:
		return "skipped"
	case Blocked:
		return "blocked"
	case Intercepted:
		return "intercepted"
	}
	return ""
}

// Event is one change of state.
type Event struct {
	Server  string        // canonical host name; the address with [Resolver.NameServers]; for a resolver its URL or address
	Addr    string        // ip:port; empty for a host without an address and for resolvers
	Zone    string        // empty if unknown
	FQDN    string        // owner of the TXT record; empty where the event is about the server, or about all (Blocked, Intercepted)
	Value   string        // expected contents of the TXT record; empty as FQDN is
	State   State         //
	Elapsed time.Duration // since [Wait.Run] was called

	detail string // what the server said or did
	quiet  bool   // of no interest to users
}

// PathDirect is the [Report.Path] of a wait that asked the name servers themselves.
const PathDirect = "name servers"

// Report is what a wait found out; it is of use after a failure, too.
type Report struct {
	Elapsed time.Duration
	Servers []ServerReport
	// SteppedOver names the servers that did not take part, with the reason: "ns3.example. (192.0.2.3:53): no answer".
	// IPv6 addresses on a machine without IPv6 are not among them.
	SteppedOver []string
	// TTLs is the longest TTL with which a name server had the records of a name, by FQDN; names that only a resolver was asked
	// for have none.
	TTLs map[string]time.Duration
	// Behind are the zones of which the resolvers still know name servers that these do not have any more.
	Behind []Delegation
	// Path is the way the values were looked at: [PathDirect], or the resolvers that have told.
	Path string
	// CutOff says why no name server could be asked: [Blocked], [Intercepted], or "".
	CutOff State
	// Unverified says that no name server could be asked, so that all there is is a resolver's word: of one server of each
	// zone, and as of when it looked.
	Unverified bool
}

// TTL is the longest TTL with which a name server had the records of a name; negative if that is not known, as from a resolver,
// which counts down.
func (r Report) TTL(fqdn string) time.Duration {
	if ttl, ok := r.TTLs[fqdn]; ok && !r.Unverified {
		return ttl
	}
	return -1
}

// ServerReport is one address of one zone's name servers, or a name server without any.
type ServerReport struct {
	Name, Addr, Zone string
	State            State         // Published only if it has every value of the zone
	Elapsed          time.Duration // when it came to this state, since [Wait.Run] was called
}
