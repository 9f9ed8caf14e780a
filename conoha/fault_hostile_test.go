package conoha

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestFault084_HostileIDs(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		hostile := func(zone bool, id string) string {
			if zone {
				return fmt.Sprintf(`{"domains":[{"id":%q,"uuid":%q,"name":"example.com."}],"total_count":1}`, id, id)
			}
			return fmt.Sprintf(`{"id":%q,"uuid":%q,"name":"_acme-challenge.example.com.","type":"TXT","data":%q}`, id, id, challenge("example.com", 1).Value)
		}
		for _, id := range []string{"../zones/1?x=", "", ".", "..", "%2e%2e", "1/2", "x\ny", strings.Repeat("a", 10_000)} {
			c := challenge("example.com", 1)

			// In the reply to a creation: the record is looked for.
			p := w.open("")
			w.Fault(conohatest.Fault{Match: create(), Times: 1, After: true, Status: 200, Body: hostile(false, id)})
			h := w.present(p, c)
			w.cleanUp(p, c, h)
			w.holds(c.FQDN)

			// In the list of records: refused.
			w.present(p, c)
			w.Fault(conohatest.Fault{Match: listRecords(), Times: 1, Status: 200, Body: `{"records":[` + hostile(false, id) + `],"total_count":1}`})
			w.fails(p.CleanUp(t.Context(), c, ""), providers.CodeService, providers.Failed)
			w.holds(c.FQDN, c.Value)
			w.cleanUp(p, c, "")
			w.holds(c.FQDN)

			// In the list of zones: refused.
			w.Fault(conohatest.Fault{Match: listZones(), Times: 1, Status: 200, Body: hostile(true, id)})
			_, err := w.open("").Present(t.Context(), c)
			w.fails(err, providers.CodeService, providers.Failed)
			w.ClearFaults()
		}
		for _, r := range w.Log() {
			if r.Service == "dns" && r.Path != "/v1/domains" && !strings.HasSuffix(r.Path, "/records") && !uuidForm.MatchString(r.Path[strings.LastIndex(r.Path, "/")+1:]) {
				t.Errorf("%s %s", r.Method, r.Path)
			}
		}
	})
}

func TestFault085_ReplyEchoesSecrets(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		w.account = w.AddAccount(conohatest.Account{Version: w.account.Version, Password: `canary "pass\word" <&>+/=`})
		w.AddZone(w.account.Tenant, "second.example")
		c := challenge("second.example", 1)
		for _, match := range []conohatest.Match{login(), listZones(), create(), listRecords(), remove()} {
			for _, status := range []int{400, 401, 403, 404, 409, 413, 500, 503} {
				runDir := t.TempDir()
				p := w.open(runDir)
				h := w.present(p, c)
				w.Fault(conohatest.Fault{Match: match, Times: 100, Status: status, Echo: true})
				another := w.open("")
				_, presentErr := another.Present(t.Context(), challenge("second.example", 2))
				_, zonesErr := another.Zones(t.Context(), true)
				for _, err := range []error{presentErr, zonesErr, another.CleanUp(t.Context(), c, h), another.CleanUp(t.Context(), c, "")} {
					if err != nil {
						w.fails(err, providers.CodeOf(err), providers.ClassOf(err))
						w.noSecrets(fmt.Sprintf("%+v", err))
						if strings.Contains(err.Error(), "canary") {
							t.Error(err)
						}
					}
				}
				w.ClearFaults()
				w.cleanUp(p, c, "")
				w.cleanUp(p, challenge("second.example", 2), "")
			}
		}
		if strings.Contains(w.log.String(), "canary") {
			t.Error(w.log.String())
		}
	})
}

func TestFault086_Redirects(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		var visits atomic.Int32
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
		defer elsewhere.Close()
		c := challenge("example.com", 1)
		for _, match := range []conohatest.Match{login(), listZones(), create(), listRecords(), remove()} {
			for _, status := range []int{301, 302, 303, 307, 308} {
				h := w.present(w.open(""), c)
				w.Fault(conohatest.Fault{Match: match, Times: 100, Status: status, Redirect: elsewhere.URL + "/v1/domains"})
				p := w.open("")
				_, presentErr := p.Present(t.Context(), challenge("example.com", 2))
				failures := 0
				for _, err := range []error{presentErr, p.CleanUp(t.Context(), c, h), p.CleanUp(t.Context(), c, "")} {
					if err != nil {
						failures++
						w.fails(err, providers.CodeService, providers.Failed)
					}
				}
				if failures == 0 {
					t.Errorf("%+v: no call failed", match)
				}
				w.ClearFaults()
				w.cleanUp(w.open(""), c, "")
				w.cleanUp(w.open(""), challenge("example.com", 2), "")
			}
		}
		if visits.Load() > 0 {
			t.Errorf("%d visits elsewhere", visits.Load())
		}
	})
}
