package conohatest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// The exchanges of conoha-api.md §7.A, in order.
func TestVersion2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	sub := w.AddZone(w.v2.Tenant, "sub.two.example.")

	a1 := w.login(2, loginBody(w.v2))
	if a1.status != 200 || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(a1.at("access", "token", "id").(string)) ||
		a1.at("access", "token", "expires") != "2026-01-03T03:04:05Z" || a1.at("access", "token", "tenant", "id") != w.v2.Tenant ||
		a1.header.Get("Content-Type") != "application/json" {
		t.Errorf("A1: %+v", a1)
	}

	a2 := w.login(2, strings.Replace(loginBody(w.v2), w.v2.User, "nobody", 1))
	if a2.status != 401 || a2.body != `{"unauthorized":{"code":401,"message":"Invalid user: nobody"}}` {
		t.Errorf("A2: %+v", a2)
	}
	a3 := w.login(2, strings.Replace(loginBody(w.v2), w.v2.Password, "wrong", 1))
	a4 := w.login(2, strings.Replace(loginBody(w.v2), w.v2.Tenant, w.v3.Tenant, 1))
	if a3.status != 401 || a3.at("unauthorized", "code") != 401.0 || a4.status != 401 || a4.at("unauthorized", "code") != 401.0 {
		t.Errorf("A3, A4: %+v, %+v", a3, a4)
	}

	a5 := w.dns(2, "GET", "/v1/domains", "").list("domains")
	if len(a5) != 2 || a5[0]["id"] != w.zone2 || a5[0]["name"] != "two.example." || a5[1]["id"] != sub || a5[1]["updated_at"] != nil ||
		a5[1]["serial"] != 1767323045.0 || a5[1]["created_at"] != "2026-01-02T03:04:05.000000" {
		t.Errorf("A5: %v", a5)
	}
	for filter, n := range map[string]int{"two.example.": 1, "TWO.example.": 1, "two.example": 0, "other.example.": 0} {
		if got := w.dns(2, "GET", "/v1/domains?name="+filter, ""); got.status != 200 || len(got.list("domains")) != n || got.at("domains") == nil {
			t.Errorf("A5b, %s: %s", filter, got.body)
		}
	}

	a6 := w.dns(2, "GET", w.records(2), "").list("records")
	var kinds []string
	for _, r := range a6 {
		kinds = append(kinds, r["type"].(string)+" "+r["data"].(string))
		if r["ttl"] != nil && r["name"] == "two.example." {
			t.Errorf("A6: apex record with a TTL: %v", r)
		}
	}
	if soa := "SOA ns-a1.conoha.io. postmaster.example.org. "; len(a6) != 3+1+3 || !strings.HasPrefix(kinds[len(kinds)-1], soa) ||
		!strings.HasSuffix(kinds[len(kinds)-1], " 3600 600 86400 3600") || kinds[0] != "NS ns-a1.conoha.io." {
		t.Errorf("A6: %q", kinds)
	}

	w.clock.Advance(55 * 1e9)
	a7 := w.dns(2, "POST", w.records(2), txt(name2, value))
	id, _ := a7.at("id").(string)
	want := `{"created_at":"2026-01-02T03:05:00.000000","data":"` + value + `","description":null,"domain_id":"` + w.zone2 +
		`","gslb_check":null,"gslb_region":null,"gslb_weight":null,"id":"` + id + `","name":"` + name2 +
		`","priority":null,"ttl":60,"type":"TXT","updated_at":null}`
	if a7.status != 200 || a7.body != want || a7.header.Get("Location") != w.DNSURL(2)+w.records(2)+"/"+id ||
		!strings.HasPrefix(a7.header.Get("X-Openstack-Request-Id"), "req-") {
		t.Errorf("A7: %+v", a7)
	}
	domain := w.dns(2, "GET", "/v1/domains/"+w.zone2, "")
	if domain.at("serial") != 1767323100.0 || domain.at("updated_at") != "2026-01-02T03:05:00.000000" {
		t.Errorf("after A7: %s", domain.body)
	}

	a8 := w.dns(2, "POST", w.records(2), strings.Replace(txt(name2, "second"), "60", "3600", 1))
	if a8.status != 200 || a8.at("ttl") != 60.0 || a8.at("id") == id {
		t.Errorf("A8: %+v", a8)
	}
	if serial := w.dns(2, "GET", "/v1/domains/"+w.zone2, "").at("serial"); serial != 1767323101.0 {
		t.Errorf("serial after a second change within one second: %v", serial)
	}

	a9 := w.dns(2, "POST", w.records(2), strings.Replace(txt(strings.ToUpper(name2), value), "60", "3600", 1))
	if a9.status != 409 || a9.at("type") != "duplicate_record" || a9.at("code") != 409.0 || a9.at("request_id") == nil {
		t.Errorf("A9: %+v", a9)
	}
	if a := w.dns(2, "POST", w.records(2), txt(name2, strings.ToLower(value))); a.status != 200 {
		t.Errorf("data in another case: %+v", a)
	}

	if a12 := w.dns(2, "GET", w.records(2)+"/"+id, ""); a12.status != 200 || a12.body != want {
		t.Errorf("A12: %+v", a12)
	}
	a13 := w.dns(2, "DELETE", w.records(2)+"/"+id, "{}")
	if a13.status != 200 || a13.body != "" || a13.header.Get("Content-Type") != "text/html; charset=utf-8" || a13.header.Get("Content-Length") != "0" {
		t.Errorf("A13: %+v", a13)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if a14 := w.dns(2, method, w.records(2)+"/"+id, ""); a14.status != 404 || a14.at("type") != "record_not_found" {
			t.Errorf("A14, %s: %+v", method, a14)
		}
	}
	if a15 := w.dns(2, "GET", "/v1/domains/"+id+"/records", ""); a15.status != 404 || a15.at("type") != "domain_not_found" {
		t.Errorf("A15: %+v", a15)
	}
	if a15 := w.dns(2, "GET", "/v1/domains/two.example./records", ""); a15.status != 404 || a15.body != `{"code":404}` {
		t.Errorf("A15, malformed: %+v", a15)
	}
	a16 := w.send("GET", w.DNSURL(2)+"/v1/domains", "")
	if a16.status != 401 || a16.body != "Authentication required" || !strings.HasPrefix(a16.header.Get("Content-Type"), "text/plain") {
		t.Errorf("A16: %+v", a16)
	}
}

// The SOA has a new id after every change, comes last since it is the newest, and is managed like the NS records.
func TestVersion2ManagedRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	soa := func() (id string) {
		records := w.dns(2, "GET", w.records(2), "").list("records")
		i := slices.IndexFunc(records, func(r map[string]any) bool { return r["type"] == "SOA" })
		if i != len(records)-1 {
			t.Errorf("SOA at %d of %d", i, len(records))
		}
		return records[i]["id"].(string)
	}
	before := soa()
	id := w.create(2, name2, value)
	middle := soa()
	w.dns(2, "DELETE", w.records(2)+"/"+id, "")
	after := soa()
	if before == middle || middle == after {
		t.Errorf("ids of the SOA: %s %s %s", before, middle, after)
	}
	if a := w.dns(2, "GET", w.records(2)+"/"+before, ""); a.status != 404 {
		t.Errorf("old id: %d", a.status)
	}
	for _, r := range w.dns(2, "GET", w.records(2), "").list("records") {
		for _, method := range []string{"DELETE", "PUT"} {
			a := w.dns(2, method, w.records(2)+"/"+r["id"].(string), `{"data":"x.example."}`)
			if a.status != 400 || a.at("type") != "bad_request" {
				t.Errorf("%s of %s: %+v", method, r["type"], a)
			}
		}
	}
}

func TestVersion2Update(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	id := w.create(2, name2, value)
	w.create(2, name2, "second")
	a := w.dns(2, "PUT", w.records(2)+"/"+id, `{"data":"changed","ttl":300}`)
	if a.status != 200 || a.at("data") != "changed" || a.at("id") != id || a.at("updated_at") == nil {
		t.Errorf("%+v", a)
	}
	for _, r := range w.Records("two.example") {
		if r.Type == "TXT" && r.TTL != 300 {
			t.Errorf("a TTL is one of name and type: %+v", r)
		}
	}
	if a := w.dns(2, "PUT", w.records(2)+"/"+id, `{"data":"second"}`); a.status != 409 {
		t.Errorf("to what another record is: %+v", a)
	}
}
