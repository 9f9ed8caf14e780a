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

	"wildcard/providers"
)

// Delegation is a zone of the DNS and the name servers to which it is delegated.
type Delegation struct {
	// Zone is the zone's canonical name; "" if the name servers are those of [Resolver.NameServers], when nothing was
	// looked up and the account's own zone is to be taken.
	Zone string
	// NameServers are the canonical host names of the name servers, sorted; none with [Resolver.NameServers].
	NameServers []string
	// Addrs are all addresses of all name servers, each once, IPv4 first for every host.
	Addrs []Address
	// Unresolved are the host names for which no address was found.
	Unresolved []string
}

// Address is one address of a name server.
type Address struct {
	Host string // canonical host name, or the address once more if there is none
	Addr netip.AddrPort
}

// Delegation finds the zone that holds fqdn, and its name servers: NS look-ups from the parent of fqdn upwards, until one
// is answered with an NS set of just that name. NXDOMAIN, an empty answer and records of other owners mean "go up". A
// resolver is never asked for fqdn itself, nor for any name at or below an _acme-challenge label.
//
// So a zone cut at fqdn itself stays unseen here; [Resolver.FollowCNAME] and [Wait.Run] learn of it from the name servers,
// by their referral.
//
// Errors: [providers.CodeNoAnswer] (Temporary) if the resolvers give no usable answer within the limits, or if none of the
// name servers has an address; [providers.CodeDelegatedElsewhere] (Misconfigured) if there is no delegation below the root.
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
	return s.delegation(ctx, fqdn, parent(fqdn))
}

func checkName(fqdn string) (string, error) {
	name := providers.CanonicalName(fqdn)
	if !validName(name) || strings.Count(name, ".") < 2 {
		return "", providers.Errorf(providers.CodeBadChallenge, providers.Usage, "propagation: %s is not the name of a challenge record", providers.Excerpt(fqdn))
	}
	return name, nil
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// delegation walks upwards from start, at or above fqdn.
func (s *session) delegation(ctx context.Context, fqdn, start string) (Delegation, error) {
	if len(s.nameServers) > 0 {
		return Delegation{Addrs: slices.Clone(s.nameServers)}, nil
	}
	lookups, cancel := context.WithTimeout(ctx, s.lookupLimit())
	defer cancel()
	zone, hosts, err := s.cut(lookups, start)
	switch {
	case ctx.Err() != nil:
		return Delegation{}, context.Cause(ctx)
	case err != nil:
		return Delegation{}, s.noAnswer(fqdn, err)
	case zone == "":
		return Delegation{}, providers.Errorf(providers.CodeDelegatedElsewhere, providers.Misconfigured,
			"propagation: name servers of %s: the DNS delegates no zone above it; check the domain's registration, or ask another resolver (--resolver)", fqdn)
	}
	return s.resolve(ctx, lookups, zone, hosts, nil)
}

func (s *session) noAnswer(fqdn string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer within " + s.lookupLimit().String())
	}
	return providers.Errorf(providers.CodeNoAnswer, providers.Temporary, "propagation: name servers of %s: %w", fqdn, err)
}

// cut returns the first name from start upwards that has an NS set, and the set; "" if only the root is left.
func (s *session) cut(ctx context.Context, start string) (zone string, hosts []string, err error) {
	for name := start; name != "" && name != "."; name = parent(name) {
		if !s.mayAsk(name) {
			continue
		}
		msg, err := s.lookUp(ctx, question{name: name, qtype: dns.TypeNS})
		if err != nil {
			return s.fromParent(ctx, name, err)
		}
		for _, ns := range owned[*dns.NS](msg.Answer, name) {
			hosts = append(hosts, ns.Ns)
		}
		if hosts = canonicalHosts(hosts); len(hosts) > 0 {
			return name, hosts, nil
		}
	}
	return "", nil, nil
}

// fromParent finds the delegation of a name about which resolvers say neither yes nor no, as they do when none of the servers
// that it is delegated to serves it: its parent's servers still tell which these are. err is what the resolvers said.
func (s *session) fromParent(ctx context.Context, name string, err error) (zone string, hosts []string, _ error) {
	if !isRefused(err) {
		return "", nil, err
	}
	zone, hosts, parentErr := s.cut(ctx, parent(name))
	if parentErr != nil || zone == "" {
		return "", nil, err
	}
	above, parentErr := s.resolve(ctx, ctx, zone, hosts, nil)
	if parentErr != nil {
		return "", nil, err
	}
	msg, parentErr := s.inquire(ctx, above, question{name: name, qtype: dns.TypeNS})
	if silent, ok := errors.AsType[*unansweredError](parentErr); ok && silent.reached {
		return zone, hosts, nil // the parent's servers do not serve it either: the cut is up there
	}
	if parentErr != nil {
		return "", nil, err
	}
	if child, below := referral(msg, name, zone); child != "" {
		return child, below, nil
	}
	return "", nil, err
}

// resolve finds all addresses of all hosts, side by side. Glue, of a referral, serves for hosts that resolvers do not know.
// ctx is the caller's, lookups the same with the limit for look-ups.
func (s *session) resolve(ctx, lookups context.Context, zone string, hosts []string, glue []dns.RR) (Delegation, error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	found := make([][]netip.Addr, len(hosts)*len(types))
	errs := make([]error, len(found))
	var group sync.WaitGroup
	for i := range found {
		group.Go(func() {
			found[i], errs[i] = s.addresses(lookups, hosts[i/len(types)], types[i%len(types)])
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return Delegation{}, context.Cause(ctx)
	}
	d := Delegation{Zone: zone, NameServers: hosts}
	for i, host := range hosts {
		addrs := append(found[2*i], found[2*i+1]...)
		if len(addrs) == 0 && providers.InZone(host, zone) {
			addrs = addressesIn(glue, host)
		}
		d.add(host, addrs, uint16(s.Port))
	}
	if len(d.Addrs) == 0 {
		err := fmt.Errorf("none of %s has an address", listed(hosts, 6))
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			err = errs[i]
		}
		return Delegation{}, s.noAnswer(zone, err)
	}
	s.log.Debug("delegation", "zone", zone, "servers", hosts, "addresses", len(d.Addrs), "unresolved", d.Unresolved)
	return d, nil
}

// add appends a host's addresses, within bounds that no honest zone meets.
func (d *Delegation) add(host string, addrs []netip.Addr, port uint16) {
	const most = 64
	seen := 0
	for _, ip := range addrs {
		if ip = ip.Unmap(); !usable(ip) {
			continue
		}
		seen++
		addr := netip.AddrPortFrom(ip, port)
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
