package conoha

import (
	"context"
	"fmt"
	"strings"

	"wildcard/providers"
)

// mostValues is how many records one name may have in Ver.2.0 (its quota recordset_records, §3.7 and A17); what Ver.3.0 allows is not
// known.
const mostValues = 20

// MostValues is how many TXT records one name may have; 0 where that is not known.
func (p *Provider) MostValues() int {
	if p.account.version == 2 {
		return mostValues
	}
	return 0
}

// full says more of a refusal if there are TXT records of others at the name.
func (p *Provider) full(ctx context.Context, fqdn string, err error) error {
	zone, _, listErr := p.zones.holding(ctx, fqdn)
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
	count := fmt.Sprint(all)
	if most > 0 {
		count = fmt.Sprintf("%d of %d", all, most)
	}
	whose := "none ours"
	if ours > 0 {
		whose = fmt.Sprintf("%d of them ours", ours)
	}
	return providers.Errorf(providers.CodeTooManyValues, providers.Misconfigured, "%w: %s records at this name, %s: delete the old ones", err, count, whose)
}

// made reports whether this process has tried to make a record of the value.
func (p *Provider) made(fqdn, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.values[fqdn+" "+text]
	return v != nil && v.tried
}
