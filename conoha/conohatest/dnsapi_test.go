package conohatest_test

import (
	"fmt"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

func TestPathsAndHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	id2, id3 := w.create(2, name2, value), w.create(3, name3, value)
	zone2, zone3 := "/v1/domains/"+w.zone2, "/v1/domains/"+w.zone3
	for _, c := range []struct {
		version      int
		method, path string
		status       int
	}{
		{2, "DELETE", zone2 + "/records/", 405}, // the slash is stripped
		{3, "DELETE", zone3 + "/records/", 404},
		{2, "DELETE", zone2 + "/records", 405},
		{3, "DELETE", zone3 + "/records", 405},
		{2, "DELETE", zone2 + "/records//", 404},
		{3, "DELETE", zone3 + "/records//", 404},
		{2, "DELETE", "/v1/domains//records/" + id2, 404},
		{3, "DELETE", "/v1/domains//records/" + id3, 404},
		{2, "DELETE", zone2, 405},
		{3, "DELETE", zone3, 405},
		{2, "DELETE", zone2 + "/records/..%2F" + id2, 404},
		{3, "DELETE", zone3 + "/records/" + id3 + "%2F", 404},
		{2, "DELETE", zone2 + "/records/" + id2[:35], 404},
		{3, "DELETE", zone3 + "/records/null", 404},
		{2, "DELETE", zone2 + "/records/" + id3, 404},
		{2, "DELETE", zone3 + "/records/" + id3, 404},
		{2, "DELETE", "/v2" + zone2[3:] + "/records/" + id2, 404},
		{2, "DELETE", "/v1" + zone2 + "/records/" + id2, 404},
		{2, "PATCH", zone2 + "/records/" + id2, 405},
		{2, "HEAD", "/v1/domains", 405},
		{3, "POST", zone3 + "/records/" + id3, 405},
		{3, "PUT", zone3, 405},
		{3, "GET", zone3 + "/recordsets", 404},
		{2, "GET", "/", 404},
		{2, "GET", "/v1/domains/", 200},
		{3, "GET", "/v1/domains/", 404},
		{2, "GET", "/V1/domains", 404},
	} {
		a := w.dns(c.version, c.method, c.path, "")
		if a.status != c.status {
			t.Errorf("Ver.%d.0, %s %s: %d, want %d", c.version, c.method, c.path, a.status, c.status)
		}
	}
	for header, status := range map[string]int{
		"Accept: text/html":                               406,
		"Accept: application/json;q=0":                    406,
		"Accept: application/json;q=0, */*":               406,
		"Accept: text/html, application/*;q=0.1":          200,
		"Content-Type: text/plain":                        415,
		"Content-Type: application/x-www-form-urlencoded": 415,
		"Content-Type: ":                                  415,
		"Content-Type: application/json; charset=utf-8":   200,
	} {
		for version, zone := range map[int]string{2: "two.example.", 3: "three.example."} {
			name, is, _ := strings.Cut(header, ": ")
			headers := []string{"X-Auth-Token", w.token(version), "Content-Type", "application/json", name, is}
			if is == "" {
				headers = headers[:2]
			}
			body := txt(fmt.Sprintf("h%d-%d.%s", len(header), status, zone), header[:4]+is[:min(3, len(is))]+fmt.Sprint(len(is)))
			if a := w.send("POST", w.DNSURL(version)+w.records(version), body, headers...); a.status != status {
				t.Errorf("Ver.%d.0, %s: %d, want %d: %s", version, header, a.status, status, a.body)
			}
		}
	}
	for _, zone := range []string{"two.example", "three.example"} {
		n := 0
		for _, r := range w.Records(zone) {
			if r.Data == value {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d", zone, n)
		}
	}
}

func TestStatusSwitchesAndQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Switches: conohatest.Switches{
		InvalidStatus: 422, LocationStatus: 409, MissingRecordStatus: 410, MissingZoneStatus: 403, MalformedIDStatus: 400,
		QuotaStatus: 403, RecordsPerSet: 2, RecordsPerZone: 7, MinTTL: 1, V3Lenient: true, V3UnknownFields: true, V3DefaultTTL: 600,
	}})
	missing := w.zone2[:35] + "f"
	w.PutRecord("three.example", "alias.three.example", "CNAME", "elsewhere.example.")
	for _, c := range []struct {
		version            int
		method, path, body string
		status             int
	}{
		{2, "POST", w.records(2), "{}", 422},
		{3, "POST", w.records(3), txt("x.other.example.", "v"), 409},
		{2, "DELETE", w.records(2) + "/" + missing, "", 410},
		{2, "GET", "/v1/domains/" + missing, "", 403},
		{3, "GET", "/v1/domains/x", "", 400},
		{2, "POST", w.records(2), strings.Replace(txt(name2, "1"), "60", "1", 1), 200},
		{2, "POST", w.records(2), txt(name2, "2"), 200},
		{2, "POST", w.records(2), txt(name2, "3"), 403},
		{2, "POST", w.records(2), txt("x."+name2, "1"), 200}, // now 6 and the SOA
		{2, "POST", w.records(2), txt("y."+name2, "1"), 403},
		{3, "POST", w.records(3), txt("alias.three.example.", "v"), 200},
		{3, "POST", w.records(3), `{"name":"x.three.example.","type":"TXT","data":"v","colour":"red"}`, 200},
	} {
		if a := w.dns(c.version, c.method, c.path, c.body); a.status != c.status {
			t.Errorf("Ver.%d.0 %s %s %s: %+v, want %d", c.version, c.method, c.path, c.body, a, c.status)
		}
	}
}

func TestCreateDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	body := func(name string) string { return `{"name":"` + name + `","ttl":3600,"email":"a.b@example.org"}` }
	for version, other := range map[int]string{2: "three.example.", 3: "two.example."} {
		name := fmt.Sprintf("new%d.example.", version)
		if a := w.dns(version, "POST", "/v1/domains", body(name)); a.status != 200 || a.at("name") != name {
			t.Errorf("%+v", a)
		}
		for _, taken := range []string{name, strings.ToUpper(name), other} {
			if a := w.dns(version, "POST", "/v1/domains", body(taken)); a.status != 409 {
				t.Errorf("%s: %+v", taken, a)
			}
		}
		for _, bad := range []string{"", "{}", body("x.example"), body("example."), body("*.x.example."), strings.Replace(body("x.example."), "@", "", 1)} {
			if a := w.dns(version, "POST", "/v1/domains", bad); a.status != 400 {
				t.Errorf("%s: %+v", bad, a)
			}
		}
	}
}
