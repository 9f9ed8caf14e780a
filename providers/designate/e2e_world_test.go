//go:build e2e

package designate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/zonetest"
)

// openStack is a real Keystone, a real Designate and a real BIND behind it, and in Keystone one project with one user. What
// these tests ask of it goes over plain HTTP and DNS, not through our code.
type openStack struct {
	t         testing.TB
	dir       string
	http      *http.Client
	identity  string // Keystone's URL, with /v3
	dns       string // Designate's own URL, with /v2
	bind      string // host:port
	designate *os.Process

	user, password     string
	project            string
	credential, secret string            // an application credential of the user
	token              string            // the user's, in the project
	zones              map[string]string // IDs by name

	lose atomic.Bool // the next reply to a POST
}

// startOpenStack starts all three, which takes some ten seconds, and makes the zones in the user's project.
func startOpenStack(t testing.TB, zones ...string) *openStack {
	t.Helper()
	o := &openStack{
		t: t, dir: t.TempDir(), user: "wildcard", password: "pass word/ü%", zones: map[string]string{},
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute},
	}
	const admin = "admin-secret"
	keystone, api, mdns, bind, rndc := freePort(t), freePort(t), freePort(t), freePort(t), freePort(t)
	o.identity, o.dns, o.bind = "http://127.0.0.1:"+keystone+"/v3", "http://127.0.0.1:"+api+"/v2", "127.0.0.1:"+bind
	fill := strings.NewReplacer("DIR", o.dir, "KEYSTONE", o.identity, "API", api, "MDNS", mdns, "BIND", bind, "RNDC", rndc, "ADMIN", admin)
	for name, text := range map[string]string{
		"keystone.conf": keystoneConf, "designate.conf": designateConf, "pools.yaml": poolsYAML, "named.conf": namedConf, "rndc.conf": rndcConf,
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(fill.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(o.dir, "locks"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.start("named", "-4", "-f", "-n", "1", "-c", filepath.Join(o.dir, "named.conf"))
	const python = "/usr/bin/python3" // Debian's, which has Debian's modules, whatever else is in PATH
	o.start(python, "-W", "ignore", "testdata/run_keystone.py", filepath.Join(o.dir, "keystone.conf"), keystone, admin)
	o.designate = o.start(python, "-W", "ignore", "testdata/run_designate.py", filepath.Join(o.dir, "designate.conf"), filepath.Join(o.dir, "pools.yaml"))
	o.answers(o.identity)
	o.answers(strings.TrimSuffix(o.dns, "v2"))
	o.populate(admin)
	for _, zone := range zones {
		var made struct{ ID string }
		o.ask("POST", o.dns+"/zones", o.token, object{"name": zone, "email": "root@example.com"}, &made)
		o.zones[zone] = made.ID
	}
	for _, zone := range zones {
		o.eventually(zone+" is served", func() bool { return len(o.served(zone, dns.TypeSOA)) == 1 })
	}
	return o
}

type object = map[string]any

// start starts a program, and sees to it that it ends. What it says is shown if the test fails.
func (o *openStack) start(name string, args ...string) *os.Process {
	o.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		o.t.Fatalf("the e2e ring needs %s: %v", name, err)
	}
	o.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text := said.String(); o.t.Failed() {
			o.t.Logf("%s said:\n%s", cmd, text[max(0, len(text)-4000):])
		}
	})
	return cmd.Process
}

// eventually waits until something is so. The limit is for machines with much else to do.
func (o *openStack) eventually(what string, so func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

func (o *openStack) answers(url string) {
	o.t.Helper()
	o.eventually(url+" answers", func() bool {
		resp, err := o.http.Get(url)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
}

// ask makes a request that has to succeed, decodes the reply and returns its header.
func (o *openStack) ask(method, url, token string, body, reply any) http.Header {
	o.t.Helper()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			o.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, url, &sent)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Auth-Token", token)
	resp, err := o.http.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		o.t.Fatalf("%s %s: %s, %v: %s", method, url, resp.Status, err, text)
	}
	if reply != nil {
		if err := json.Unmarshal(text, reply); err != nil {
			o.t.Fatalf("%s %s: %v: %s", method, url, err, text)
		}
	}
	return resp.Header
}

// populate puts into Keystone what an administrator would: Designate, a project and a user; and the user's application
// credential.
func (o *openStack) populate(admin string) {
	o.t.Helper()
	token := o.login("admin", admin, "admin")
	id := func(kind, path string, value object) string {
		o.t.Helper()
		var reply map[string]struct{ ID string }
		o.ask("POST", o.identity+path, token, object{kind: value}, &reply)
		return reply[kind].ID
	}
	service := id("service", "/services", object{"type": "dns", "name": "designate"})
	id("endpoint", "/endpoints", object{"service_id": service, "interface": "public", "region_id": "RegionOne", "url": o.front()})
	o.project = id("project", "/projects", object{"name": "demo", "domain_id": "default"})
	user := id("user", "/users", object{"name": o.user, "password": o.password, "domain_id": "default"})
	var roles struct{ Roles []struct{ ID string } }
	o.ask("GET", o.identity+"/roles?name=member", token, nil, &roles)
	o.ask("PUT", o.identity+"/projects/"+o.project+"/users/"+user+"/roles/"+roles.Roles[0].ID, token, nil, nil)
	o.token = o.login(o.user, o.password, "demo")
	var made struct {
		Credential struct{ ID, Secret string } `json:"application_credential"`
	}
	o.ask("POST", o.identity+"/users/"+user+"/application_credentials", o.token, object{"application_credential": object{"name": "certificates"}}, &made)
	o.credential, o.secret = made.Credential.ID, made.Credential.Secret
}

func (o *openStack) login(user, password, project string) string {
	o.t.Helper()
	domain := object{"id": "default"}
	return o.ask("POST", o.identity+"/auth/tokens", "", object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{"name": user, "password": password, "domain": domain}}},
		"scope":    object{"project": object{"name": project, "domain": domain}},
	}}, nil).Get("X-Subject-Token")
}

// front is Designate as the catalogue has it: behind a proxy that can lose a reply.
func (o *openStack) front() string {
	target, err := url.Parse(strings.TrimSuffix(o.dns, "/v2"))
	if err != nil {
		o.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: o.http.Transport,
		ModifyResponse: func(resp *http.Response) error {
			if resp.Request.Method == http.MethodPost && o.lose.Swap(false) {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	o.t.Cleanup(server.Close)
	return server.URL
}

type recordSet struct {
	ID, Name, Type string
	Records        []string
}

// sets returns the TXT record sets of a name that the user has, and the URL of those of its zone; without a name, all sets.
func (o *openStack) sets(zone, fqdn string) (at string, sets []recordSet) {
	o.t.Helper()
	at = o.dns + "/zones/" + o.zones[zone] + "/recordsets"
	query := ""
	if fqdn != "" {
		query = "?type=TXT&name=" + url.QueryEscape(fqdn)
	}
	var reply struct{ RecordSets []recordSet }
	o.ask("GET", at+query, o.token, nil, &reply)
	return at, reply.RecordSets
}

// texts are the values that Designate holds at a name.
func (o *openStack) texts(zone, fqdn string) (values []string) {
	o.t.Helper()
	_, sets := o.sets(zone, fqdn)
	for _, set := range sets {
		for _, record := range set.Records {
			values = append(values, strings.Trim(record, `"`))
		}
	}
	return values
}

// edit changes the values at a name as another client does.
func (o *openStack) edit(zone, fqdn string, change func([]string) []string) {
	o.t.Helper()
	at, sets := o.sets(zone, fqdn)
	if len(sets) == 0 {
		o.ask("POST", at, o.token, object{"name": fqdn, "type": "TXT", "records": change(nil)}, nil)
		return
	}
	if records := change(slices.Clone(sets[0].Records)); len(records) > 0 {
		o.ask("PUT", at+"/"+sets[0].ID, o.token, object{"records": records}, nil)
	} else {
		o.ask("DELETE", at+"/"+sets[0].ID, o.token, nil, nil)
	}
}

// foreign puts another program's record at a name and returns what removes it.
func (o *openStack) foreign(zone, fqdn, value string) (remove func()) {
	o.t.Helper()
	o.edit(zone, fqdn, func(records []string) []string { return append(records, `"`+value+`"`) })
	return func() {
		o.edit(zone, fqdn, func(records []string) []string {
			return slices.DeleteFunc(records, func(r string) bool { return r == `"`+value+`"` })
		})
	}
}

// served returns what BIND serves at a name.
func (o *openStack) served(fqdn string, kind uint16) (values []string) {
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(fqdn, kind), o.bind)
	if err != nil {
		return nil
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		} else {
			values = append(values, rr.String())
		}
	}
	return values
}

func freePort(t testing.TB) string {
	tcp, udp, err := zonetest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = tcp.Close(), udp.Close()
	return fmt.Sprint(tcp.Addr().(*net.TCPAddr).Port)
}

const keystoneConf = `[DEFAULT]
log_file = DIR/keystone.log
[database]
connection = sqlite:///DIR/keystone.db
[fernet_tokens]
key_repository = DIR/fernet
[fernet_receipts]
key_repository = DIR/receipts
[credential]
key_repository = DIR/credential
[identity]
password_hash_rounds = 4
`

const designateConf = `[DEFAULT]
transport_url = fake://
quota_recordset_records = 100
log_file = DIR/designate.log
state_path = DIR/locks
[oslo_concurrency]
lock_path = DIR/locks
[storage:sqlalchemy]
connection = sqlite:///DIR/designate.db
[service:api]
listen = 127.0.0.1:API
api_base_uri = http://127.0.0.1:API/
enable_api_v2 = True
auth_strategy = keystone
workers = 1
[service:central]
workers = 1
[service:mdns]
listen = 127.0.0.1:MDNS
workers = 1
[service:worker]
workers = 1
poll_delay = 0
poll_retry_interval = 1
poll_max_retries = 100
[service:producer]
workers = 1
[producer_task:delayed_notify]
interval = 1
[keystone_authtoken]
www_authenticate_uri = KEYSTONE
auth_url = KEYSTONE
auth_type = password
username = admin
password = ADMIN
project_name = admin
user_domain_id = default
project_domain_id = default
`

const poolsYAML = `- name: default
  description: BIND
  attributes: {}
  ns_records: [{hostname: ns1.example.net., priority: 1}]
  nameservers: [{host: 127.0.0.1, port: BIND}]
  targets:
  - type: bind9
    masters: [{host: 127.0.0.1, port: MDNS}]
    options: {host: 127.0.0.1, port: BIND, rndc_host: 127.0.0.1, rndc_port: RNDC, rndc_config_file: DIR/rndc.conf}
`

const rndcConf = `key "rndc" { algorithm hmac-sha256; secret "cm5kYy1vZi10ZXN0cw=="; };
options { default-key "rndc"; };
`

const namedConf = `key "rndc" { algorithm hmac-sha256; secret "cm5kYy1vZi10ZXN0cw=="; };
controls { inet 127.0.0.1 port RNDC allow { 127.0.0.1; } keys { "rndc"; }; };
options {
	directory "DIR"; pid-file "DIR/named.pid"; session-keyfile "DIR/session.key"; managed-keys-directory "DIR"; lock-file none;
	listen-on port BIND { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no;
	allow-new-zones yes; allow-notify { 127.0.0.1; }; request-ixfr no; serial-query-rate 1000;
};
`
