package conohatest_test

import (
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// The exchanges of conoha-api.md §7.B, in order.
func TestVersion3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})

	b1 := w.login(3, loginBody(w.v3))
	token := b1.header.Get("X-Subject-Token")
	if b1.status != 201 || !strings.HasPrefix(token, "gAAAAA") || strings.Contains(b1.body, token) ||
		b1.at("token", "expires_at") != "2026-01-03T03:04:05.000000Z" || b1.at("token", "project", "id") != w.v3.Tenant {
		t.Errorf("B1: %+v", b1)
	}
	byName := strings.NewReplacer(`"id":"`+w.v3.UserID, `"name":"`+w.v3.User, `"id":"`+w.v3.Tenant, `"name":"`+w.v3.TenantName).Replace(loginBody(w.v3))
	if a := w.login(3, byName); a.status != 201 {
		t.Errorf("B1 by name: %+v", a)
	}
	withDomain := strings.NewReplacer(`"id":"`+w.v3.UserID, `"domain":{"id":"default"},"name":"`+w.v3.User).Replace(loginBody(w.v3))
	if a := w.login(3, withDomain); a.status != 201 {
		t.Errorf("B1 by name with a domain: %+v", a)
	}

	b2 := w.login(3, strings.Replace(loginBody(w.v3), w.v3.UserID, w.v3.Tenant, 1))
	if b2.status != 400 || b2.body != `{"code":400,"error":"user does not exist"}` {
		t.Errorf("B2: %+v", b2)
	}
	b3 := w.login(3, strings.Replace(loginBody(w.v3), w.v3.Password, "wrong", 1))
	b4 := w.login(3, strings.Replace(loginBody(w.v3), w.v3.Tenant, w.v2.Tenant, 1))
	if b3.status != 401 || b3.at("code") != 401.0 || b4.status != 401 || b4.at("error") == nil {
		t.Errorf("B3, B4: %+v, %+v", b3, b4)
	}

	b5 := w.dns(3, "GET", "/v1/domains?limit=100&offset=0", "")
	if domains := b5.list("domains"); b5.status != 200 || b5.at("total_count") != 1.0 || len(domains) != 1 || domains[0]["uuid"] != w.zone3 ||
		domains[0]["name"] != "three.example." || domains[0]["project_id"] != w.v3.Tenant || domains[0]["email"] != "**********@*******.***" {
		t.Errorf("B5: %+v", b5)
	}
	if a := w.dns(3, "GET", "/v1/domains?name=other.example.", ""); len(a.list("domains")) != 1 {
		t.Errorf("B5, a filter is ignored: %+v", a)
	}

	b6 := w.dns(3, "GET", w.records(3)+"?limit=100&offset=0", "")
	if r := b6.list("records"); b6.at("total_count") != 3.0 || len(r) != 3 || r[0]["type"] != "SOA" || r[0]["ttl"] != 3600.0 ||
		r[0]["data"] != "a.conoha-dns.com. postmaster.example.org. 1767323045 3600 600 86400 3600" || r[2]["data"] != "b.conoha-dns.org." {
		t.Errorf("B6: %s", b6.body)
	}

	w.clock.Advance(55 * 1e9)
	b7 := w.dns(3, "POST", w.records(3), txt(name3, value))
	id, _ := b7.at("uuid").(string)
	want := `{"created_at":"2026-01-02T03:05:00Z","data":"` + value + `","domain_uuid":"` + w.zone3 + `","name":"` + name3 +
		`","port":null,"priority":null,"ttl":60,"type":"TXT","updated_at":"2026-01-02T03:05:00Z","uuid":"` + id + `","weight":null}`
	if b7.status != 200 || b7.body != want || b7.header.Get("Location") != "" {
		t.Errorf("B7: %+v", b7)
	}
	if a := w.dns(3, "POST", w.records(3), `{"name":"x.three.example.","type":"TXT","data":"y","description":"z"}`); a.at("ttl") != 3600.0 || strings.Contains(a.body, "description") {
		t.Errorf("B7 without a TTL, with a description: %+v", a)
	}
	if b8 := w.dns(3, "POST", w.records(3), txt(name3, "second")); b8.status != 200 || b8.at("uuid") == id {
		t.Errorf("B8: %+v", b8)
	}

	b9 := w.dns(3, "POST", w.records(3), txt(name3, value))
	if b9.status != 409 || b9.at("code") != 409.0 || b9.at("error") == nil {
		t.Errorf("B9: %+v", b9)
	}
	w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateBadRequest })
	if a := w.dns(3, "POST", w.records(3), txt(name3, value)); a.status != 400 {
		t.Errorf("B9, second mode: %+v", a)
	}
	w.Switch(func(s *conohatest.Switches) { s.V3Duplicates = conohatest.DuplicateAccepted })
	if a := w.dns(3, "POST", w.records(3), txt(name3, value)); a.status != 200 || a.at("uuid") == id {
		t.Errorf("B9, third mode: %+v", a)
	}

	if b11 := w.dns(3, "GET", w.records(3)+"/"+id, ""); b11.status != 200 || b11.body != want {
		t.Errorf("B11: %+v", b11)
	}
	if b12 := w.dns(3, "DELETE", w.records(3)+"/"+id, ""); b12.status != 204 || b12.body != "" {
		t.Errorf("B12: %+v", b12)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if b13 := w.dns(3, method, w.records(3)+"/"+id, ""); b13.status != 404 || b13.at("code") != 404.0 || b13.at("error") == nil {
			t.Errorf("B13, %s: %+v", method, b13)
		}
	}
	if b14 := w.dns(3, "GET", "/v1/domains/"+id, ""); b14.status != 404 {
		t.Errorf("B14: %+v", b14)
	}
	if b15 := w.send("GET", w.DNSURL(3)+"/v1/domains", "", "X-Auth-Token", "gAAAAA"); b15.status != 401 || b15.at("code") != 401.0 {
		t.Errorf("B15: %+v", b15)
	}
	other := w.create(3, name3, "third")
	if b16 := w.dns(3, "PUT", w.records(3)+"/"+other, `{"ttl":7200}`); b16.status != 400 {
		t.Errorf("B16: %+v", b16)
	}
	if a := w.dns(3, "PUT", w.records(3)+"/"+other, `{"data":"fourth"}`); a.status != 200 || a.at("data") != "fourth" {
		t.Errorf("PUT of a part: %+v", a)
	}
	w.Switch(func(s *conohatest.Switches) { s.V3PutTTL = true })
	if b16 := w.dns(3, "PUT", w.records(3)+"/"+other, `{"ttl":7200}`); b16.status != 200 || b16.at("ttl") != 7200.0 {
		t.Errorf("B16, second mode: %+v", b16)
	}
	w.Switch(func(s *conohatest.Switches) { s.QuoteTXT, s.LowerNames = true, true })
	if b18 := w.dns(3, "POST", w.records(3), txt("_ACME-challenge.three.example.", "fifth")); b18.at("data") != `"fifth"` || b18.at("name") != name3 {
		t.Errorf("B18, B19: %+v", b18)
	}
}

func TestVersion3Paging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for _, name := range []string{"c", "b", "a", "d", "e", "f"} {
		w.AddZone(w.v3.Tenant, name+".example")
	}
	names := func(query string) string {
		t.Helper()
		a := w.dns(3, "GET", "/v1/domains"+query, "")
		if a.status != 200 || a.at("total_count") != 7.0 {
			t.Fatalf("%s: %+v", query, a)
		}
		var out []string
		for _, d := range a.list("domains") {
			out = append(out, strings.TrimSuffix(d["name"].(string), ".example."))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                                      "three c b a d e f",
		"?limit=2":                              "three c",
		"?limit=2&offset=1":                     "c b",
		"?limit=9&offset=6":                     "f",
		"?limit=9&offset=70":                    "",
		"?limit=3&sort_key=name&sort_type=desc": "three f e",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?offset=1", "?limit=0", "?limit=-1", "?limit=x", "?limit=2&offset=-1", "?limit=2&offset=x", "?sort_key=colour", "?sort_type=up"} {
		if a := w.dns(3, "GET", "/v1/domains"+query, ""); a.status != 400 {
			t.Errorf("%s: %+v", query, a)
		}
	}
	w.Switch(func(s *conohatest.Switches) { s.V3PageCap, s.V3DefaultLimit = 3, 2 })
	if got := names("?limit=100&offset=3") + "|" + names(""); got != "a d e|three c" {
		t.Errorf("capped: %q", got)
	}
	w.Switch(func(s *conohatest.Switches) { s.OmitTotalCount = true })
	if a := w.dns(3, "GET", w.records(3), ""); strings.Contains(a.body, "total_count") {
		t.Errorf("%+v", a)
	}
	// Ver.2.0 has no paging.
	for range 3 {
		w.AddZone(w.v2.Tenant, "z"+strings.Repeat("z", len(w.dns(2, "GET", "/v1/domains", "").list("domains")))+".example")
	}
	if a := w.dns(2, "GET", "/v1/domains?limit=1&offset=1", ""); len(a.list("domains")) != 4 || strings.Contains(a.body, "total_count") {
		t.Errorf("%+v", a)
	}
}

func TestSwapIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Switches: conohatest.Switches{SwapIDs: true}})
	three := w.dns(3, "POST", w.records(3), txt(name3, value))
	two := w.dns(2, "POST", w.records(2), txt(name2, value))
	if three.at("id") == nil || three.at("domain_id") != w.zone3 || three.at("uuid") != nil || two.at("uuid") == nil || two.at("domain_uuid") != w.zone2 {
		t.Errorf("%s\n%s", three.body, two.body)
	}
}
