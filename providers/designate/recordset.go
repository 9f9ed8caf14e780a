package designate

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack/dns/v2/recordsets"
	"github.com/gophercloud/gophercloud/pagination"

	"wildcard/providers"
)

// rounds is how often a set is read and changed until it stays as we left it.
const rounds = 8

// look reads the TXT record set at a name; its ID is "" if there is none.
func (p *Provider) look(ctx context.Context, z zone, fqdn string) (recordsets.RecordSet, error) {
	var found []recordsets.RecordSet
	err := p.session.persist(ctx, "look at "+fqdn, func(c *gophercloud.ServiceClient) error {
		found = nil
		return recordsets.ListByZone(c, z.id, recordsets.ListOpts{Name: fqdn, Type: "TXT"}).EachPage(func(page pagination.Page) (bool, error) {
			var err error
			found, err = recordsets.ExtractRecordSets(page)
			return false, err
		})
	})
	if err != nil {
		return recordsets.RecordSet{}, err
	}
	for _, set := range found { // a filter that is not heeded must not lead to another name
		if set.Type == "TXT" && providers.CanonicalName(set.Name) == fqdn && set.Action != "DELETE" {
			return set, nil
		}
	}
	return recordsets.RecordSet{}, nil
}

// change brings a set to where value is in it, or not in it, as want says: it reads, writes if that is needed, and reads
// again, until there is nothing to write. It returns when the service has it so.
func (p *Provider) change(ctx context.Context, z zone, fqdn, value string, want bool) error {
	pause := p.session.pause
	for round := 1; ; round++ {
		set, err := p.look(ctx, z, fqdn)
		if err != nil {
			return err
		}
		if holds(set, value) == want {
			return nil
		}
		if round == rounds {
			return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "the records there change under our hands")
		}
		err = p.write(ctx, z, fqdn, value, set, want)
		switch {
		case err == nil:
			continue
		case mayPass(err) && ctx.Err() == nil && sleep(ctx, pause):
			pause *= 2
		default:
			return err
		}
	}
}

// mayPass reports whether a change that failed is worth another look: somebody else was quicker, or nobody knows whether it
// was carried out.
func mayPass(err error) bool {
	switch statusOf(err) {
	case http.StatusConflict, http.StatusNotFound:
		return true
	}
	return providers.CodeOf(err) == providers.CodeUnavailable
}

// write makes one change. A set is made with its first value and deleted with its last.
func (p *Provider) write(ctx context.Context, z zone, fqdn, value string, set recordsets.RecordSet, want bool) error {
	rest := slices.DeleteFunc(slices.Clone(set.Records), func(record string) bool { return same(record, value) })
	switch {
	case want && set.ID == "":
		return p.session.call(ctx, "create "+fqdn, func(c *gophercloud.ServiceClient) error {
			return recordsets.Create(c, z.id, recordsets.CreateOpts{Name: fqdn, Type: "TXT", TTL: p.session.account.ttl, Records: []string{quoted(value)}}).Err
		})
	case !want && len(rest) == 0:
		return p.session.call(ctx, "delete "+fqdn, func(c *gophercloud.ServiceClient) error {
			return recordsets.Delete(c, z.id, set.ID).Err
		})
	case want:
		rest = append(rest, quoted(value))
	}
	return p.session.call(ctx, "update "+fqdn, func(c *gophercloud.ServiceClient) error {
		return recordsets.Update(c, z.id, set.ID, recordsets.UpdateOpts{Records: rest}).Err
	})
}

func holds(set recordsets.RecordSet, value string) bool {
	return slices.ContainsFunc(set.Records, func(record string) bool { return same(record, value) })
}

// same reports whether a record, in presentation format, is the one string value.
func same(record, value string) bool { return record == quoted(value) || record == value }

func quoted(value string) string { return `"` + value + `"` }

// PropagationTimeout is DESIGNATE_PROPAGATION_TIMEOUT: how long to wait for publication. 0 means that it is not set.
func (p *Provider) PropagationTimeout() time.Duration { return p.session.account.propagation }
