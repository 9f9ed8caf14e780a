package rfc2136

import (
	"context"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// Origin asks the primary, signed, so that it answers from the view that updates go to, what it holds at a name, and for the SOA
// and NS records of the zone.
func (p *Provider) Origin(ctx context.Context, fqdn string) (providers.OriginView, error) {
	fqdn, err := providers.ParseOwner(fqdn)
	if err != nil {
		return providers.OriginView{}, failed(err, "look")
	}
	view, err := p.origin(ctx, fqdn)
	return view, failed(err, "look at %s", fqdn)
}

func (p *Provider) origin(ctx context.Context, fqdn string) (providers.OriginView, error) {
	view := providers.OriginView{Server: p.server.address} // until the look has told which address a host name stands for
	set, err := p.server.look(ctx, fqdn)
	if err != nil {
		return view, err
	}
	view.Texts, view.Server = set.values, set.from
	if view.Zone, err = p.zoneOf(ctx, fqdn, "")(set); err != nil {
		return view, err
	}
	soa, err := p.server.query(ctx, view.Zone, dns.TypeSOA)
	if err != nil {
		return view, err
	}
	for _, rr := range soa.Answer {
		if record, ok := rr.(*dns.SOA); ok && owns(rr, view.Zone) {
			view.Primary, view.Mail, view.Serial = providers.CanonicalName(record.Ns), providers.CanonicalName(record.Mbox),
				record.Serial
		}
	}
	keys, err := p.server.query(ctx, view.Zone, dns.TypeDNSKEY)
	if err != nil {
		return view, err
	}
	view.Signed = len(keys.Answer) > 0
	hosts, err := p.server.query(ctx, view.Zone, dns.TypeNS)
	if err != nil {
		return view, err
	}
	for _, rr := range hosts.Answer {
		if record, ok := rr.(*dns.NS); ok && owns(rr, view.Zone) {
			view.NameServers = append(view.NameServers, providers.CanonicalName(record.Ns))
		}
	}
	return view, nil
}
