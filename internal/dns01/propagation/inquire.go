package propagation

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// stagger is how long one name server is waited for alone, before the next one is asked as well.
const stagger = 500 * time.Millisecond

// authority asks the servers of d for q and, where they refer to a child zone, that zone's servers. It returns the answer
// and the delegation it came from; with an error, the last delegation that was found.
func (s *session) authority(ctx context.Context, d Delegation, q question) (Delegation, *dns.Msg, error) {
	for range maxHops {
		msg, err := s.inquire(ctx, d, q)
		if err != nil {
			return d, nil, err
		}
		child, hosts := referral(msg, q.name, d.Zone)
		if child == "" {
			return d, msg, nil
		}
		lookups, cancel := context.WithTimeout(ctx, s.settings.lookupLimit())
		below, err := s.refer(lookups, d, child, hosts, msg)
		cancel()
		switch {
		case ctx.Err() != nil:
			return d, nil, context.Cause(ctx)
		case err != nil:
			return d, nil, s.noAnswer(child, err)
		}
		d = below
	}
	return d, nil, &unansweredError{reached: true, text: "more referrals than any zone has"}
}

// unansweredError says that no name server answered with authority.
type unansweredError struct {
	reached bool // some answered all the same
	text    string

	tooLarge []string // the servers whose answer needs TCP, which they refuse, if that is so of all
	values   int      // how many TXT records are in it, as far as is known
}

func (e *unansweredError) Error() string { return e.text }

// inquire asks the servers of d for q, one more whenever one fails or stagger has passed, and returns the first
// authoritative answer or referral to a child zone, or, if there is none of these, an answer without authority. The error is an *unansweredError or the cause of ctx's end.
func (s *session) inquire(parent context.Context, d Delegation, q question) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(parent, s.settings.lookupLimit())
	var (
		all     = inquiry{name: q.name, zone: d.Zone, servers: len(d.Addrs)}
		replies = make(chan inquired, len(d.Addrs))
		asked   int
		next    = time.NewTimer(0)
		group   sync.WaitGroup
	)
	defer group.Wait()
	defer cancel()
	defer next.Stop()
	for all.answered < len(d.Addrs) {
		select {
		case <-next.C:
			if asked == len(d.Addrs) {
				continue
			}
			if !mayGoOn(s) {
				return nil, &unansweredError{reached: all.reached, text: errTooMany.Error()}
			}
			from := d.Addrs[asked]
			asked++
			group.Go(func() {
				msg, err := s.settings.direct().ask(ctx, from.Addr, q)
				replies <- inquired{from, msg, err}
			})
			next.Reset(stagger)
		case r := <-replies:
			if parent.Err() != nil {
				return nil, context.Cause(parent)
			}
			if all.take(r) {
				return r.msg, nil
			}
			next.Reset(0)
		case <-ctx.Done():
			if parent.Err() != nil {
				return nil, context.Cause(parent)
			}
			all.complaints = append(all.complaints, "no more within "+s.settings.lookupLimit().String())
			return nil, &unansweredError{reached: all.reached, text: listed(all.complaints, 6)}
		}
	}
	if all.withoutAA != nil {
		return all.withoutAA, nil
	}
	return nil, all.silent()
}

// inquired is what came of asking one server.
type inquired struct {
	from Address
	msg  *dns.Msg
	err  error
}

// inquiry is what came of asking the servers of a zone, of which none has an answer of use so far.
type inquiry struct {
	name, zone string // what for, and the zone whose servers these are
	servers    int

	answered   int
	reached    bool     // something answered
	withoutAA  *dns.Msg // the best answer without authority
	complaints []string
	tooLarge   []string // of the servers whose answer needs TCP
	values     int
	noIPv6     int // addresses to which this machine has no way
}

// take takes up what a server said, and reports whether it is the answer.
func (n *inquiry) take(r inquired) bool {
	n.answered++
	n.reached = n.reached || r.err == nil
	why := ""
	switch {
	case r.err != nil:
		why = r.err.Error()
		t, ok := errors.AsType[*transportError](r.err)
		switch {
		case ok && t.tooLarge:
			n.tooLarge, n.values = append(n.tooLarge, r.from.String()), max(n.values, len(t.values))
		case ok && t.noRoute && r.from.Addr.Addr().Is6():
			n.noIPv6++
		}
	case usableAnswer(r.msg, n.name, n.zone):
		return true
	default:
		why = lameness(r.msg)
		if withoutAuthority(r.msg) && (n.withoutAA == nil || len(n.withoutAA.Answer) == 0) {
			n.withoutAA = r.msg
		}
	}
	n.complaints = append(n.complaints, r.from.String()+": "+why)
	return false
}

func (n *inquiry) silent() *unansweredError {
	silent := &unansweredError{reached: n.reached, text: listed(n.complaints, 6)}
	if len(n.tooLarge) > 0 && len(n.tooLarge)+n.noIPv6 == n.servers {
		silent.tooLarge, silent.values = n.tooLarge, n.values
	}
	return silent
}

// usableAnswer reports whether msg, of a server of zone, decides whether name exists and what it holds.
func usableAnswer(msg *dns.Msg, name, zone string) bool {
	if child, hosts := referral(msg, name, zone); child != "" && len(hosts) > 0 {
		return true
	}
	return msg.Authoritative && (msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError)
}

// withoutAuthority reports whether msg is what servers say that never claim authority, and are the zone's all the same: the
// CA takes their word. It is none that looks for the answer elsewhere (it would offer recursion), nor one that refers upwards.
func withoutAuthority(msg *dns.Msg) bool {
	return !msg.Authoritative && !msg.RecursionAvailable &&
		(msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError) &&
		!slices.ContainsFunc(msg.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeNS })
}

// lameness says why an answer without data decides nothing.
func lameness(msg *dns.Msg) string {
	if msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError {
		return rcode(msg.Rcode)
	}
	return "not authoritative"
}

// String returns the server as it appears in messages.
func (a Address) String() string {
	if a.Host == a.Addr.String() {
		return a.Host
	}
	return a.Host + " (" + a.Addr.String() + ")"
}
