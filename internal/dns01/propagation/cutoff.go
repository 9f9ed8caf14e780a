package propagation

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// CutOff says how this machine is kept from the name servers of a zone: [Blocked] if packets to port 53 bring nothing,
// [Intercepted] if something else answers in the servers' place, "" if they can be asked or the reason lies with them. Servers
// that were named ([Resolver.NameServers]) are looked at too.
//
// It asks each address for the zone's SOA record, and goes on only if none answers with authority. The error is the cause of
// ctx's end, or says what is wrong with the settings.
func (r *Resolver) CutOff(ctx context.Context, d Delegation, zone string) (State, error) {
	s, err := r.open()
	if err != nil {
		return "", err
	}
	defer s.close()
	zone = providers.CanonicalName(zone)
	_, err = s.inquire(ctx, d, question{name: zone, qtype: dns.TypeSOA})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	silent, ok := errors.AsType[*unansweredError](err)
	if !ok {
		return "", nil
	}
	return s.cutOff(ctx, zone, d.Addrs, silent.reached), nil
}

// signs is what was found out about who answers.
type signs struct {
	sent, answered int // to and from addresses at which there is no name server

	authority bool // a server of the zone above answered with authority
	replied   bool // one of them answered at all

	recursion bool // every address that answered offers recursion, and does not answer with authority
	refused   bool // every address says that nothing listens there
}

// cutOff finds out why none of the name servers at addrs has answered with authority for zone: reached says that something
// answered all the same. What it asks it asks over UDP, side by side, and none of it is about a challenge.
//
//   - Something that answers at addresses where there is no name server answers everywhere.
//   - If servers of the zone above answer with authority, port 53 is open, and this zone's own are lame or down.
//   - If those cannot be found, or are silent too, what answers is taken for an interceptor if each address offers recursion
//     (the RA bit) and none has authority: name servers of a zone are hardly ever all of them resolvers and all of them lame.
//   - A server that the user has named and that refuses the connection is down. For one that the DNS names it may be a firewall
//     that refuses, as for all others.
func (s *session) cutOff(ctx context.Context, zone string, addrs []Address, reached bool) State {
	g := s.signs(ctx, zone, addrs, reached)
	var state State
	switch {
	case ctx.Err() != nil:
	case reached && (g.sent > 0 && g.answered == g.sent):
		state = Intercepted
	case g.authority:
	case g.refused && len(s.nameServers) > 0:
	case !reached:
		state = Blocked
	case len(s.nameServers) > 0: // the user may well have named resolvers
	case g.replied || g.recursion:
		state = Intercepted
	}
	s.log.Debug("no name server answers with authority", "zone", zone, "cut off", string(state), "empty addresses asked",
		g.sent,
		"of which answered", g.answered, "zone above answers", g.replied, "with authority", g.authority,
		"recursion offered", g.recursion)
	return state
}

func (s *session) signs(parent context.Context, zone string, addrs []Address, reached bool) (g signs) {
	ctx, cancel := context.WithTimeout(parent, 2*s.settings.timeout())
	defer cancel()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		soa   = question{name: zone, qtype: dns.TypeSOA}
	)
	recursive := exchange{recursion: true, udp: s.settings.timeout() / 2, control: s.settings.control}
	empty := s.settings.empty
	if empty == nil {
		empty = emptyAddresses(addrs, len(s.nameServers) > 0)
	}
	for _, addr := range empty {
		group.Go(func() {
			_, err := recursive.ask(ctx, addr, soa)
			if NoRoute(err) || ctx.Err() != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			g.sent++
			if err == nil {
				g.answered++
			}
		})
	}
	if len(s.nameServers) == 0 {
		group.Go(func() {
			authority, replied := s.above(ctx, zone)
			mu.Lock()
			defer mu.Unlock()
			g.authority, g.replied = authority, replied
		})
	}
	if reached || len(s.nameServers) > 0 {
		group.Go(func() {
			recursion, refused := offers(ctx, recursive, addrs[:min(len(addrs), 4)], soa)
			mu.Lock()
			defer mu.Unlock()
			g.recursion, g.refused = recursion, refused
		})
	}
	group.Wait()
	return g
}

// offers asks the name servers for recursion. recursion is that all that answer offer it and have no authority, refused that
// nothing listens at any of them.
func offers(ctx context.Context, e exchange, addrs []Address, q question) (recursion, refused bool) {
	var group sync.WaitGroup
	var mu sync.Mutex
	offered, without, down := 0, 0, 0
	for _, a := range addrs {
		group.Go(func() {
			msg, err := e.ask(ctx, a.Addr, q)
			failure, failed := errors.AsType[*transportError](err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed && failure.refused:
				down++
			case err != nil:
			case msg.RecursionAvailable && !msg.Authoritative:
				offered++
			default:
				without++
			}
		})
	}
	group.Wait()
	return offered > 0 && without == 0, down > 0 && down == len(addrs)
}

// above asks servers of the zone above for that zone's SOA record.
func (s *session) above(ctx context.Context, zone string) (authority, replied bool) {
	if zone == "" || zone == "." {
		return false, false
	}
	name, hosts, err := s.cut(ctx, parent(zone))
	if err != nil || name == "" {
		return false, false
	}
	d, err := s.resolve(ctx, name, hosts, referralGlue{})
	if err != nil {
		return false, false
	}
	brief := exchange{udp: s.settings.timeout() / 2, control: s.settings.control}
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, a := range d.Addrs[:min(len(d.Addrs), 4)] {
		group.Go(func() {
			msg, err := brief.ask(ctx, a.Addr, question{name: name, qtype: dns.TypeSOA})
			mu.Lock()
			defer mu.Unlock()
			replied = replied || err == nil
			authority = authority || err == nil && msg.Authoritative
		})
	}
	group.Wait()
	return authority, replied
}

// emptyAddresses are addresses at which there is no name server, of the kinds that addrs are, with their port: of the networks
// for examples in texts (RFC 5737, RFC 3849), which no router on the Internet knows, or of the loopback network, which no
// packet leaves. What is in addrs is not among them. Of the loopback network there is none if addrs were named: a server of this
// machine that listens everywhere listens there, too.
func emptyAddresses(addrs []Address, named bool) []netip.AddrPort {
	var empty []netip.AddrPort
	add := func(port uint16, ips ...string) {
		for _, text := range ips {
			addr := netip.AddrPortFrom(netip.MustParseAddr(text), port)
			used := slices.ContainsFunc(addrs, func(a Address) bool { return a.Addr == addr })
			if !used && !slices.Contains(empty, addr) {
				empty = append(empty, addr)
			}
		}
	}
	for _, a := range addrs {
		switch ip := a.Addr.Addr(); {
		case ip.IsLoopback() && ip.Is4() && !named:
			add(a.Addr.Port(), "127.255.255.254")
		case ip.IsLoopback() || ip.IsLinkLocalUnicast():
		case ip.Is4():
			add(a.Addr.Port(), "192.0.2.253", "203.0.113.253")
		default:
			add(a.Addr.Port(), "2001:db8:ffff::fd")
		}
	}
	return empty
}

// resolverServer is one resolver that may stand in for name servers that cannot be asked.
type resolverServer struct {
	name string
	ask  func(context.Context, question) (*dns.Msg, error)
}

// standIns are the resolvers that may stand in for name servers that cannot be asked, those over HTTPS first: they see what
// the world sees, while one on port 53 may be of this network alone, or the very thing that intercepts. None may with name
// servers that the user put in place of the DNS's, of which resolvers know nothing.
func (s *session) standIns() []resolverServer {
	if len(s.nameServers) > 0 {
		return nil
	}
	var all []resolverServer
	count, ports := len(s.resolvers)+len(s.urls), len(s.resolvers)
	for i := range count {
		name, ask := s.resolver((ports + i) % count) // the URLs come after the addresses there
		all = append(all, resolverServer{name, ask})
	}
	return all
}

// cutOffWords says what was found out.
func cutOffWords(state State) string {
	if state == Intercepted {
		return "something on this network answers port 53 in the place of the name servers, without their authority"
	}
	return "port 53 seems to be closed from here"
}

// CutOffError is the error of what has to see the name servers of a zone themselves, by what [Resolver.CutOff] found:
// [fault.CodeIntercepted] or [fault.CodeNoAnswer], Temporary.
func CutOffError(state State, zone string) error {
	return fault.Errorf(state.code(), fault.Temporary, "propagation: what the name servers of %s have cannot be seen: %s",
		zone, cutOffWords(state))
}

// code is the error code of being cut off.
func (s State) code() string {
	if s == Intercepted {
		return fault.CodeIntercepted
	}
	return fault.CodeNoAnswer
}

// wayOut is advice that was not taken yet.
func (s *session) wayOut() string {
	switch {
	case len(s.nameServers) > 0:
		return "; without --nameserver a resolver may stand in: --resolver https://…"
	case len(s.urls) == 0:
		return "; --resolver https://… asks a resolver over HTTPS"
	}
	return "; let UDP and TCP to port 53 of the name servers out"
}

// aliasUnasked returns the target of the CNAME at name, of which silent says that no name server tells it, or "" if the record
// is to stand at name itself. A resolver that is asked for a CNAME that is not there remembers that the name does not exist, and
// would deny the TXT record afterwards. So where we are cut off resolvers are asked only for names that no account of ours
// holds, at which there must be a CNAME; the first that is ours is taken as it is. If a CNAME stands there all the same, the
// wait sees it.
func (s *session) aliasUnasked(ctx context.Context, name string, silent *unansweredError,
	ours func(context.Context, string) (bool, error)) (string, error) {
	if len(silent.tooLarge) > 0 {
		return "", tooManyValues(name, silent.values, silent.tooLarge)
	}
	d, err := s.delegation(ctx, name, parent(name))
	if err != nil {
		return "", err
	}
	state := s.cutOff(ctx, cmp.Or(d.Zone, parent(name)), d.Addrs, silent.reached)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case state == "":
		return "", silent
	case len(s.standIns()) == 0:
		return "", s.cutOffError(state, name, silent)
	}
	s.log.Warn("no name server can be asked", "why", cutOffWords(state), "fqdn", name)
	if mine, err := ours(ctx, name); err != nil || mine {
		return "", err
	}
	var complaints []string
	for _, r := range s.standIns() {
		msg, err := r.ask(ctx, question{name: name, qtype: dns.TypeCNAME})
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case err != nil:
			complaints = append(complaints, r.name+": "+err.Error())
		case msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError:
			complaints = append(complaints, r.name+": "+rcode(msg.Rcode))
		default:
			return soleAlias(msg, name)
		}
	}
	return "", s.cutOffError(state, name, &unansweredError{text: listed(complaints, 4)})
}

func (s *session) cutOffError(state State, name string, silent *unansweredError) error {
	return fault.Errorf(state.code(), fault.Temporary, "propagation: CNAME at %s: %s (%w)%s", name, cutOffWords(state),
		silent,
		s.wayOut())
}
