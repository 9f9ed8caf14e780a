package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// nameServers asks every address of every name server of a zone for its SOA record, over UDP and over TCP, and one that does not
// answer that for the challenge at fqdn, as the CA does. IPv6 addresses are passed over on a machine without IPv6, which is
// no fault of a server's.
func (v *visit) nameServers(ctx context.Context, resolver *propagation.Resolver, d propagation.Delegation,
	fqdn string) {
	zone := d.Zone
	v.delegated(d)
	switch state, _ := resolver.CutOff(ctx, d, zone); state {
	case propagation.Blocked:
		v.find(FoundBlocked, zone, []any{zone}, wayOut(resolver))
		return
	case propagation.Intercepted:
		v.find(FoundIntercepted, zone, []any{zone}, wayOut(resolver))
		return
	default:
	}
	var group sync.WaitGroup
	answers := make([]answer, len(d.Addrs))
	for i, a := range d.Addrs {
		group.Go(func() { answers[i] = v.nameServer(ctx, resolver, a, zone, fqdn) })
	}
	group.Wait()
	without := 0
	for i, got := range answers {
		if got.noRoute {
			without++
		}
		// Servers that had to be named may be those of several zones, and refuse what is another's.
		if a := d.Addrs[i]; got.lame != "" && (len(d.NameServers) > 0 || !slices.ContainsFunc(answers, answer.serves)) {
			v.find(FoundServerLame, zone, []any{a.String(), zone, lameness(got.lame)}, digAt(a), zone)
		}
	}
	v.copies(ctx, resolver, d, answers)
	switch without {
	case 0:
		v.good(zone, "%d addresses of name servers asked over UDP and TCP", len(d.Addrs))
	default:
		v.good(zone, "%d addresses of name servers asked over UDP and TCP; %d of IPv6 not, which this machine does not have", len(d.Addrs)-without, without)
	}
}

// delegated looks at who names which name servers.
func (v *visit) delegated(d propagation.Delegation) {
	names := func(hosts []string) string { return strings.Join(hosts, " ") }
	for _, host := range d.Unresolved {
		v.find(FoundServerHost, d.Zone, []any{host}, host, d.Zone)
	}
	for _, list := range d.Differing() {
		v.find(FoundServerSets, d.Zone, []any{d.Zone, names(d.Delegated), list.Server.String(), names(list.NameServers)},
			d.Zone)
	}
	if d.ResolversBehind() {
		v.find(FoundResolverBehind, d.Zone, []any{names(d.Cached), d.Zone, names(d.Delegated)}, d.Zone)
	}
	if d.Private {
		v.find(FoundPrivate, d.Zone, []any{d.Zone}, d.Zone)
	}
}

// copies finds the name servers whose copy of the zone is an older one, by its serial (RFC 1982). Two services that hold the zone
// each for itself count each for itself, unless one of them is named by the parent alone or by the zone alone. What is older is
// asked once more: it may just have been told.
func (v *visit) copies(ctx context.Context, resolver *propagation.Resolver, d propagation.Delegation,
	answers []answer) {
	for i, old := range answers {
		for _, other := range answers {
			alike := old.soa != nil && other.soa != nil &&
				(strings.EqualFold(old.soa.Ns, other.soa.Ns) || d.By(d.Addrs[i].Host) != "")
			if !alike || !newer(other.soa.Serial, old.soa.Serial) {
				continue
			}
			a := d.Addrs[i]
			msg, err := resolver.Ask(ctx, "udp", a.Addr, propagation.Query{Name: d.Zone, Type: dns.TypeSOA})
			if again := soaOf(msg, d.Zone); err == nil && again != nil && newer(other.soa.Serial, again.Serial) {
				v.find(FoundServerBehind, d.Zone, []any{a.String(), d.Zone, fmt.Sprint(again.Serial),
					fmt.Sprint(other.soa.Serial)}, digAt(a), d.Zone)
			}
			break
		}
	}
}

func newer(a, b uint32) bool { return int32(a-b) > 0 }

// answer is what came of asking one address.
type answer struct {
	noRoute bool     // this machine has no way to send there
	silent  bool     //
	lame    string   // code of the answer of one that is no server of the zone; "NOERROR" without authority
	soa     *dns.SOA // nil if it did not tell
}

// serves reports whether the answer is that of a server of the zone.
func (a answer) serves() bool { return !a.noRoute && !a.silent && a.lame == "" }

// wayOut is what helps where no name server can be asked, and was not done yet.
func wayOut(r *propagation.Resolver) *messages.Message {
	switch overHTTPS := slices.ContainsFunc(r.Servers, func(s string) bool { return strings.HasPrefix(s, "https://") }); {
	case len(r.NameServers) > 0:
		return because("name no name servers (--nameserver), so that a resolver may stand in: --resolver https://…")
	case overHTTPS:
		return because("let UDP and TCP to port 53 of name servers through")
	}
	return because("let UDP and TCP to port 53 of name servers through, or name a resolver over HTTPS: --resolver https://…")
}

// digAt is how dig is told which address to ask.
func digAt(a propagation.Address) string {
	if a.Addr.Port() == 53 {
		return a.Addr.Addr().String()
	}
	return fmt.Sprintf("%s -p %d", a.Addr.Addr(), a.Addr.Port())
}

// nameServer asks one address.
func (v *visit) nameServer(ctx context.Context, resolver *propagation.Resolver, a propagation.Address, zone,
	fqdn string) (got answer) {
	q := propagation.Query{Name: zone, Type: dns.TypeSOA}
	udp, err := resolver.Ask(ctx, "udp", a.Addr, q)
	if err != nil && !propagation.NoRoute(err) && ctx.Err() == nil { // one packet may be lost
		udp, err = resolver.Ask(ctx, "udp", a.Addr, q)
	}
	switch {
	case propagation.NoRoute(err) && a.Addr.Addr().Is6():
		return answer{noRoute: true}
	case ctx.Err() != nil:
		return answer{silent: true} // the time is up, or the operator does not want to wait
	case err == nil && udp.Rcode == dns.RcodeSuccess && udp.Authoritative:
		got.soa = soaOf(udp, zone)
	case err == nil && !udp.RecursionAvailable && soaOf(udp, zone) != nil:
		got.soa = soaOf(udp, zone)
		v.find(FoundServerModest, zone, []any{a.String(), zone}, digAt(a), zone)
	case tellsTXT(ctx, resolver, a, zone, fqdn):
		why := "NOERROR"
		switch {
		case err != nil:
			why = messages.OneLine(err.Error())
		case udp.Rcode != dns.RcodeSuccess:
			why = dns.RcodeToString[udp.Rcode]
		}
		v.find(FoundServerOnlyTXT, zone, []any{a.String(), zone, why}, digAt(a), zone)
		q = propagation.Query{Name: fqdn, Type: dns.TypeTXT}
	case err != nil:
		got.silent = true
		v.find(FoundServerSilent, zone, []any{a.String(), messages.OneLine(err.Error())}, digAt(a), zone)
	default:
		got.lame = dns.RcodeToString[udp.Rcode]
	}
	if _, err := resolver.Ask(ctx, "tcp", a.Addr, q); err != nil && ctx.Err() == nil {
		v.find(FoundServerTCP, zone, []any{a.String(), messages.OneLine(err.Error())}, digAt(a), zone)
	}
	return got
}

// tellsTXT reports whether an address answers with authority if it is asked for the TXT records at fqdn.
func tellsTXT(ctx context.Context, resolver *propagation.Resolver, a propagation.Address, zone, fqdn string) bool {
	if !providers.InZone(fqdn, zone) {
		return false
	}
	msg, err := resolver.Ask(ctx, "udp", a.Addr, propagation.Query{Name: fqdn, Type: dns.TypeTXT})
	return err == nil && msg.Authoritative && (msg.Rcode == dns.RcodeSuccess || msg.Rcode == dns.RcodeNameError)
}

// soaOf returns the SOA record of zone in an answer, or nil.
func soaOf(msg *dns.Msg, zone string) *dns.SOA {
	if msg == nil {
		return nil
	}
	for _, rr := range msg.Answer {
		if soa, ok := rr.(*dns.SOA); ok && strings.EqualFold(soa.Hdr.Name, zone) {
			return soa
		}
	}
	return nil
}

// lameness says why an answer is none of a server of the zone.
func lameness(rcode string) any {
	if rcode == dns.RcodeToString[dns.RcodeSuccess] {
		return because("its answers are not authoritative")
	}
	return rcode
}
