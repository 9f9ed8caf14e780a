package propagation

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// originRounds is how often a server that is awaited and is also the one written to is asked by turns with it: behind one
// address there may be several machines, and they must not be taken for views.
const originRounds = 4

// Origin tells what the server holds to which a record was written; see [providers.Origin].
type Origin func(ctx context.Context) (providers.OriginView, error)

// OriginOf is the [Origin] of records at a service that publishes a zone on the given hosts: one of them that has the zone is asked.
func (r *Resolver) OriginOf(hosts func(context.Context) ([]string, error), zone, fqdn string) Origin {
	return func(ctx context.Context) (providers.OriginView, error) {
		public := *r
		public.NameServers = nil
		s, err := public.open()
		if err != nil {
			return providers.OriginView{}, err
		}
		defer s.close()
		zone, fqdn := providers.CanonicalName(zone), providers.CanonicalName(fqdn)
		s.shun(fqdn)
		names, err := hosts(ctx)
		if err != nil {
			return providers.OriginView{}, err
		}
		lookups, cancel := context.WithTimeout(ctx, s.settings.lookupLimit())
		defer cancel()
		d, err := s.resolve(lookups, zone, canonicalHosts(names), referralGlue{})
		if err != nil {
			return providers.OriginView{}, err
		}
		for _, a := range d.Addrs {
			msg, err := s.settings.direct().ask(ctx, a.Addr, question{name: fqdn, qtype: dns.TypeTXT})
			if err != nil || !msg.Authoritative {
				continue
			}
			soa := s.apex(ctx, a.Addr, zone)
			return providers.OriginView{Server: a.Addr.String(), Texts: texts(msg, fqdn), Zone: zone, NameServers: d.NameServers,
				Primary: soa.primary, Mail: soa.mail, Serial: soa.serial, Signed: soa.signed}, nil
		}
		return providers.OriginView{}, fault.Errorf(fault.CodeNoAnswer, fault.Temporary,
			"propagation: none of %s can be asked for zone %s", listed(names, 6), zone)
	}
}

// apex is what a server has as the zone's SOA record.
type apex struct {
	answered      bool // the server answers as one of the zone
	silent        bool
	primary, mail string
	serial        uint32
	signed        bool
}

// apex asks one address for a zone's SOA record.
func (s *session) apex(ctx context.Context, addr netip.AddrPort, zone string) (a apex) {
	msg, err := s.settings.direct().ask(ctx, addr, question{name: zone, qtype: dns.TypeSOA, signatures: true})
	if err != nil {
		return apex{silent: true}
	}
	for _, soa := range owned[*dns.SOA](msg.Answer, zone) {
		a = apex{answered: true, primary: providers.CanonicalName(soa.Ns), mail: providers.CanonicalName(soa.Mbox),
			serial: soa.Serial}
	}
	a.signed = len(owned[*dns.RRSIG](msg.Answer, zone)) > 0
	return a
}

// relation is what an awaited server is to the zone that was written to.
type relation struct {
	Address
	apex   apex
	listed bool // in the NS records of the server written to
	same   bool // the SOA record and the NS records are the same, but for the serial
	other  bool
	why    string
}

// ahead reports whether the server has a later zone than the one written to (RFC 1982), and no signer on the way explains it.
func (r *relation) ahead(view providers.OriginView) bool {
	return r.apex.answered && int32(r.apex.serial-view.Serial) > 0 && !(r.apex.signed && !view.Signed)
}

// judge compares with what the server written to has.
func (r *relation) judge(view providers.OriginView) {
	r.other, r.why = false, ""
	switch ahead := r.ahead(view); {
	case r.apex.silent:
	case !r.apex.answered:
		r.other, r.why = !r.listed, "does not serve "+view.Zone
	case r.same && !ahead, r.listed && !ahead:
	default:
		r.other = true
		r.why = fmt.Sprintf("has another %s (SOA %s, serial %d)", view.Zone, r.apex.primary, r.apex.serial)
	}
}

// relate finds out which of the awaited servers will never have what was written, as far as their zones tell:
//
//   - One that is listed in the zone's own NS records, or has these and the SOA record but for the serial, is one of its servers,
//     and waits for a transfer; unless its serial is ahead of the server's that was written to, which no copy's is. (A signer
//     on the way counts by itself; that is told by its signatures.)
//   - One that does not serve the zone, or is not listed and has another SOA record or other NS records, is none: split horizon, a
//     stale delegation, another company's old copy.
//
// It is nil if that cannot be told.
func (s *session) relate(ctx context.Context, view providers.OriginView, origin Origin, servers []Address) []relation {
	all := make([]relation, len(servers))
	var group sync.WaitGroup
	for i, server := range servers {
		group.Go(func() {
			a := s.apex(ctx, server.Addr, view.Zone)
			listed := slices.ContainsFunc(view.NameServers,
				func(host string) bool { return providers.CanonicalName(host) == server.Host })
			same := a.primary == view.Primary && a.mail == view.Mail && (listed || s.hasServers(ctx, server.Addr, view))
			all[i] = relation{Address: server, apex: a, listed: listed, same: same}
		})
	}
	group.Wait()
	for i := range all {
		all[i].judge(view)
	}
	if !slices.ContainsFunc(all, func(r relation) bool { return r.ahead(view) }) {
		return all
	}
	// The zone may have been written to since the view was read; no copy is ahead of what the server has after the copy was read.
	later, err := origin(ctx)
	if err != nil || int32(later.Serial-view.Serial) < 0 {
		return nil
	}
	view.Serial = later.Serial
	for i := range all {
		all[i].judge(view)
	}
	return all
}

// hasServers reports whether a server has the NS records that the server written to has, or does not tell.
func (s *session) hasServers(ctx context.Context, addr netip.AddrPort, view providers.OriginView) bool {
	msg, err := s.settings.direct().ask(ctx, addr, question{name: view.Zone, qtype: dns.TypeNS})
	if err != nil {
		return true
	}
	var hosts []string
	for _, ns := range owned[*dns.NS](msg.Answer, view.Zone) {
		hosts = append(hosts, ns.Ns)
	}
	return len(hosts) == 0 || slices.Equal(canonicalHosts(hosts), canonicalHosts(view.NameServers))
}

// Foresee tells, before anything is written, whether the servers that would be awaited are others than those of the zone that would
// be written to, which then never would have the record: an error of [fault.CodeOtherServers] (Misconfigured). Of a zone of the
// challenge alone it tells nothing: its servers are found only when they are asked for the record.
func (r *Resolver) Foresee(ctx context.Context, d Delegation, origin Origin) error {
	s, err := r.open()
	if err != nil {
		return err
	}
	defer s.close()
	view, err := origin(ctx)
	if err != nil || view.Primary == "" || providers.OfChallenges(providers.CanonicalName(view.Zone)) {
		return err
	}
	all := s.relate(ctx, view, origin, d.Addrs)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(all) == 0 || slices.ContainsFunc(all, func(r relation) bool { return !r.other }) {
		return nil
	}
	return s.otherServers(view, d, all, fmt.Sprintf("zone %s would be written at %s", view.Zone, view.Server))
}

// compare tells whether the awaited servers of z will never have what was written: the server written to has it, and none of
// them is one of that zone's. It is nil as long as that is not certain.
func (w watcher) compare(ctx context.Context, z *zone, c *check, origin Origin) error {
	brief, cancel := context.WithTimeout(ctx, 3*w.session.settings.timeout())
	defer cancel()
	view, err := origin(brief)
	if err != nil || !holdsAll(view.Texts, c.values) || view.Primary == "" {
		w.session.log.Debug("compared with the server that is written to", "fqdn", c.fqdn, "has", len(view.Texts), "error",
			err)
		return nil
	}
	var servers []Address
	for _, server := range z.servers {
		servers = append(servers, server.Address)
	}
	all := w.session.relate(brief, view, origin, servers)
	for i, r := range all {
		if !r.other && r.Addr.String() == view.Server && w.isView(brief, c, origin, r.Addr) {
			all[i].other, all[i].why = true, "shows us another view of "+view.Zone
		}
	}
	if brief.Err() != nil || len(all) == 0 || slices.ContainsFunc(all, func(r relation) bool { return !r.other }) {
		return nil
	}
	return w.session.otherServers(view, z.delegation, all,
		fmt.Sprintf("TXT %s: %s, to which it was written, has it", c.fqdn, view.Server))
}

func holdsAll(texts []string, values []value) bool {
	for i := range values { // their states change meanwhile
		if !slices.Contains(texts, values[i].text) {
			return false
		}
	}
	return true
}

// isView asks the server that was written to by turns as those do who have the credential, and as everybody does.
func (w watcher) isView(ctx context.Context, c *check, origin Origin, addr netip.AddrPort) bool {
	for range originRounds {
		view, err := origin(ctx)
		if err != nil || !holdsAll(view.Texts, c.values) {
			return false
		}
		msg, err := w.session.settings.direct().ask(ctx, addr, question{name: c.fqdn, qtype: dns.TypeTXT})
		if err != nil || !msg.Authoritative || holdsAll(texts(msg, c.fqdn), c.values) {
			return false
		}
	}
	return true
}

// otherServers names both sets of servers, and what helps that was not done yet.
func (s *session) otherServers(view providers.OriginView, d Delegation, all []relation, what string) error {
	var awaited []string
	sameAddress := false
	for _, r := range all {
		awaited = append(awaited, r.String()+" "+r.why)
		sameAddress = sameAddress || r.Addr.String() == view.Server
	}
	advice := fmt.Sprintf("--nameserver %s asks the server that is written to; --resolver names another resolver than %s, one that sees the zone as the CA does",
		strings.TrimSuffix(view.Server, ":53"), listed(s.resolverNames(), 3))
	switch {
	case len(s.nameServers) > 0 && sameAddress:
		advice = "another address may show the view that the CA sees: name it with --nameserver"
	case len(s.nameServers) > 0:
		advice = fmt.Sprintf("--nameserver names others: leave it out, or name %s", strings.TrimSuffix(view.Server, ":53"))
	case len(d.Delegated) > 0 && !sameAddress: // a resolver that begins at the root comes to these: no resolver leads anywhere else
		advice = fmt.Sprintf("the parent delegates %s to %s: write there (rfc2136: RFC2136_NAMESERVER), or change the delegation; "+
			"--nameserver %s helps only with a CA of your own network that asks it", d.Zone, listed(d.Delegated, 6),
			strings.TrimSuffix(view.Server, ":53"))
	case sameAddress:
		advice = "an address that shows the view that the CA sees can be named with --nameserver, a resolver that leads to one with --resolver"
	}
	return fault.Errorf(fault.CodeOtherServers, fault.Misconfigured,
		"propagation: %s, and its name servers are %s; those that are awaited are others and never will have it: %s; %s",
		what, listed(view.NameServers, 6), listed(awaited, 4), advice)
}

func (s *session) resolverNames() []string {
	names := slices.Clone(s.urls)
	for _, addr := range s.resolvers {
		names = append(names, addr.String())
	}
	return names
}

// compareUntil compares every zone without a server that has everything, at first after the first pause, then after ever longer
// ones.
func (w watcher) compareUntil(ctx context.Context, origins map[string]Origin, pause time.Duration) error {
	for {
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil
		}
		for _, z := range w.publication.zones {
			for _, c := range z.servers[0].checks {
				if origins[c.fqdn] == nil || w.publication.hasBegun(z) {
					continue
				}
				if err := w.compare(ctx, z, c, origins[c.fqdn]); err != nil && ctx.Err() == nil && !w.publication.hasBegun(z) {
					return err
				}
				break // one name tells of the zone's servers
			}
		}
	}
}

// hasBegun reports whether some server of z has gained a value: then it is one of the zone that is written to.
func (b *publication) hasBegun(z *zone) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !z.lastGain.IsZero() || b.cutOff != ""
}
