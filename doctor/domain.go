package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"wildcard/internal/dns01"
	"wildcard/messages"
	"wildcard/providers"
	"wildcard/providers/propagation"
)

func domainKinds() []Kind {
	return []Kind{
		{
			Code: FoundName, Severity: Error, Class: providers.Misconfigured,
			What: command("%s"),
			Why:  text("The record that proves the name can be put nowhere."),
			Fix:  command("%s"),
		},
		{
			Code: FoundDelegation, Severity: Error, Class: providers.Misconfigured,
			What: command("%s"),
			Why:  text("What is written to this account is never seen by the CA."),
			Fix:  text("set the name servers at the registrar of %s, or use the service that publishes it (--provider)"),
		},
		{
			Code: FoundServerSilent, Severity: Warning,
			What: text("%s does not answer over UDP: %s"),
			Why:  text("The CA may happen to ask this one, and every run waits for it."),
			Fix:  command("dig +norecurse @%s %s SOA"),
		},
		{
			Code: FoundServerTCP, Severity: Warning,
			What: text("%s does not answer over TCP: %s"),
			Why:  text("Large answers come over TCP only (RFC 7766); a CA that needs one gets none."),
			Fix:  text("dig +tcp +norecurse @%s %s SOA, and let port 53 TCP through to it"),
		},
		{
			Code: FoundServerLame, Severity: Warning,
			What: text("%s is delegated %s and does not serve it: %s"),
			Why:  text("A CA that asks this one finds nothing, and the validation may fail."),
			Fix:  text("take it out of the delegation, or add the zone to it: dig +norecurse @%s %s SOA"),
		},
		{
			Code: FoundServerHost, Severity: Warning,
			What: text("the name server %s has no address"),
			Why:  text("It is asked in vain by everybody, and half the look-ups may be slow."),
			Fix:  text("dig %s A, then mend the delegation of %s"),
		},
		{
			Code: FoundBlocked, Severity: Warning,
			What: text("no name server of %s can be asked from here: port 53 is closed, UDP and TCP"),
			Why:  text("What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it."),
			Fix:  command("%s"),
		},
		{
			Code: FoundIntercepted, Severity: Warning,
			What: text("something answers on port 53 in the place of the name servers of %s"),
			Why:  text("What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it."),
			Fix:  command("%s"),
		},
	}
}

// place is where the record of a domain is to stand, for [visit.probes].
type place struct {
	dns01.Place
	domain   string
	resolver *propagation.Resolver
	checked  bool // the delegation was
}

// domain finds where the record of a domain is to stand and looks at the zone and the name servers there.
func (v *visit) domain(ctx context.Context, c Case, domain string) {
	router, err := v.Router(c.Settings)
	if err != nil {
		return // "settings" says so
	}
	resolver, err := v.Resolver(c.Settings)
	if err != nil {
		v.fail(FoundName, domain, err, next{providers.CodeOf(err)})
		return
	}
	at, err := dns01.Solver{Router: router, Resolver: resolver, CheckDelegation: c.CheckDelegation, Foresee: true}.Locate(ctx, domain)
	if err != nil && v.late(ctx, domain) {
		return
	}
	switch providers.CodeOf(err) {
	case "":
	case providers.CodeCredentials, providers.CodeUnavailable, providers.CodeService:
		return // "settings" says so, once for all names
	case providers.CodeDelegatedElsewhere:
		v.fail(FoundDelegation, domain, err, domain)
		return
	default:
		v.fail(FoundName, domain, err, next{providers.CodeOf(err)})
		return
	}
	if err != nil {
		v.fail(FoundName, domain, err, next{})
		return
	}
	v.found(place{at, domain, resolver, c.CheckDelegation})
	v.good(domain, "record %s in zone %s, by %s", at.FQDN, dash(at.Route.Zone), at.Route.Account.Label)
	d, err := resolver.Delegation(ctx, at.FQDN)
	switch {
	case err != nil && v.late(ctx, domain):
		return
	case err != nil:
		v.fail(FoundName, at.FQDN, err, next{providers.CodeOf(err)})
		return
	}
	if d.Zone == "" && at.Route.Zone != at.FQDN { // name servers that were named
		d.Zone = at.Route.Zone
	}
	var group sync.WaitGroup
	for _, look := range []func(){
		func() {
			if d.Zone != "" && v.first("name servers", d.Zone) {
				v.nameServers(ctx, resolver, d)
			}
		},
		func() {
			if d.Zone != "" && v.first("dnssec", d.Zone) {
				v.dnssec(ctx, resolver, d.Zone)
			}
		},
		func() {
			if v.first("records", at.FQDN) {
				v.records(ctx, resolver, c, at.FQDN)
			}
		},
	} {
		group.Go(func() {
			defer v.caught("the zone of " + domain)
			look()
		})
	}
	group.Wait()
}

func (v *visit) found(p place) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.places = append(v.places, p)
}

// nameServers asks every address of every name server of a zone for its SOA record, over UDP and over TCP. IPv6 addresses
// are passed over on a machine without IPv6, which is nobody's fault.
func (v *visit) nameServers(ctx context.Context, resolver *propagation.Resolver, d propagation.Delegation) {
	zone := d.Zone
	for _, host := range d.Unresolved {
		v.find(FoundServerHost, zone, []any{host}, host, zone)
	}
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
		group.Go(func() { answers[i] = v.nameServer(ctx, resolver, a, zone) })
	}
	group.Wait()
	count := map[answer]int{}
	for i, got := range answers {
		count[got]++
		// Servers that had to be named may be those of several zones, and refuse what is another's.
		if a := d.Addrs[i]; got.lame != "" && (len(d.NameServers) > 0 || !slices.Contains(answers, answer{})) {
			v.find(FoundServerLame, zone, []any{a.String(), zone, lameness(got.lame)}, digAt(a), zone)
		}
	}
	switch without := count[answer{noRoute: true}]; without {
	case 0:
		v.good(zone, "%d addresses of name servers asked over UDP and TCP", len(d.Addrs))
	default:
		v.good(zone, "%d addresses of name servers asked over UDP and TCP; %d of IPv6 not, which this machine does not have", len(d.Addrs)-without, without)
	}
}

// answer is what came of asking one address. The zero value is that of a server of the zone.
type answer struct {
	noRoute bool   // this machine has no way to send there
	silent  bool   //
	lame    string // code of the answer of one that is no server of the zone; "NOERROR" without authority
}

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
func (v *visit) nameServer(ctx context.Context, resolver *propagation.Resolver, a propagation.Address, zone string) (got answer) {
	soa := propagation.Query{Name: zone, Type: dns.TypeSOA}
	udp, err := resolver.Ask(ctx, "udp", a.Addr, soa)
	if err != nil && !propagation.NoRoute(err) && ctx.Err() == nil { // one packet may be lost
		udp, err = resolver.Ask(ctx, "udp", a.Addr, soa)
	}
	switch {
	case propagation.NoRoute(err) && a.Addr.Addr().Is6():
		return answer{noRoute: true}
	case ctx.Err() != nil:
		return answer{silent: true} // the time is up, or somebody does not want to wait
	case err != nil:
		got.silent = true
		v.find(FoundServerSilent, zone, []any{a.String(), messages.OneLine(err.Error())}, digAt(a), zone)
	case udp.Rcode != dns.RcodeSuccess || !udp.Authoritative:
		got.lame = dns.RcodeToString[udp.Rcode]
	}
	if _, err := resolver.Ask(ctx, "tcp", a.Addr, soa); err != nil && ctx.Err() == nil {
		v.find(FoundServerTCP, zone, []any{a.String(), messages.OneLine(err.Error())}, digAt(a), zone)
	}
	return got
}

// lameness says why an answer is none of a server of the zone.
func lameness(rcode string) any {
	if rcode == dns.RcodeToString[dns.RcodeSuccess] {
		return because("its answers are not authoritative")
	}
	return rcode
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
