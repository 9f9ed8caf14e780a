package designate

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack/dns/v2/zones"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// zone is one of the account's zones.
type zone struct{ id, name string }

// mostPages keeps a service that goes round in a circle from keeping us.
const mostPages = 1000

// list returns the account's zones, as they were listed before in this process unless fresh is set.
func (p *Provider) list(ctx context.Context, fresh bool) ([]zone, error) {
	if err := p.listing.Lock(ctx); err != nil {
		return nil, httpclient.Unavailable(err)
	}
	defer p.listing.Unlock()
	if p.zones != nil && !fresh {
		return p.zones, nil
	}
	found := []zone{}
	options := zones.ListOpts{}
	for range mostPages {
		var page struct {
			Zones *[]zones.Zone
			Links struct{ Next string } // only whether there is one: a link is not followed
		}
		err := p.session.look(ctx, func(c *gophercloud.ServiceClient) error {
			page.Links.Next = ""
			query, err := options.ToZoneListQuery()
			if err != nil {
				return err
			}
			return get(c, c.ServiceURL("zones")+query, &page.Zones, &page)
		})
		if err != nil {
			return nil, err
		}
		for _, z := range *page.Zones {
			name, err := providers.ParseOwner(z.Name) // else it holds no names of ours
			if err == nil && idForm.MatchString(z.ID) && z.Action != "DELETE" && !strings.EqualFold(z.Type, "SECONDARY") {
				found = append(found, zone{z.ID, name})
			}
		}
		if page.Links.Next == "" || len(*page.Zones) == 0 {
			p.zones = found
			return found, nil
		}
		options.Marker = (*page.Zones)[len(*page.Zones)-1].ID
	}
	return nil, providers.Errorf(providers.CodeService, providers.Failed, "the list of zones does not end")
}

// inZone does work in the zone that holds a name: in the given one, or if that is "" in the longest. A list of zones from before
// that has no such zone, or one that is not there any more, is made anew; then the longest is taken.
func (p *Provider) inZone(ctx context.Context, fqdn, given string, work func(zone) error) error {
	for _, fresh := range []bool{false, true} {
		all, err := p.list(ctx, fresh)
		if err != nil {
			return err
		}
		name := providers.LongestZone(fqdn, names(all))
		if given != "" && !fresh {
			name = providers.CanonicalName(given)
		}
		i := slices.IndexFunc(all, func(z zone) bool { return z.name == name })
		if i < 0 {
			continue
		}
		err = work(all[i])
		if fresh || httpclient.StatusOf(err) != http.StatusNotFound {
			return err
		}
	}
	return providers.Errorf(providers.CodeNoZone, providers.Misconfigured, "the account lists no zone that holds it")
}

func names(all []zone) []string {
	var list []string
	for _, z := range all {
		list = append(list, z.name)
	}
	return list
}
