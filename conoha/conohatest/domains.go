package conohatest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// listDomains is A5 and B5.
func (e *endpoint) listDomains(c call, tenant string) (reply, *refusal) {
	items := []listed{}
	query := c.URL.Query()
	for _, z := range e.Service.zones {
		if z.version != e.version || z.tenant != tenant {
			continue
		}
		if e.version == 2 && query.Has("name") && !e.filterFits(query.Get("name"), z) {
			continue
		}
		items = append(items, listed{name: z.name, created: z.created, updated: z.updated, json: e.domainJSON(z)})
	}
	return e.list(c, "domains", items)
}

// filterFits is A5b. Ver.3.0 ignores such a filter.
func (e *endpoint) filterFits(filter string, z *zone) bool {
	if !strings.HasSuffix(filter, ".") && !e.Service.switches.V2FilterWithoutDot {
		return false
	}
	return canonical(filter) == z.name
}

// createDomain makes a zone, which is published with the delay of every change.
func (e *endpoint) createDomain(c call, tenant string) (reply, *refusal) {
	allowed := []string{"name", "ttl", "email"}
	if e.version == 2 {
		allowed = append(allowed, "description", "gslb")
	}
	body, err := members(c.body, allowed...)
	if err != nil {
		return reply{}, e.bad("", "%v", err)
	}
	name, refused := e.hostName(body, "name")
	if refused != nil {
		return reply{}, refused
	}
	email, ok := text(body["email"])
	if local, domain, _ := strings.Cut(email, "@"); !ok || local == "" || !strings.Contains(domain, ".") {
		return reply{}, e.bad("email", "not an address")
	}
	ttl, refused := e.ttl(body)
	if refused != nil {
		return reply{}, refused
	}
	if e.Service.zone(canonical(name)) != nil {
		return reply{}, &refusal{http.StatusConflict, "duplicate_domain", "name", "the domain is registered"}
	}
	if !strings.Contains(strings.TrimSuffix(name, "."), ".") || name[0] == '*' {
		return reply{}, badRequest("%s cannot be registered", name)
	}
	z := e.Service.newZone(e.version, tenant, e.stored(name), hosts(e.Service.generation(e.version)), false)
	z.email = email
	if ttl != nil {
		z.ttl = *ttl
	}
	if description, ok := text(body["description"]); ok {
		z.description = &description
	}
	return jsonReply(http.StatusOK, e.domainJSON(z)), nil
}

// listRecords is A6 and B6.
func (e *endpoint) listRecords(c call, z *zone) (reply, *refusal) {
	items := []listed{{name: z.name, created: z.soaCreated, updated: z.updated, json: e.soaJSON(z)}}
	for _, r := range z.records {
		items = append(items, listed{name: r.key, created: r.created, updated: r.updated, json: e.recordJSON(z, r)})
	}
	if e.version == 2 {
		// Order is by creation time; the SOA therefore moves (§3.4).
		items = append(items[1:], items[0])
		slices.SortStableFunc(items, func(a, b listed) int { return a.created.Compare(b.created) })
	}
	return e.list(c, "records", items)
}

// stored is a name as the API keeps it.
func (e *endpoint) stored(name string) string {
	if e.Service.switches.LowerNames {
		return strings.ToLower(name)
	}
	return name
}

// ttl reads the optional member ttl.
func (e *endpoint) ttl(body map[string]json.RawMessage) (*int, *refusal) {
	raw, sent := body["ttl"]
	if !sent || e.version == 2 && isNull(raw) {
		return nil, nil
	}
	n, ok := integer(raw)
	least := e.Service.switches.MinTTL
	if least == 0 {
		least = 60
	}
	if !ok || n < least || n > 1<<31-1 {
		return nil, e.bad("ttl", "%s is not an integer from %d to 2147483647", raw, least)
	}
	return &n, nil
}
