package conohatest_test

import (
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// Bodies that a create must not accept. OWNER stands for a good name, ZONE for the zone.
func TestRecordsAreStrict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	w.AddZone(w.v2.Tenant, "sub.two.example.")
	w.AddZone(w.v3.Tenant, "sub.three.example.")
	w.PutRecord("two.example", "alias.two.example", "CNAME", "elsewhere.example.")
	w.PutRecord("three.example", "alias.three.example", "CNAME", "elsewhere.example.")
	w.create(2, "taken.two.example.", "x")
	w.create(3, "taken.three.example.", "x")
	const location, object = "invalid_recordset_location", "invalid_object"
	before := map[int]int{2: len(w.Records("two.example")), 3: len(w.Records("three.example"))}
	for body, kind := range map[string]string{
		``:                          object,
		`null`:                      object,
		`[]`:                        object,
		`{}`:                        object,
		txt("OWNER", "v") + "x":     object,
		txt("OWNER", "v") + "{}":    object,
		txt("_acme-challenge", "v"): object,
		strings.Replace(txt("OWNER", "v"), `OWNER"`, `x.two.example"`, 1): object,
		txt("", "v"):                              object,
		txt(".", "v"):                             object,
		txt("a..ZONE", "v"):                       object,
		txt("a b.ZONE", "v"):                      object,
		txt("-a.ZONE", "v"):                       object,
		txt("日本.ZONE", "v"):                       object,
		txt("x.*.ZONE", "v"):                      object,
		txt(strings.Repeat("a", 64)+".ZONE", "v"): object,
		txt(strings.Repeat(strings.Repeat("a", 49)+".", 5)+"ZONE", "v"): "invalid_recordset_name",
		txt("OWNER", ""):                                                 object,
		txt("OWNER", strings.Repeat("v", 256)):                           object,
		txt("OWNER", "é"):                                                object,
		txt("OWNER", `a\nb`):                                             object,
		`{"name":"OWNER","type":"TXT"}`:                                  object,
		`{"name":"OWNER","data":"v"}`:                                    object,
		`{"type":"TXT","data":"v"}`:                                      object,
		`{"name":"OWNER","type":"txt","data":"v"}`:                       object,
		`{"name":"OWNER","type":"SPF","data":"v"}`:                       object,
		`{"name":"OWNER","type":"TXT","data":1}`:                         object,
		`{"name":"OWNER","type":"TXT","data":null}`:                      object,
		`{"name":"OWNER","Type":"TXT","data":"v"}`:                       object,
		`{"name":"OWNER","type":"TXT","data":"v","colour":"x"}`:          object,
		`{"name":"OWNER","type":"TXT","data":"v","ttl":0}`:               object,
		`{"name":"OWNER","type":"TXT","data":"v","ttl":59}`:              object,
		`{"name":"OWNER","type":"TXT","data":"v","ttl":2147483648}`:      object,
		`{"name":"OWNER","type":"TXT","data":"v","ttl":"60"}`:            object,
		`{"name":"OWNER","type":"TXT","data":"v","ttl":60.5}`:            object,
		`{"name":"OWNER","type":"TXT","data":"v","priority":1}`:          object,
		`{"name":"OWNER","type":"A","data":"::1"}`:                       object,
		`{"name":"OWNER","type":"AAAA","data":"127.0.0.1"}`:              object,
		`{"name":"OWNER","type":"CNAME","data":"target.example"}`:        object,
		`{"name":"OWNER","type":"MX","data":"mx.example."}`:              object,
		`{"name":"OWNER","type":"SRV","data":"x.example.","priority":1}`: object,
		txt("_acme-challenge.other.example.", "v"):                       location,
		txt("_acme-challenge.notZONE", "v"):                              location,
		txt("example.", "v"):                                             location,
		txt("sub.ZONE", "v"):                                             location,
		txt("_acme-challenge.sub.ZONE", "v"):                             location,
		txt("alias.ZONE", "v"):                                           location,
		`{"name":"taken.ZONE","type":"CNAME","data":"x.example."}`:       location,
		`{"name":"ZONE","type":"CNAME","data":"x.example."}`:             location,
		`{"name":"ZONE","type":"NS","data":"x.example."}`:                "bad_request",
	} {
		for version, zone := range map[int]string{2: "two.example.", 3: "three.example."} {
			body := strings.NewReplacer("OWNER", "_acme-challenge."+zone, "ZONE", zone).Replace(body)
			w.ResetLog()
			a := w.dns(version, "POST", w.records(version), body)
			if a.status != 400 || w.Log()[0].Refused == "" {
				t.Errorf("Ver.%d.0, %s: %d %s", version, body, a.status, a.body)
			}
			if version == 2 && a.at("type") != kind || version == 3 && a.at("code") != 400.0 {
				t.Errorf("Ver.%d.0, %s: %s, want %s", version, body, a.body, kind)
			}
		}
	}
	if a := w.dns(2, "POST", w.records(2), `{"name":"two.example.","type":"SOA","data":"x"}`); a.status != 400 || a.at("type") != "bad_request" {
		t.Errorf("SOA: %+v", a)
	}
	if a := w.dns(3, "POST", w.records(3), `{"name":"x.three.example.","type":"PTR","data":"x.example."}`); a.status != 400 {
		t.Errorf("PTR in Ver.3.0: %+v", a)
	}
	for version, n := range before {
		if got := len(w.Records(map[int]string{2: "two.example", 3: "three.example"}[version])); got != n {
			t.Errorf("Ver.%d.0: %d records, before %d", version, got, n)
		}
	}
}

// Bodies that a create accepts, odd as some are.
func TestRecordsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	for i, body := range []string{
		txt("*.ZONE", "v"),
		txt("ZONE", "at the apex"),
		txt("_ACME-Challenge.ZONE", `with \"quotes\" and \\`),
		`{"name":"a.ZONE","type":"TXT","data":"v","priority":null}`,
		`{"name":"a.ZONE","type":"A","data":"192.0.2.1"}`,
		`{"name":"a.ZONE","type":"AAAA","data":"2001:db8::1"}`,
		`{"name":"a.ZONE","type":"MX","data":"mx.example.","priority":10}`,
		`{"name":"b.ZONE","type":"CNAME","data":"target.example."}`,
		`{"name":"child.ZONE","type":"NS","data":"ns.example."}`,
		`{"name":"_s._tcp.ZONE","type":"SRV","priority":1,SRV}`,
	} {
		for version, r := range map[int]*strings.Replacer{
			2: strings.NewReplacer("ZONE", "two.example.", "SRV}", `"data":"2 3 x.example."}`),
			3: strings.NewReplacer("ZONE", "three.example.", "SRV}", `"data":"x.example.","weight":2,"port":3}`),
		} {
			if a := w.dns(version, "POST", w.records(version), r.Replace(body)); a.status != 200 {
				t.Errorf("%d, Ver.%d.0: %+v", i, version, a)
			}
		}
	}
}
