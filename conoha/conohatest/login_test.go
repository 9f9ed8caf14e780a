package conohatest_test

import (
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// A refused login leaves no token, and says why in the log.
func TestLoginIsStrict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	two, three := loginBody(w.v2), loginBody(w.v3)
	for name, c := range map[string]struct {
		version int
		body    string
		status  int
	}{
		"no body":                 {2, "", 400},
		"garbage behind":          {2, two + "x", 400},
		"unknown member":          {2, strings.Replace(two, `"tenantId"`, `"region":"tyo1","tenantId"`, 1), 400},
		"another case":            {2, strings.Replace(two, `"auth"`, `"Auth"`, 1), 400},
		"an array":                {2, "[" + two + "]", 400},
		"no UTF-8":                {2, strings.Replace(two, w.v2.Password, "\xff", 1), 400},
		"password as a number":    {2, strings.Replace(two, `"`+w.v2.Password+`"`, "1", 1), 400},
		"password and more":       {2, strings.Replace(two, w.v2.Password, w.v2.Password+" ", 1), 401},
		"password in upper case":  {2, strings.Replace(two, w.v2.Password, strings.ToUpper(w.v2.Password), 1), 401},
		"user of Ver.3.0":         {2, strings.Replace(two, w.v2.User, w.v3.User, 1), 401},
		"user id for a name":      {2, strings.Replace(two, w.v2.User, w.v2.UserID, 1), 401},
		"tenant name":             {2, strings.Replace(two, `"tenantId":"`+w.v2.Tenant, `"tenantName":"`+w.v2.TenantName, 1), 200},
		"no tenant":               {2, strings.Replace(two, `,"tenantId":"`+w.v2.Tenant+`"`, "", 1), 200},
		"body of Ver.3.0":         {2, three, 400},
		"garbage behind, 3":       {3, three + "{}", 400},
		"body of Ver.2.0":         {3, two, 400},
		"scope inside identity":   {3, `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + w.v3.UserID + `","password":"` + w.v3.Password + `"}},"scope":{"project":{"id":"` + w.v3.Tenant + `"}}}}}`, 400},
		"other method":            {3, strings.Replace(three, `["password"]`, `["token"]`, 1), 400},
		"two methods":             {3, strings.Replace(three, `["password"]`, `["password","totp"]`, 1), 400},
		"id and name":             {3, strings.Replace(three, `"user":{`, `"user":{"name":"x",`, 1), 400},
		"neither":                 {3, strings.Replace(three, `"id":"`+w.v3.UserID+`",`, "", 1), 400},
		"user name for an id":     {3, strings.Replace(three, w.v3.UserID, w.v3.User, 1), 400},
		"user of Ver.2.0":         {3, strings.Replace(three, w.v3.UserID, w.v2.UserID, 1), 400},
		"no password":             {3, strings.Replace(three, `,"password":"`+w.v3.Password+`"`, "", 1), 400},
		"unknown member, 3":       {3, strings.Replace(three, `"user":{`, `"user":{"x":1,`, 1), 400},
		"project and its domain":  {3, strings.Replace(three, `"project":{`, `"project":{"domain":{"name":"gnc"},`, 1), 201},
		"no scope":                {3, three[:strings.Index(three, `,"scope"`)] + "}}", 201},
		"password of Ver.2.0":     {3, strings.Replace(three, w.v3.Password, w.v2.Password, 1), 401},
		"domain without its name": {3, strings.Replace(three, `"project":{`, `"project":{"domain":{},`, 1), 400},
	} {
		w.ResetLog()
		a := w.login(c.version, c.body)
		log := w.Log()
		if a.status != c.status || len(log) != 1 || log[0].Status != c.status || (log[0].Refused != "") != (c.status >= 400) {
			t.Errorf("%s: %d %s, want %d; log: %q", name, a.status, a.body, c.status, log[0].Refused)
		}
		// A token without a tenant is good for nothing.
		token := a.header.Get("X-Subject-Token")
		if c.version == 2 {
			token, _ = a.at("access", "token", "id").(string)
		}
		if token != "" && strings.HasPrefix(name, "no ") {
			if a := w.send("GET", w.DNSURL(c.version)+"/v1/domains", "", "X-Auth-Token", token); a.status != 401 {
				t.Errorf("%s: %d", name, a.status)
			}
		}
	}
	if a := w.send("POST", w.IdentityURL(3)+"/auth/tokens", three, "Content-Type", "application/x-www-form-urlencoded"); a.status != 415 {
		t.Errorf("form content type, 3: %d", a.status)
	}
	if a := w.send("POST", w.IdentityURL(2)+"/tokens", two, "Content-Type", "application/x-www-form-urlencoded"); a.status != 200 {
		t.Errorf("form content type, 2: %d", a.status)
	}
	base := strings.TrimSuffix(w.IdentityURL(2), "/v2.0")
	for path, status := range map[string]int{"/v3/auth/tokens": 404, "/v2.0/tokens/": 404, "/tokens": 404, "//v2.0/tokens": 404} {
		if a := w.send("POST", base+path, two); a.status != status {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := w.send("GET", base+"/", ""); a.status != 300 {
		t.Errorf("version discovery: %d", a.status)
	}
	if a := w.send("GET", w.IdentityURL(2)+"/tokens", ""); a.status != 405 {
		t.Errorf("GET: %d", a.status)
	}
}

func TestLoginSwitches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{Switches: conohatest.Switches{
		V2LoginStatus: 403, V3LoginStatus: 400, V3ProjectStatus: 403, V3CheckDomain: true,
		V3Errors: conohatest.ErrorObject, TokenLifetime: -time.Minute,
	}})
	wrong := func(a conohatest.Account) answer { a.Password = "x"; return w.login(a.Version, loginBody(a)) }
	if two := wrong(w.v2); two.status != 403 {
		t.Errorf("%+v", two)
	}
	if three := wrong(w.v3); three.status != 400 || three.at("error", "title") != "Bad Request" {
		t.Errorf("%+v", three)
	}
	w.Switch(func(s *conohatest.Switches) { s.V3Errors = conohatest.ErrorWrapped })
	other := w.v3
	other.Tenant = w.v2.Tenant
	if three := w.login(3, loginBody(other)); three.status != 403 || three.at("forbidden", "code") != 403.0 {
		t.Errorf("%+v", three)
	}
	domain := strings.Replace(loginBody(w.v3), `"user":{`, `"user":{"domain":{"id":"default"},`, 1)
	if three := w.login(3, domain); three.status != 400 {
		t.Errorf("%+v", three)
	}
	if a := w.dns(3, "GET", "/v1/domains", ""); a.status != 401 {
		t.Errorf("expired at login: %+v", a)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	list := func(version int, token string) int {
		return w.send("GET", w.DNSURL(version)+"/v1/domains", "", "X-Auth-Token", token).status
	}
	if a, b := w.newToken(w.v2), w.newToken(w.v2); a == b || list(2, a) != 200 || list(2, b) != 200 {
		t.Error("two logins, one token")
	}
	if s := list(3, w.token(2)); s != 401 {
		t.Errorf("token of the other generation: %d", s)
	}
	stranger := w.AddAccount(conohatest.Account{Version: 3})
	theirs := w.newToken(stranger)
	get := func() int {
		return w.send("GET", w.DNSURL(3)+w.records(3), "", "X-Auth-Token", theirs).status
	}
	if s := get(); s != 404 {
		t.Errorf("zone of another tenant: %d", s)
	}
	if a := w.send("GET", w.DNSURL(3)+"/v1/domains", "", "X-Auth-Token", theirs); len(a.list("domains")) != 0 {
		t.Errorf("another tenant sees %s", a.body)
	}
	w.Switch(func(s *conohatest.Switches) { s.ForeignZoneStatus = 401 })
	if s := get(); s != 401 {
		t.Errorf("zone of another tenant, switched: %d", s)
	}
	w.clock.Advance(24*time.Hour - 1)
	if s := list(2, w.token(2)); s != 200 {
		t.Errorf("just before it expires: %d", s)
	}
	w.clock.Advance(1)
	if s := list(2, w.token(2)); s != 401 {
		t.Errorf("expired: %d", s)
	}
	fresh := w.newToken(w.v2)
	w.ExpireTokens()
	if s := list(2, fresh); s != 401 {
		t.Errorf("made to expire: %d", s)
	}
	w.Switch(func(s *conohatest.Switches) { s.UnauthorizedBody = conohatest.BodyEmpty; s.UnauthorizedStatus = 403 })
	if a := w.send("GET", w.DNSURL(2)+"/v1/domains", "", "X-Auth-Token", fresh); a.status != 403 || a.body != "" {
		t.Errorf("%+v", a)
	}
	w.Switch(func(s *conohatest.Switches) { s.UnauthorizedBody = conohatest.BodyJSON; s.UnauthorizedStatus = 0 })
	if a := w.send("GET", w.DNSURL(2)+"/v1/domains", "", "X-Auth-Token", fresh); a.status != 401 || a.at("error", "code") != 401.0 {
		t.Errorf("%+v", a)
	}
}
