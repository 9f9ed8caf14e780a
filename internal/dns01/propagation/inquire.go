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
		lookups, cancel := context.WithTimeout(ctx, s.lookupLimit())
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
	ctx, cancel := context.WithTimeout(parent, s.lookupLimit())
	type result struct {
		from Address
		msg  *dns.Msg
		err  error
	}
	var (
		results   = make(chan result, len(d.Addrs))
		asked     int
		answered  int
		next      = time.NewTimer(0)
		group     sync.WaitGroup
		reached   bool
		withoutAA *dns.Msg // the best answer without authority
		complaint []string
		tooLarge  []string
		values    int
		noIPv6    int // addresses to which this machine has no way
	)
	defer group.Wait()
	defer cancel()
	defer next.Stop()
	for answered < len(d.Addrs) {
		select {
		case <-next.C:
			if asked == len(d.Addrs) {
				continue
			}
			from := d.Addrs[asked]
			asked++
			group.Go(func() {
				msg, err := s.direct().ask(ctx, from.Addr, q)
				results <- result{from, msg, err}
			})
			next.Reset(stagger)
		case r := <-results:
			answered++
			reached = reached || r.err == nil
			why := ""
			switch {
			case parent.Err() != nil:
				return nil, context.Cause(parent)
			case r.err != nil:
				why = r.err.Error()
				t, ok := errors.AsType[*transportError](r.err)
				switch {
				case ok && t.tooLarge:
					tooLarge, values = append(tooLarge, r.from.String()), max(values, len(t.values))
				case ok && t.noRoute && r.from.Addr.Addr().Is6():
					noIPv6++
				}
			case usableAnswer(r.msg, q.name, d.Zone):
				return r.msg, nil
			default:
				why = lameness(r.msg)
				if withoutAuthority(r.msg) && (withoutAA == nil || len(withoutAA.Answer) == 0) {
					withoutAA = r.msg
				}
			}
			complaint = append(complaint, r.from.String()+": "+why)
			next.Reset(0)
		case <-ctx.Done():
			if parent.Err() != nil {
				return nil, context.Cause(parent)
			}
			complaint = append(complaint, "no more within "+s.lookupLimit().String())
			return nil, &unansweredError{reached: reached, text: listed(complaint, 6)}
		}
	}
	if withoutAA != nil {
		return withoutAA, nil
	}
	silent := &unansweredError{reached: reached, text: listed(complaint, 6)}
	if len(tooLarge) > 0 && len(tooLarge)+noIPv6 == len(d.Addrs) {
		silent.tooLarge, silent.values = tooLarge, values
	}
	return nil, silent
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
