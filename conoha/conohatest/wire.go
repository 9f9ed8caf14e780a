package conohatest

import (
	"strings"
	"time"
)

// domainJSON is §3.2.
func (e *endpoint) domainJSON(z *zone) map[string]any {
	object := map[string]any{
		"name": z.display, "ttl": z.ttl, "serial": z.serial,
		"created_at": e.time(z.created), "updated_at": e.time(z.updated),
	}
	id, _ := e.idNames()
	object[id] = z.id
	if e.version == 2 {
		object["email"], object["gslb"], object["description"] = z.email, 0, z.description
		return object
	}
	object["email"], object["project_id"] = masked(z.email), z.tenant
	if z.updated.IsZero() {
		object["updated_at"] = e.time(z.created)
	}
	return object
}

// recordJSON is §3.4.
func (e *endpoint) recordJSON(z *zone, r *record) map[string]any {
	id, zoneID := e.idNames()
	object := map[string]any{
		id: r.id, zoneID: z.id, "name": r.name, "type": r.kind, "data": r.data, "ttl": r.ttl, "priority": r.priority,
		"created_at": e.time(r.created), "updated_at": e.time(r.updated),
	}
	if r.kind == "TXT" && e.Service.switches.QuoteTXT {
		object["data"] = `"` + r.data + `"`
	}
	if e.version == 2 {
		object["description"] = r.description
		for _, name := range []string{"gslb_region", "gslb_weight", "gslb_check"} {
			object[name] = nil
		}
	} else {
		object["weight"], object["port"] = r.weight, r.port
	}
	return object
}

func (e *endpoint) soaJSON(z *zone) map[string]any { return e.recordJSON(z, z.soa()) }

// soa is the SOA as a record of the API.
func (z *zone) soa() *record {
	r := &record{
		id: z.soaID, name: z.display, key: z.name, kind: "SOA", data: z.soaData(z.serial), created: z.soaCreated,
		managed: true,
	}
	if z.version == 3 {
		ttl := 3600
		r.ttl, r.updated = &ttl, z.updated
		if r.updated.IsZero() {
			r.updated = z.created
		}
	}
	return r
}

// idNames are the members that carry ids (§3.2).
func (e *endpoint) idNames() (own, domain string) {
	if (e.version == 2) == !e.Service.switches.SwapIDs {
		return "id", "domain_id"
	}
	return "uuid", "domain_uuid"
}

// time is a time in the form of the generation, or null.
func (e *endpoint) time(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case e.version == 2:
		return t.UTC().Format("2006-01-02T15:04:05.000000")
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z")
}

// masked hides an address as Ver.3.0 does.
func masked(email string) string {
	return strings.Map(func(r rune) rune {
		if r == '@' || r == '.' {
			return r
		}
		return '*'
	}, email)
}
