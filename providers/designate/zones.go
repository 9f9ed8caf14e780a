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
	caller := ctx
	listing, ctx, cancel := httpclient.NewListing(ctx)
	defer cancel()
	for {
		var page struct {
			Zones httpclient.List[zones.Zone]
			Links struct{ Next string } // only whether there is one: a link is not followed
		}
		size := 0
		err := p.session.look(ctx, func(c *gophercloud.ServiceClient) error {
			page.Links.Next = ""
			query, err := options.ToZoneListQuery()
			if err != nil {
				return err
			}
			size, err = get(c, c.ServiceURL("zones")+query, &page.Zones, &page)
			return err
		})
		if err == nil {
			err = listing.Page(size, len(page.Zones.Items))
		}
		switch {
		case caller.Err() == nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		}
		for _, z := range page.Zones.Items {
			name, err := providers.ParseOwner(z.Name) // else it holds no names of ours
			if err == nil && idForm.MatchString(z.ID) && z.Action != "DELETE" && !strings.EqualFold(z.Type, "SECONDARY") {
				found = append(found, zone{z.ID, name})
			}
		}
		if page.Links.Next == "" || len(page.Zones.Items) == 0 {
			p.zones = found
			return found, nil
		}
		options.Marker = page.Zones.Items[len(page.Zones.Items)-1].ID
	}
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
