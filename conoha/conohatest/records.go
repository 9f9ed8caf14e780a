package conohatest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
)

// createRecord is A7 to A11 and B7 to B10.
func (e *endpoint) createRecord(c call, z *zone) (reply, *refusal) {
	body, refused := e.recordMembers(c)
	if refused != nil {
		return reply{}, refused
	}
	r := &record{id: e.Service.unique(), created: e.Service.now()}
	if r.name, refused = e.hostName(body, "name"); refused != nil {
		return reply{}, refused
	}
	r.name, r.key = e.stored(r.name), canonical(r.name)
	var isText bool
	if r.kind, isText = text(body["type"]); !isText {
		return reply{}, e.bad("type", "no type")
	}
	if refused = e.fields(body, r); refused != nil {
		return reply{}, refused
	}
	if e.version == 3 {
		r.updated = r.created
		if r.ttl == nil {
			ttl := cmp.Or(e.Service.switches.V3DefaultTTL, 3600)
			r.ttl = &ttl
		}
	}
	if refused = e.mayHold(z, r, nil); refused != nil {
		return reply{}, refused
	}
	if same := z.set(r.key, r.kind); e.version == 2 && len(same) > 0 {
		r.ttl = same[0].ttl // a TTL belongs to name and type (§3.5)
	}
	e.Service.insert(z, r, false)
	answer := jsonReply(http.StatusOK, e.recordJSON(z, r))
	if e.version == 2 {
		answer.header.Set("Location", "http://"+c.Host+"/v1/domains/"+z.id+"/records/"+r.id)
	}
	return answer, nil
}

// updateRecord is PUT (§3.6): a whole body or a part of one.
func (e *endpoint) updateRecord(c call, z *zone, id string) (reply, *refusal) {
	old, refused := e.ownRecord(z, id)
	if refused != nil {
		return reply{}, refused
	}
	body, refused := e.recordMembers(c)
	if refused != nil {
		return reply{}, refused
	}
	if old.managed {
		return reply{}, badRequest("the record is managed")
	}
	if _, sent := body["ttl"]; sent && e.version == 3 && !e.Service.switches.V3PutTTL {
		return reply{}, e.bad("ttl", "a TTL cannot be changed")
	}
	r := *old
	if _, sent := body["name"]; sent {
		if r.name, refused = e.hostName(body, "name"); refused != nil {
			return reply{}, refused
		}
		r.name, r.key = e.stored(r.name), canonical(r.name)
	}
	if _, sent := body["type"]; sent {
		if r.kind, _ = text(body["type"]); r.kind != old.kind {
			return reply{}, e.bad("type", "a type cannot be changed")
		}
	}
	if _, sent := body["data"]; !sent {
		body["data"] = encode(old.data)
	}
	if refused = e.fields(body, &r); refused != nil {
		return reply{}, refused
	}
	if refused = e.mayHold(z, &r, old); refused != nil {
		return reply{}, refused
	}
	r.updated, r.hide = e.Service.now(), nil
	e.Service.replace(z, old, &r)
	if e.version == 2 {
		for _, other := range z.set(r.key, r.kind) {
			other.ttl = r.ttl
		}
	}
	return jsonReply(http.StatusOK, e.recordJSON(z, &r)), nil
}

// getRecord is A12 and B11.
func (e *endpoint) getRecord(z *zone, id string) (reply, *refusal) {
	r, refused := e.ownRecord(z, id)
	if refused != nil {
		return reply{}, refused
	}
	return jsonReply(http.StatusOK, e.recordJSON(z, r)), nil
}

// deleteRecord is A13 and B12.
func (e *endpoint) deleteRecord(z *zone, id string) (reply, *refusal) {
	r, refused := e.ownRecord(z, id)
	if refused != nil {
		return reply{}, refused
	}
	if r.managed {
		return reply{}, badRequest("the record is managed")
	}
	e.Service.remove(z, r, false)
	if e.version == 3 {
		return reply{status: http.StatusNoContent}, nil
	}
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}, nil
}

func (e *endpoint) ownRecord(z *zone, id string) (*record, *refusal) {
	if id == z.soaID {
		return z.soa(), nil
	}
	if r := z.record(id); r != nil {
		return r, nil
	}
	status := cmp.Or(e.Service.switches.MissingRecordStatus, http.StatusNotFound)
	return nil, &refusal{status: status, kind: "record_not_found", text: "no such record"}
}

// mayHold checks whether a zone can have a record beside those that it has, of which it takes the place of one or none.
func (e *endpoint) mayHold(z *zone, r, instead *record) *refusal {
	if !inZone(r.key, z.name) {
		return e.misplaced("%s is outside %s", r.name, z.display)
	}
	others := slices.DeleteFunc(slices.Clone(z.records),
		func(other *record) bool { return other == instead || other.key != r.key })
	if !(e.version == 3 && e.Service.switches.V3Lenient) {
		for _, child := range e.Service.zones {
			if child.version == z.version && child != z && len(child.name) > len(z.name) && inZone(child.name, z.name) &&
				inZone(r.key, child.name) {
				return e.misplaced("%s belongs to the zone %s", r.name, child.display)
			}
		}
		if r.kind == "CNAME" && (r.key == z.name || slices.ContainsFunc(others, func(o *record) bool { return o.kind != "CNAME" })) {
			return e.misplaced("a CNAME cannot be at a name that has other records")
		}
		if slices.ContainsFunc(others,
			func(o *record) bool { return o.kind == "CNAME" && (r.kind != "CNAME" || o.data != r.data) }) {
			return e.misplaced("the name has a CNAME")
		}
	}
	if r.kind == "NS" && r.key == z.name {
		return badRequest("the NS records of a zone are managed")
	}
	same := slices.DeleteFunc(others, func(o *record) bool { return o.kind != r.kind })
	if slices.ContainsFunc(same, func(o *record) bool { return o.data == r.data }) {
		if refused := e.duplicate(); refused != nil {
			return refused
		}
	}
	if instead == nil && (exceeds(len(z.records)+1, e.Service.switches.RecordsPerZone, 500) ||
		exceeds(len(same), e.Service.switches.RecordsPerSet, 20)) {
		return &refusal{cmp.Or(e.Service.switches.QuotaStatus, http.StatusRequestEntityTooLarge), "over_quota", "",
			"over quota"}
	}
	return nil
}

// duplicate refuses an exact duplicate, if it is to be refused (A9, B9).
func (e *endpoint) duplicate() *refusal {
	status := http.StatusConflict
	if e.version == 3 {
		switch e.Service.switches.V3Duplicates {
		case DuplicateBadRequest:
			status = http.StatusBadRequest
		case DuplicateAccepted:
			return nil
		}
	}
	return &refusal{status, "duplicate_record", "", "the record exists"}
}

// recordMembers reads the body of a call that writes a record. Ver.3.0 takes a description and forgets it (§3.4).
func (e *endpoint) recordMembers(c call) (map[string]json.RawMessage, *refusal) {
	known := []string{"name", "type", "data", "ttl", "priority", "description", "gslb_region", "gslb_weight", "gslb_check"}
	if e.version == 3 {
		known = []string{"name", "type", "data", "ttl", "priority", "description", "weight", "port"}
		if e.Service.switches.V3UnknownFields {
			var all map[string]json.RawMessage
			_ = json.Unmarshal(c.body, &all)
			for name := range all {
				known = append(known, name)
			}
		}
	}
	body, err := members(c.body, known...)
	if err != nil {
		return nil, e.bad("", "%v", err)
	}
	return body, nil
}
