package conoha

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"wildcard/providers"
)

// MostValues is how many TXT records one name may have; 0 where that is not known.
func (p *Provider) MostValues() int { return p.account.generation.mostValues }

// mayBeFull reports whether a status may be how a service says that the name takes no further record. What is known of Ver.2.0 is 413
// (over_quota, §3.7), but not that there is nothing else; the 403 of a quota cannot be told from one about the token where the quota is
// not known.
func (p *Provider) mayBeFull(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusConflict:
		return false
	case http.StatusForbidden:
		return p.MostValues() > 0
	}
	return refusesContent(status)
}

// full says more of a refusal if there are TXT records at the name: that it is full, if they are as many as it may have, and where that
// is not known no more than how many they are.
func (p *Provider) full(ctx context.Context, c providers.Challenge, err error) error {
	fqdn := c.FQDN
	zone, _, listErr := p.zones.holding(ctx, fqdn, c.Zone)
	if listErr != nil {
		return err
	}
	id, listErr := zone.id()
	if listErr != nil {
		return err
	}
	records, listErr := p.client.list(ctx, recordsPath(id), "records")
	if listErr != nil {
		return err
	}
	all, ours := 0, 0
	for _, record := range records {
		if !strings.EqualFold(record.Type, "TXT") || providers.CanonicalName(record.Name) != fqdn {
			continue
		}
		all++
		if p.made(fqdn, strings.Trim(record.Data, `"`)) {
			ours++
		}
	}
	most := p.MostValues()
	if all < max(most, 2) { // it is another quota
		return err
	}
	whose := "none ours"
	if ours > 0 {
		whose = fmt.Sprintf("%d of them ours", ours)
	}
	if most == 0 {
		return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "%w: %d records at this name, %s", err, all,
			whose)
	}
	return providers.Errorf(providers.CodeTooManyValues, providers.Misconfigured,
		"%w: %d of %d records at this name, %s: delete the old ones", err, all, most, whose)
}

// made reports whether this process has tried to make a record of the value.
func (p *Provider) made(fqdn, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.values[fqdn+" "+text]
	return v != nil && v.tried
}
