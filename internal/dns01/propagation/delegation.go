package propagation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Delegation is a zone of the DNS and the name servers that may be asked about it: by the CA's resolvers, which begin at the
// root, remember what they like, and go by what the parent's servers say as well as by what the zone says of itself.
type Delegation struct {
	// Zone is the zone's canonical name; "" if the name servers are those of [Resolver.NameServers], when nothing was
	// looked up and the account's own zone is to be taken.
	Zone string
	// NameServers are the canonical host names of the name servers, sorted: of all those below. None with
	// [Resolver.NameServers].
	NameServers []string
	// Delegated are those to which the parent's servers delegate; none if these could not be asked, or do not delegate the
	// zone, as with one that only our own network knows.
	Delegated []string
	// Listed are those that the zone's own servers name; none if these could not be asked. Lists has what each of them names,
	// which is not the same everywhere if one has an old copy.
	Listed []string
	Lists  []List
	// Cached are those that the resolvers named. If the parent's servers could be asked they are not among NameServers on
	// that account: a resolver remembers for days what is no longer so.
	Cached []string
	// Private says that the servers above say, with authority, that there is no such name: only our own network knows the zone.
	Private bool
	// Public is, with Private, the zone at which the public DNS ends; nil if there is none below the top-level domain.
	Public *Delegation
	// Addrs are all addresses of all name servers, each once, IPv4 first for every host. Those in the parent's referral
	// ("glue") count like those that are looked up.
	Addrs []Address
	// Unresolved are the host names for which no address was found.
	Unresolved []string
	// Withheld are addresses that are not asked ([Resolver.MayAsk]), such as private ones where the resolvers are public.
	Withheld []Address
}

// List is the name servers of a zone as one of its servers has them.
type List struct {
	Server      Address
	NameServers []string // sorted
}

// Address is one address of a name server.
type Address struct {
	Host string // canonical host name, or the address once more if there is none
	Addr netip.AddrPort
}

// ResolversBehind reports whether the resolvers still know name servers that the zone does not have any more: neither its parent
// nor, as far as it could be asked, the zone itself lists them.
func (d Delegation) ResolversBehind() bool {
	return len(d.Delegated) > 0 && len(d.Listed) > 0 &&
		slices.ContainsFunc(d.Cached, func(host string) bool { return !slices.Contains(d.NameServers, host) })
}

// For returns the delegation that matters for what is written to an account's zone: a zone that only our own network knows does
// not hide the public one above it, if that is the account's.
func (d Delegation) For(zone string) Delegation {
	if d.Private && d.Public != nil && d.Public.Zone == providers.CanonicalName(zone) {
		return *d.Public
	}
	return d
}

// Differing are the lists of the zone's own servers that are others than the set to which the parent's delegate, each set once.
func (d Delegation) Differing() []List {
	var lists []List
	for _, list := range d.Lists {
		known := slices.ContainsFunc(lists, func(l List) bool { return slices.Equal(l.NameServers, list.NameServers) })
		if len(d.Delegated) > 0 && !known && !slices.Equal(list.NameServers, d.Delegated) {
			lists = append(lists, list)
		}
	}
	return lists
}

// By says who names a host, if that is not both the parent and the zone itself, or not known.
func (d Delegation) By(host string) string {
	switch differing := d.Differing(); {
	case len(differing) == 0:
	case !slices.Contains(d.Delegated, host):
		return "which the zone " + d.Zone + " itself lists, and its parent does not"
	case slices.ContainsFunc(differing, func(l List) bool { return !slices.Contains(l.NameServers, host) }):
		return "which the parent of " + d.Zone + " lists, and the zone itself does not"
	}
	return ""
}

// Delegation finds the zone that holds fqdn, and its name servers. First the resolvers are asked for NS records, from the
// parent of fqdn upwards, until one is answered with an NS set of just that name: NXDOMAIN, an empty answer and records of
// other owners mean "go up". Then the servers of the top-level domain are asked, and those they refer to, with recursion
// off, until the zone is reached; what they say counts, and the resolvers' word only if they cannot be asked, or do not
// know the zone, as with one of our own network. Last the zone's own servers are asked which they are.
//
// A resolver is never asked for fqdn itself, nor for any name at or below an _acme-challenge label. So a zone cut at fqdn
// itself stays unseen here; [Resolver.FollowCNAME] and [Wait.Run] learn of it from the name servers, by their referral.
//
// Errors: [fault.CodeNoAnswer] (Temporary) if the resolvers give no usable answer within the limits, or if none of the
// name servers has an address; [fault.CodeUnknownZone] (Misconfigured) if the resolvers know no zone below the root.
func (r *Resolver) Delegation(ctx context.Context, fqdn string) (Delegation, error) {
	s, err := r.open()
	if err != nil {
		return Delegation{}, err
	}
	defer s.close()
	fqdn, err = checkName(fqdn)
	if err != nil {
		return Delegation{}, err
	}
	s.shun(fqdn)
	d, err := s.delegation(ctx, fqdn, parent(fqdn))
	if err != nil {
		return Delegation{}, err
	}
	d, err = s.complete(ctx, d)
	if err == nil && d.Public != nil {
		var public Delegation
		public, err = s.complete(ctx, *d.Public)
		d.Public = &public
	}
	return d, err
}

func checkName(fqdn string) (string, error) {
	name := providers.CanonicalName(fqdn)
	if !validName(name) || strings.Count(name, ".") < 2 {
		return "", fault.Errorf(fault.CodeBadChallenge, fault.Usage,
			"propagation: %s is not the name of a challenge record", fault.Excerpt(fqdn))
	}
	return name, nil
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// delegation finds the zone at or above start, which is at or above fqdn, and the servers it is delegated to; [session.complete]
// adds those that it lists itself.
func (s *session) delegation(ctx context.Context, fqdn, start string) (Delegation, error) {
	if len(s.nameServers) > 0 {
		return Delegation{Addrs: slices.Clone(s.nameServers)}, nil
	}
	d, err := s.found.delegation(ctx, start, func() (Delegation, error) { return s.find(ctx, start) })
	switch {
	case ctx.Err() != nil:
		return Delegation{}, context.Cause(ctx)
	case isUnknown(err):
		return Delegation{}, fault.Errorf(fault.CodeUnknownZone, fault.Misconfigured,
			"propagation: name servers of %s: no zone is known there: %w", fqdn, err)
	case err != nil:
		return Delegation{}, s.noAnswer(fqdn, err)
	}
	return d.clone(), nil
}

// find asks resolvers and then name servers from the top for the zone at or above start. The error is an *unknownZoneError if the
// resolvers know none below the root.
func (s *session) find(ctx context.Context, start string) (Delegation, error) {
	lookups, cancel := context.WithTimeout(ctx, s.settings.lookupLimit())
	defer cancel()
	zone, hosts, err := s.cut(lookups, start)
	switch {
	case ctx.Err() != nil, err != nil && !isRefused(err):
		return Delegation{}, err
	case err == nil && zone == "":
		return Delegation{}, &unknownZoneError{s.told(start)}
	}
	target := zone
	if err != nil {
		zone = ""
	}
	if parent(zone) == "" {
		target = start // the resolvers do not know, or know of the top-level domain alone
	}
	d, descentErr := s.found.delegation(ctx, "from the top to "+target,
		func() (Delegation, error) { return descent{s, target}.delegation(lookups) })
	switch {
	case descentErr == nil || len(d.Zone) > len(zone):
		if zone == d.Zone {
			d.Cached = hosts
		}
	case err == nil:
		s.log.Debug("the name servers are those that resolvers know: the servers above cannot be asked", "zone", zone,
			"error", descentErr)
		above := d
		known, cancel := context.WithTimeout(ctx, s.settings.lookupLimit()) // what the descent has used up is not to be missed here
		defer cancel()
		d, err = s.resolve(known, zone, hosts, referralGlue{})
		d.Cached, d.Private = hosts, errors.Is(descentErr, errNotThere)
		if d.Private && above.Zone != "" {
			d.Public = &above
		}
		return d, err
	default:
		return Delegation{}, err
	}
	return d, nil
}

// unknownZoneError says that the resolvers know no zone at or above a name. It may be that this is so, or that they know a network of
// their own alone: one resolver's word tells nothing of what the domain's registry has.
type unknownZoneError struct{ told string }

func (e *unknownZoneError) Error() string { return e.told }

func isUnknown(err error) bool {
	_, unknown := errors.AsType[*unknownZoneError](err)
	return unknown
}

// told is what the resolvers said of the name servers of start and of each name above it.
func (s *session) told(start string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for name := start; name != "" && name != "."; name = parent(name) {
		if said, ok := s.said[question{name: name, qtype: dns.TypeNS}]; ok {
			all = append(all, said)
		}
	}
	return listed(all, 6)
}

func (s *session) noAnswer(fqdn string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer within " + s.settings.lookupLimit().String())
	}
	return fault.Errorf(fault.CodeNoAnswer, fault.Temporary, "propagation: name servers of %s: %w", fqdn, err)
}

// cut returns the first name from start upwards that has an NS set, and the set; "" if only the root is left.
func (s *session) cut(ctx context.Context, start string) (zone string, hosts []string, err error) {
	for name := start; name != "" && name != "."; name = parent(name) {
		if !s.mayAsk(name) {
			continue
		}
		hosts, err := s.listedBy(ctx, name)
		if err != nil || len(hosts) > 0 {
			return name, hosts, err
		}
	}
	return "", nil, nil
}

// listedBy returns the name servers of name, as the resolvers know them; none if it is no zone.
func (s *session) listedBy(ctx context.Context, name string) ([]string, error) {
	msg, err := s.lookUp(ctx, question{name: name, qtype: dns.TypeNS})
	if err != nil {
		return nil, err
	}
	return hostsOf(msg, name), nil
}

// hostsOf returns the name servers of name in an answer.
func hostsOf(msg *dns.Msg, name string) []string {
	var hosts []string
	for _, ns := range owned[*dns.NS](msg.Answer, name) {
		hosts = append(hosts, ns.Ns)
	}
	return canonicalHosts(hosts)
}

// referralGlue is the addresses that came with a referral, and the zone whose servers gave them: these know nothing of
// hosts outside it.
type referralGlue struct {
	from    string
	records []dns.RR
}

func (g referralGlue) addresses(host string) []netip.Addr {
	if g.from == "" || !providers.InZone(host, g.from) {
		return nil
	}
	return addressesIn(g.records, host)
}

// resolve finds all addresses of all hosts, side by side. Those in the referral count, whether or not others are found
// (RFC 1034 §4.2.1); for hosts in the zone itself they are all there is, since what resolvers know of these may be of
// another time. Look-ups end with ctx.
func (s *session) resolve(ctx context.Context, zone string, hosts []string, glue referralGlue) (Delegation, error) {
	found, lookupErr := s.addressesOf(ctx, hosts, func(host string) bool {
		return providers.InZone(host, zone) && len(glue.addresses(host)) > 0
	})
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return Delegation{}, context.Cause(ctx)
	}
	d := Delegation{Zone: zone, NameServers: hosts}
	for i, host := range hosts {
		add(s, &d, host, append(glue.addresses(host), found[i]...))
	}
	if len(d.Addrs) == 0 {
		if len(d.Withheld) > 0 {
			return Delegation{}, fmt.Errorf("%s is at %s, which is not asked: an address of a private network, and the resolvers are public ones; "+
				"if it is yours, name it with --nameserver, or your own resolver with --resolver", zone, d.Withheld[0])
		}
		if lookupErr == nil {
			lookupErr = fmt.Errorf("none of %s has an address", listed(hosts, 6))
		}
		return Delegation{}, lookupErr
	}
	s.log.Debug("delegation", "zone", zone, "servers", hosts, "addresses", len(d.Addrs), "unresolved", d.Unresolved)
	return d, nil
}

// addressesOf looks up the addresses of hosts, but of those to be left out, and returns the first error as well.
func (s *session) addressesOf(ctx context.Context, hosts []string,
	leaveOut func(host string) bool) (found [][]netip.Addr, err error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	parts := make([][]netip.Addr, len(hosts)*len(types))
	errs := make([]error, len(parts))
	var group sync.WaitGroup
	for i := range parts {
		if host := hosts[i/len(types)]; !leaveOut(host) {
			group.Go(func() { parts[i], errs[i] = s.addresses(ctx, host, types[i%len(types)]) })
		}
	}
	group.Wait()
	for i := range hosts {
		found = append(found, append(parts[2*i], parts[2*i+1]...))
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		err = errs[i]
	}
	return found, err
}

func (d Delegation) clone() Delegation {
	d.Addrs, d.Unresolved = slices.Clone(d.Addrs), slices.Clone(d.Unresolved)
	d.NameServers, d.Withheld = slices.Clone(d.NameServers), slices.Clone(d.Withheld)
	return d
}

// add appends a host's addresses, within bounds that no honest zone meets, and without those that are not to be asked.
func add(s *session, d *Delegation, host string, addrs []netip.Addr) {
	const most = 64
	seen := 0
	for _, ip := range addrs {
		if ip = ip.Unmap(); !usable(ip) {
			continue
		}
		seen++
		addr := netip.AddrPortFrom(ip, uint16(s.settings.Port))
		if !s.mayAskAt(ip) {
			if a := (Address{Host: host, Addr: addr}); len(d.Withheld) < most && !slices.Contains(d.Withheld, a) {
				d.Withheld = append(d.Withheld, a)
			}
			continue
		}
		known := slices.ContainsFunc(d.Addrs, func(a Address) bool { return a.Addr == addr })
		if !known && len(d.Addrs) < most {
			d.Addrs = append(d.Addrs, Address{Host: host, Addr: addr})
		}
	}
	if seen == 0 {
		d.Unresolved = append(d.Unresolved, host)
	}
}

// addresses looks up one type of address of host. The resolver's answer may begin with CNAMEs, which name servers should
// not have (RFC 2181 §10.3) and now and then do.
func (s *session) addresses(ctx context.Context, host string, qtype uint16) ([]netip.Addr, error) {
	msg, err := s.lookUp(ctx, question{name: host, qtype: qtype})
	if err != nil {
		return nil, err
	}
	for range maxHops {
		alias := owned[*dns.CNAME](msg.Answer, host)
		if len(alias) != 1 {
			break
		}
		host = providers.CanonicalName(alias[0].Target)
	}
	return addressesIn(msg.Answer, host), nil
}

func addressesIn(section []dns.RR, host string) []netip.Addr {
	var addrs []netip.Addr
	for _, a := range owned[*dns.A](section, host) {
		if ip, ok := netip.AddrFromSlice(a.A); ok {
			addrs = append(addrs, ip)
		}
	}
	for _, aaaa := range owned[*dns.AAAA](section, host) {
		if ip, ok := netip.AddrFromSlice(aaaa.AAAA); ok {
			addrs = append(addrs, ip)
		}
	}
	return addrs
}
