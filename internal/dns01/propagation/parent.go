package propagation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Why the parent's servers do not say who serves a zone.
var (
	errNoParent = errors.New("the resolvers name no servers of its top-level domain")
	errNotThere = errors.New("the servers above do not know it")
)

// descent asks the servers of a name's top-level domain, and those that they refer to, about the name, down to the zone at or
// above it that is delegated last.
type descent struct {
	session *session
	target  string
}

// delegation is the zone that is delegated last. With an error it is the last one that a referral led to, if there was one:
// the error says why nothing below is known.
func (s descent) delegation(ctx context.Context) (Delegation, error) {
	target := s.target
	// as inquire: a resolver may be silent about it alone
	top, cancel := context.WithTimeout(ctx, s.session.settings.timeout()*3/2)
	d, err := s.topLevel(top)
	cancel()
	if err != nil {
		return Delegation{}, err
	}
	var last Delegation
	for range maxHops {
		msg, err := s.inquire(ctx, d, question{name: target, qtype: dns.TypeTXT})
		if err != nil {
			return last, err
		}
		child, hosts := referral(msg, target, d.Zone)
		if child == "" {
			return s.sameServers(ctx, d, last, msg)
		}
		below, err := s.session.refer(ctx, d, child, hosts, msg)
		if err != nil || child == target {
			return below, err
		}
		d, last = below, below
	}
	return last, errors.New("more referrals than any zone has")
}

// topLevel finds the servers of the name's top-level domain. Of many a few are enough.
func (s descent) topLevel(ctx context.Context) (Delegation, error) {
	const enough = 4
	labels := strings.Split(strings.TrimSuffix(s.target, "."), ".")
	top := labels[len(labels)-1] + "."
	if top == s.target {
		return Delegation{}, errNoParent
	}
	hosts, err := s.session.listedBy(ctx, top)
	if err != nil {
		return Delegation{}, err
	}
	err = errNoParent
	for some := range slices.Chunk(hosts, enough) {
		var d Delegation
		if d, err = s.session.resolve(ctx, top, some, referralGlue{}); err == nil {
			return d, nil
		}
	}
	return Delegation{}, err
}

// inquire is the session's within a time that is not missed where servers above cannot be asked at all: from behind a
// firewall, or where the public DNS is not to be seen.
func (s descent) inquire(ctx context.Context, d Delegation, q question) (*dns.Msg, error) {
	brief, cancel := context.WithTimeout(ctx, s.session.settings.timeout()*3/2)
	defer cancel()
	msg, err := s.session.inquire(brief, d, q)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return msg, err
}

// refer resolves the hosts of a referral that the servers of d gave.
func (s *session) refer(ctx context.Context, d Delegation, child string, hosts []string,
	msg *dns.Msg) (Delegation, error) {
	below, err := s.resolve(ctx, child, hosts, referralGlue{d.Zone, msg.Extra})
	if err != nil {
		return Delegation{}, err
	}
	below.Delegated = hosts
	return below, nil
}

// sameServers finds out what it means that the servers of d answer about the name themselves, by msg: that it is a zone which they
// serve as well, that it is a name in d, or that there is no such name. last is d, if a referral led there.
func (s descent) sameServers(ctx context.Context, d, last Delegation, msg *dns.Msg) (Delegation, error) {
	target := s.target
	if msg.Rcode == dns.RcodeNameError {
		return last, errNotThere
	}
	msg, err := s.inquire(ctx, d, question{name: target, qtype: dns.TypeNS})
	if err != nil {
		return last, err
	}
	hosts := hostsOf(msg, target)
	switch {
	case len(hosts) > 0:
		return s.session.refer(ctx, d, target, hosts, msg)
	case msg.Rcode == dns.RcodeNameError || last.Zone == "":
		return last, errNotThere
	}
	// A wildcard answers for names that are not there. Whether target is one of them, a name beside it that was never made tells.
	msg, err = s.inquire(ctx, d, question{name: randomLabel(15) + "." + parent(target), qtype: dns.TypeTXT})
	switch {
	case ctx.Err() != nil:
		return last, context.Cause(ctx)
	case err == nil && msg.Rcode == dns.RcodeSuccess:
		return last, errNotThere
	}
	return last, nil
}

// complete adds the name servers that the zone lists itself, as its own servers say it, to those to which it is delegated.
// Where these do not say it, as those that answer nothing but TXT, the delegation stays what it is. The error is the cause
// of ctx's end.
func (s *session) complete(ctx context.Context, d Delegation) (Delegation, error) {
	if d.Zone == "" {
		return d, nil
	}
	whole, _ := s.found.delegation(ctx, "whole "+d.Zone, func() (Delegation, error) { return s.addListed(ctx, d), nil })
	if ctx.Err() != nil {
		return Delegation{}, context.Cause(ctx)
	}
	return whole.clone(), nil
}

func (s *session) addListed(ctx context.Context, d Delegation) Delegation {
	answers := s.everyAnswer(ctx, d, question{name: d.Zone, qtype: dns.TypeNS})
	glue := referralGlue{from: d.Zone}
	var listed []string
	for server, msg := range answers {
		hosts := hostsOf(msg, d.Zone)
		if len(hosts) == 0 {
			continue
		}
		listed = append(listed, hosts...)
		glue.records = append(glue.records, msg.Extra...)
		d.Lists = append(d.Lists, List{server, hosts})
	}
	slices.SortFunc(d.Lists, func(a, b List) int { return a.Server.Addr.Compare(b.Server.Addr) })
	if d.Listed = canonicalHosts(listed); len(d.Listed) == 0 {
		return d
	}
	lookups, cancel := context.WithTimeout(ctx, s.settings.lookupLimit())
	defer cancel()
	more := slices.DeleteFunc(slices.Clone(d.Listed),
		func(host string) bool { return slices.Contains(d.NameServers, host) })
	found, err := s.addressesOf(lookups, more, func(host string) bool { return len(glue.addresses(host)) > 0 })
	if err != nil {
		s.log.Debug("addresses of name servers that the zone lists itself", "zone", d.Zone, "error", err)
	}
	whole := d.clone()
	whole.NameServers, whole.Unresolved = canonicalHosts(slices.Concat(d.NameServers, d.Listed)), nil
	for _, host := range whole.NameServers {
		addrs := glue.addresses(host)
		if i := slices.Index(more, host); i >= 0 {
			addrs = append(addrs, found[i]...)
		}
		if len(addrs) > 0 || slices.Contains(more, host) || slices.Contains(d.Unresolved, host) {
			add(s, &whole, host, addrs)
		}
	}
	if whole.ResolversBehind() {
		s.log.Info("resolvers are behind: the zone has other name servers now", "zone", d.Zone, "resolvers", d.Cached,
			"parent", d.Delegated)
	}
	s.log.Debug("name servers", "zone", d.Zone, "parent", d.Delegated, "zone itself", d.Listed, "addresses",
		len(whole.Addrs), "unresolved", whole.Unresolved)
	return whole
}

// everyAnswer asks all addresses of d side by side, and returns the answers of those that serve its zone: all that come
// until stagger after the first of any kind.
func (s *session) everyAnswer(parent context.Context, d Delegation, q question) map[Address]*dns.Msg {
	ctx, cancel := context.WithTimeout(parent, s.settings.timeout())
	type result struct {
		from Address
		msg  *dns.Msg
		err  error
	}
	results := make(chan result, len(d.Addrs))
	var enough <-chan time.Time
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for _, a := range d.Addrs {
		group.Go(func() {
			if !mayGoOn(s) {
				results <- result{a, nil, errTooMany}
				return
			}
			msg, err := s.settings.direct().ask(ctx, a.Addr, q)
			results <- result{a, msg, err}
		})
	}
	answers := map[Address]*dns.Msg{}
	for range d.Addrs {
		select {
		case r := <-results:
			if r.msg != nil && enough == nil {
				enough = time.After(stagger)
			}
			if r.err == nil && r.msg.Rcode == dns.RcodeSuccess && (r.msg.Authoritative || !r.msg.RecursionAvailable) {
				answers[r.from] = r.msg
			}
		case <-enough:
			return answers
		case <-ctx.Done():
			return answers
		}
	}
	return answers
}
