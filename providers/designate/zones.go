package designate

import (
	"context"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack/dns/v2/zones"
	"github.com/gophercloud/gophercloud/pagination"

	"wildcard/providers"
)

// zone is one of the account's zones.
type zone struct{ id, name string }

// mostPages keeps a service that goes round in a circle from keeping us.
const mostPages = 1000

// list returns the account's zones, as they were listed before in this process unless fresh is set.
func (p *Provider) list(ctx context.Context, fresh bool) ([]zone, error) {
	select {
	case p.listing <- struct{}{}:
		defer func() { <-p.listing }()
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	if p.zones != nil && !fresh {
		return p.zones, nil
	}
	found := []zone{}
	options := zones.ListOpts{}
	for range mostPages {
		var page []zones.Zone
		var next string
		err := p.session.persist(ctx, "list zones", func(c *gophercloud.ServiceClient) error {
			page, next = nil, ""
			return zones.List(c, options).EachPage(func(each pagination.Page) (bool, error) {
				var err error
				if page, err = zones.ExtractZones(each); err != nil {
					return false, err
				}
				next, err = each.NextPageURL()
				return false, err // the link itself is not followed
			})
		})
		if err != nil {
			return nil, err
		}
		for _, z := range page {
			if z.Action != "DELETE" && !strings.EqualFold(z.Type, "SECONDARY") {
				found = append(found, zone{z.ID, providers.CanonicalName(z.Name)})
			}
		}
		if next == "" || len(page) == 0 {
			p.zones = found
			return found, nil
		}
		options.Marker = page[len(page)-1].ID
	}
	return nil, providers.Errorf(providers.CodeService, providers.Failed, "the list of zones does not end")
}

// zoneOf finds the zone that holds a name.
func (p *Provider) zoneOf(ctx context.Context, fqdn string) (zone, error) {
	for _, fresh := range []bool{false, true} {
		all, err := p.list(ctx, fresh)
		if err != nil {
			return zone{}, err
		}
		if name := providers.LongestZone(fqdn, names(all)); name != "" {
			return all[slices.IndexFunc(all, func(z zone) bool { return z.name == name })], nil
		}
	}
	return zone{}, providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "the account lists no zone that holds it")
}

func names(all []zone) []string {
	var list []string
	for _, z := range all {
		list = append(list, z.name)
	}
	return list
}
