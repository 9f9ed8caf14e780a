package conoha

import (
	"context"
	"slices"
	"strings"

	"wildcard/providers"
)

// CheckDelegation returns nil, without a request, if one of nameServers is among the well-known hosts of the account's
// generation. Otherwise the zone's own NS records decide. One trap stays open: zones of ConoHa WING, which no API reaches,
// use the hosts of Ver.2.0 too (§1).
func (p *Provider) CheckDelegation(ctx context.Context, zone string, delegated []string) error {
	zone = providers.CanonicalName(zone)
	among := func(hosts []string) bool {
		return slices.ContainsFunc(delegated, func(host string) bool {
			return slices.Contains(hosts, providers.CanonicalName(host))
		})
	}
	if among(p.account.generation.nameServers) {
		return nil
	}
	own, err := p.apex(ctx, zone)
	if err != nil {
		return failed(err, "look up the name servers of zone %s", zone)
	}
	if among(own) {
		return nil
	}
	return providers.Errorf(providers.CodeDelegatedElsewhere, providers.Misconfigured,
		"conoha: zone %s: delegated to %s, but this account publishes it on %s", zone, hostList(delegated), hostList(own))
}

// NameServers returns the hosts of the zone's own NS records.
func (p *Provider) NameServers(ctx context.Context, zone string) ([]string, error) {
	own, err := p.apex(ctx, providers.CanonicalName(zone))
	return own, failed(err, "look up the name servers of zone %s", zone)
}

// apex returns the name servers that a zone's own records name.
func (p *Provider) apex(ctx context.Context, zone string) ([]string, error) {
	held, _, err := p.zones.holding(ctx, zone, zone)
	if err != nil {
		return nil, err
	}
	id, err := held.id()
	if err != nil {
		return nil, err
	}
	return p.client.apex(ctx, id, zone, p.account.generation.nameServers)
}

// apex returns the name servers that a zone's own records name, or the usual ones if there are none.
func (c *client) apex(ctx context.Context, zoneID, zone string, usual []string) ([]string, error) {
	records, err := c.list(ctx, recordsPath(zoneID), "records")
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, record := range records {
		if strings.EqualFold(record.Type, "NS") && providers.CanonicalName(record.Name) == zone {
			hosts = append(hosts, providers.CanonicalName(record.Data))
		}
	}
	if len(hosts) == 0 {
		hosts = usual
	}
	return hosts, nil
}

// hostList prints host names from outside.
func hostList(hosts []string) string {
	var shown []string
	for _, host := range hosts {
		host = strings.TrimSuffix(providers.CanonicalName(host), ".")
		if !zoneForm.MatchString(host + ".") {
			host = providers.Excerpt(host)
		}
		shown = append(shown, host)
	}
	slices.Sort(shown)
	if shown = slices.Compact(shown); len(shown) == 0 {
		return "none"
	}
	return strings.Join(shown, " ")
}
