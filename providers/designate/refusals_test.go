package designate

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// Replies that are lost, a token that ends, a service out of order for a while.
func TestPresent_TransientFaults(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
		for name, met := range map[string]*fault{
			"lost":        {lose: true},
			"503":         {status: 503, body: "<html>busy</html>"},
			"429":         {status: 429, body: `{"message":"slow down"}`},
			"401":         {status: 401, body: `{"error":{"message":"expired"}}`},
			"409 changed": {status: 409, body: `{"type":"duplicate_recordset"}`},
		} {
			if method == "GET" && name == "409 changed" {
				continue
			}
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				p := w.open()
				first, second := challenge("example.com", 1), challenge("example.com", 2)
				w.once(method, met)
				h := w.present(p, first)
				w.present(p, second)
				w.holds(first.FQDN, first.Value, second.Value)
				w.cleanUp(p, first, h)
				w.cleanUp(p, second, "")
				w.holds(first.FQDN)
			})
		}
	}
	w := newWorld(t)
	p := w.open()
	w.present(p, challenge("example.com", 1))
	w.locked(func() { clear(w.tokens) }) // all tokens end
	w.present(p, challenge("example.com", 2))
	w.on(func(r *http.Request) *fault { return &fault{status: 500, body: `{"message":"database is locked"}`} })
	_, err := p.Present(t.Context(), challenge("example.com", 3))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "500", "database is locked")
}

// A Keystone that is out of order is asked a few times, not that many times for each of our requests.
func TestLogin_ServiceIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open()
	w.on(func(*http.Request) *fault { return &fault{status: 503} })
	_, err := p.Present(t.Context(), challenge("example.com", 1))
	w.fails(err, providers.CodeUnavailable, providers.Temporary, "log in to "+w.url+"/identity/v3/", "503")
	if asked := w.sent(); len(asked) != httpclient.Tries {
		t.Errorf("%d requests: %q", len(asked), asked)
	}
	failures := httpclient.Tries - 1
	w.on(func(*http.Request) *fault {
		if failures--; failures < 0 {
			return nil
		}
		return &fault{status: 503}
	})
	w.present(p, challenge("example.com", 1))
}

// What holds an account may be printed.
func TestAccountsHideTheirSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range []*Provider{w.open(), w.user()} {
		printed := fmt.Sprintf("%v %+v %#v", p.session.account, p.session.account, p.session.account)
		if strings.Contains(printed, testSecret) || strings.Contains(printed, testPassword) {
			t.Error(printed)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := challenge("example.com", 1)
	try := func(environ ...string) error {
		w.t.Helper()
		accounts, err := w.try("designate", settings.Sources{Environ: environ})
		if err != nil {
			return err
		}
		p := accounts[0].Provider.(*Provider)
		defer func() { _ = p.Close() }()
		p.session.http.Pause, p.session.http.MaxPause = time.Millisecond, time.Millisecond
		_, err = p.Present(t.Context(), c)
		return err
	}
	user := w.userEnviron()
	if err := try(user...); err != nil {
		t.Errorf("user name and password: %v", err)
	}
	if err := try("OS_AUTH_URL="+w.url+"/identity/v3/", "OS_USERNAME="+testUser, "OS_PASSWORD="+testPassword, "OS_TENANT_ID=p1", "OS_USER_DOMAIN_ID=default", "OS_REGION_NAME=RegionOne"); err != nil {
		t.Errorf("tenant: %v", err)
	}
	w.fails(try("OS_AUTH_URL="+w.url+"/identity", "OS_USERNAME="+testPassword, "OS_PASSWORD="+testPassword, "OS_PROJECT_NAME=demo"),
		providers.CodeCredentials, providers.Refused, "log in to "+w.url+"/identity/v3/", "401")
	w.fails(try("OS_AUTH_URL="+w.url+"/nowhere", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "404")
	w.fails(try(append([]string{"OS_REGION_NAME=RegionThree"}, w.credentials()...)...), providers.CodeBadSettings, providers.Misconfigured, "no service dns", "RegionThree", "OS_DNS_ENDPOINT_OVERRIDE")
	w.fails(try(append([]string{"OS_INSECURE=true"}, user...)...), providers.CodeBadSettings, providers.Misconfigured, "OS_CACERT")
	w.fails(try("OS_AUTH_URL=http://192.0.2.1/identity", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "OS_AUTH_URL", "https")
	w.fails(try("OS_AUTH_URL="+w.url+"/identity/v2.0", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "/v3")
	w.fails(try("OS_AUTH_URL="+w.url+"/identity", "OS_APPLICATION_CREDENTIAL_ID=unknown", "OS_APPLICATION_CREDENTIAL_SECRET="+testSecret), providers.CodeCredentials, providers.Refused, "404", "Application Credential")
	w.fails(try("OS_AUTH_URL="+w.url+"/nowhere", "OS_APPLICATION_CREDENTIAL_ID=u", "OS_APPLICATION_CREDENTIAL_SECRET=s"), providers.CodeBadSettings, providers.Misconfigured, "404")
	for _, bad := range []string{"https://u:" + testSecret + "@keystone/v3", "https://keystone/v3?" + testSecret, "https://keystone/v3#" + testSecret, "mailto:" + testSecret, "https://%" + testSecret} {
		w.fails(try("OS_AUTH_URL="+bad, "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo"), providers.CodeBadSettings, providers.Misconfigured, "OS_AUTH_URL")
		w.fails(try(append([]string{"OS_DNS_ENDPOINT_OVERRIDE=" + bad}, user...)...), providers.CodeBadSettings, providers.Misconfigured, "OS_DNS_ENDPOINT_OVERRIDE")
	}
	w.fails(try(append([]string{"OS_CACERT=ca.pem"}, user...)...), providers.CodeBadSettings, providers.Misconfigured, "OS_CACERT", "absolute")
	w.fails(try(), providers.CodeMissing, providers.Misconfigured, "OS_CLOUD", "OS_APPLICATION_CREDENTIAL_ID", "OS_PASSWORD")
	w.fails(try("OS_AUTH_URL="+w.url, "OS_USERNAME=u"), providers.CodeMissing, providers.Misconfigured, "OS_PASSWORD", "OS_PROJECT_NAME or OS_PROJECT_ID")
	w.fails(try("OS_AUTH_URL="+w.url, "OS_APPLICATION_CREDENTIAL_ID=x"), providers.CodeMissing, providers.Misconfigured, "OS_APPLICATION_CREDENTIAL_SECRET")

	// A service that is not ours to believe.
	p := w.open()
	w.locked(func() { w.catalog = "http://192.0.2.1/dns" })
	_, err := w.open().Present(t.Context(), c)
	w.fails(err, providers.CodeBadSettings, providers.Misconfigured, "https")
	w.locked(func() { w.catalog = w.url + "/dns" })
	for _, met := range []*fault{{status: 200, body: "no JSON"}, {status: 302, body: ""}, {status: 400, body: `{"type":"invalid_object","message":"` + testSecret + `"}`}, {status: 403, body: `{"message":"forbidden"}`}, {status: 413, body: `{"type":"over_quota"}`}} {
		w.once("POST", met)
		_, err := p.Present(t.Context(), challenge(fmt.Sprintf("s%d.example.com", met.status), 1))
		class := map[int]providers.Class{403: providers.Refused, 413: providers.Misconfigured}[met.status]
		code := providers.CodeService
		if met.status == 403 {
			code = providers.CodeCredentials
		}
		w.fails(err, code, class, fmt.Sprint(met.status))
	}
	for _, body := range []string{`{}`, `[]`, `null`, `{"zones":null,"recordsets":null}`, `{"recordsets":[{"id":7}],"zones":7}`} { // which must not pass for "there is none"
		w.once("GET", &fault{status: 200, body: body})
		w.fails(p.CleanUp(t.Context(), c, ""), providers.CodeService, providers.Failed, "not of this API")
		w.once("GET", &fault{status: 200, body: body})
		_, err := p.Zones(t.Context(), true)
		w.fails(err, providers.CodeService, providers.Failed, "not of this API")
	}
	w.zones = []fakeZone{}
	_, err = w.open().Present(t.Context(), c)
	w.fails(err, providers.CodeNoZone, providers.Misconfigured, "no zone")
}
