package designate

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack/dns/v2/recordsets"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// rounds is how often a set is read and changed until it stays as we left it.
const rounds = 8

// look reads the TXT record set at a name; its ID is "" if there is none.
func (p *Provider) look(ctx context.Context, z zone, fqdn string) (recordsets.RecordSet, error) {
	var reply struct {
		Sets httpclient.List[recordsets.RecordSet] `json:"recordsets"`
	}
	err := p.session.look(ctx, func(c *gophercloud.ServiceClient) error {
		query, err := recordsets.ListOpts{Name: fqdn, Type: "TXT"}.ToRecordSetListQuery()
		if err != nil {
			return err
		}
		_, err = get(c, c.ServiceURL("zones", z.id, "recordsets")+query, &reply.Sets, &reply)
		return err
	})
	if err != nil {
		return recordsets.RecordSet{}, err
	}
	for _, set := range reply.Sets.Items { // a filter that is not heeded must not lead to another name
		if set.Type != "TXT" || providers.CanonicalName(set.Name) != fqdn || set.Action == "DELETE" {
			continue
		}
		if !idForm.MatchString(set.ID) { // it becomes part of a path
			return recordsets.RecordSet{},
				providers.Errorf(providers.CodeService, providers.Failed,
					"the service gave the record set the id %s, which is none", providers.Excerpt(set.ID))
		}
		return set, nil
	}
	return recordsets.RecordSet{}, nil
}

// change brings a set to where a record is in it, or not in it, as want says: it reads, writes if that is needed, and reads
// again, until there is nothing to write. It returns when the service has it so, and whether it ever had it otherwise.
func (p *Provider) change(ctx context.Context, z zone, fqdn, record string, want bool) (changed bool, err error) {
	for round := 1; ; round++ {
		set, err := p.look(ctx, z, fqdn)
		if err != nil {
			return changed, err
		}
		if holds(set, record) == want {
			return changed, nil
		}
		if round == rounds {
			return changed, providers.Errorf(providers.CodeUnavailable, providers.Temporary,
				"the records there change under our hands")
		}
		changed = true
		err = p.write(ctx, z, fqdn, record, set, want)
		switch {
		case err == nil:
			continue
		case mayPass(err) && ctx.Err() == nil && p.session.http.Wait(ctx, round, err):
		default:
			return changed, err
		}
	}
}

// mayPass reports whether a change that failed is worth another look: another program was quicker, or it is not known whether it
// was carried out.
func mayPass(err error) bool {
	switch httpclient.StatusOf(err) {
	case http.StatusConflict, http.StatusNotFound:
		return true
	}
	return providers.CodeOf(err) == providers.CodeUnavailable
}

// write makes one change. A set is made with its first record and deleted with its last.
func (p *Provider) write(ctx context.Context, z zone, fqdn, record string, set recordsets.RecordSet, want bool) error {
	rest := others(set, record)
	switch {
	case want && set.ID == "":
		return p.create(ctx, z, fqdn, p.session.account.ttl, record)
	case !want && len(rest) == 0:
		return p.remove(ctx, z, fqdn, record, set)
	case want:
		rest = append(rest, record)
	}
	return p.session.change(ctx, func(c *gophercloud.ServiceClient) error {
		return recordsets.Update(c, z.id, set.ID, recordsets.UpdateOpts{Records: rest}).Err
	})
}

func (p *Provider) create(ctx context.Context, z zone, fqdn string, ttl int, records ...string) error {
	return p.session.change(ctx, func(c *gophercloud.ServiceClient) error {
		return recordsets.Create(c, z.id, recordsets.CreateOpts{Name: fqdn, Type: "TXT", TTL: ttl, Records: records}).Err
	})
}

// putBack is what putting back another program's records may take.
const putBack = 20 * time.Second

// remove deletes a set. The reply has the set as it was then; what another program has put into it since we looked is put back.
func (p *Provider) remove(ctx context.Context, z zone, fqdn, record string, set recordsets.RecordSet) error {
	var was recordsets.RecordSet
	err := p.session.change(ctx, func(c *gophercloud.ServiceClient) error {
		options := &gophercloud.RequestOpts{OkCodes: []int{http.StatusAccepted}, JSONResponse: &was}
		_, err := c.Delete(c.ServiceURL("zones", z.id, "recordsets", set.ID), options) //nolint:bodyclose // gophercloud closes it
		return err
	})
	lost := others(was, record)
	if err != nil || len(lost) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBack) // even if our caller gives up, it is not ours to lose
	defer cancel()
	if err = p.create(ctx, z, fqdn, was.TTL, lost...); err == nil || !mayPass(err) {
		return err
	}
	for _, each := range lost { // the set is there again, or may be
		if _, err := p.change(ctx, z, fqdn, each, true); err != nil {
			return err
		}
	}
	return nil
}

// others are the records of a set but for one.
func others(set recordsets.RecordSet, record string) []string {
	return slices.DeleteFunc(slices.Clone(set.Records), func(each string) bool { return same(each, record) })
}

func holds(set recordsets.RecordSet, record string) bool {
	return len(others(set, record)) < len(set.Records)
}

// same reports whether two records in presentation format are one; quotes may be left out around a single word.
func same(a, b string) bool { return a == b || a == quoted(b) || quoted(a) == b }

func quoted(value string) string { return `"` + value + `"` }

// LongestWait is DESIGNATE_PROPAGATION_TIMEOUT: how long to wait for publication. 0 means that it is not set.
func (p *Provider) LongestWait() time.Duration { return p.session.account.longestWait }
