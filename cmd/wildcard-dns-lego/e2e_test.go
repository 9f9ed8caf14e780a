//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/bindtest"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

// daemon runs a real program until the end of the test.
func daemon(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("the e2e ring needs %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said\n%s", name, &out)
		}
	})
	return cmd
}

// texts asks a name server.
func texts(t testing.TB, address, fqdn string) (values []string) {
	t.Helper()
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(fqdn, dns.TypeTXT), address)
	if err != nil {
		t.Error(err)
		return nil
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// serving waits until a name server has example.com.
func serving(t testing.TB, address string) {
	t.Helper()
	for range 1500 {
		r, err := dns.Exchange(new(dns.Msg).SetQuestion("example.com.", dns.TypeSOA), address)
		if err == nil && r.Authoritative && len(r.Answer) == 1 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not serve example.com", address)
}

// lego:rfc2136 against BIND. lego replaces what is at a name, so it holds one value.
func TestBIND(t *testing.T) {
	dir := private(t)
	clause, _ := bindtest.Key(t, "hmac-sha256", "wildcard-key")
	write(t, filepath.Join(dir, "key"), clause, 0o600)
	write(t, filepath.Join(dir, "example.com"), "$TTL 300\n@ SOA ns root 1 86400 86400 864000 60\n@ NS ns\nns A 127.0.0.1\n", 0o600)
	named, address := bindtest.Start(t, dir, bindtest.Port(t), "example.com", clause+`
options { `+bindtest.Options+` notify no; };
zone "example.com" { type primary; file "example.com"; update-policy { grant wildcard-key zonesub TXT; }; };
`)
	for _, prefix := range []string{"RFC2136_", "DNSUPDATE_"} { // either name of lego's
		h := host{pluginDir(t), strings.ToLower(strings.Trim(prefix, "_")), []string{prefix + "NAMESERVER=" + address, prefix + "TSIG_FILE=" + dir + "/key"}}
		t.Run(h.service, func(t *testing.T) {
			conformancetest.Run(t, conformancetest.Config{
				Zone:         "example.com.",
				Open:         func(t testing.TB) providers.Provider { return h.must(t) },
				Records:      func(t testing.TB, fqdn string) []string { return texts(t, address, fqdn) },
				Stall:        func(t testing.TB) func() { return bindtest.Stall(t, named) },
				NeedsKeyAuth: true,
				OneValue:     true,
			})
		})
	}
}

// powerDNS is a real one, with its HTTP API.
type powerDNS struct {
	t            testing.TB
	api, address string
}

func startPowerDNS(t testing.TB) *powerDNS {
	t.Helper()
	dir := private(t)
	create := exec.Command("sqlite3", dir+"/zones.db", ".read /usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("the e2e ring needs PowerDNS with sqlite: %v\n%s", err, out)
	}
	port, web := bindtest.Port(t), bindtest.Port(t)
	write(t, filepath.Join(dir, "pdns.conf"), fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%[1]s/zones.db
local-address=127.0.0.1
local-port=%[2]s
api=yes
api-key=canary-key
webserver=yes
webserver-address=127.0.0.1
webserver-port=%[3]s
webserver-allow-from=127.0.0.0/8
socket-dir=%[1]s
guardian=no
daemon=no
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
loglevel=3
`, dir, port, web), 0o600)
	daemon(t, "pdns_server", "--config-dir="+dir)
	p := &powerDNS{t, "http://127.0.0.1:" + web, "127.0.0.1:" + port}
	for range 1500 {
		if conn, err := net.Dial("tcp4", "127.0.0.1:"+web); err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.call(http.MethodPost, "/zones", map[string]any{"name": "example.com.", "kind": "Master", "nameservers": []string{"ns.example.com."}})
	serving(t, p.address)
	return p
}

// call uses the API as an administrator does.
func (p *powerDNS) call(method, path string, body any) []byte {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.api+"/api/v1/servers/localhost"+path, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-API-Key", "canary-key")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %d %s, %v", method, path, reply.StatusCode, answer, err)
	}
	return answer
}

// set replaces the values at a name.
func (p *powerDNS) set(fqdn string, values []string) {
	p.t.Helper()
	records := []map[string]any{}
	for _, v := range values {
		records = append(records, map[string]any{"content": strconv.Quote(v), "disabled": false})
	}
	p.call(http.MethodPatch, "/zones/example.com.", map[string]any{"rrsets": []map[string]any{
		{"name": fqdn, "type": "TXT", "ttl": 60, "changetype": "REPLACE", "records": records},
	}})
}

func TestPowerDNS(t *testing.T) {
	p := startPowerDNS(t)
	h := host{pluginDir(t), "pdns", []string{"PDNS_API_URL=" + p.api, "PDNS_API_KEY=canary-key"}}
	conformancetest.Run(t, conformancetest.Config{
		Zone:    "example.com.",
		Open:    func(t testing.TB) providers.Provider { return h.must(t) },
		Records: func(t testing.TB, fqdn string) []string { return texts(t, p.address, fqdn) },
		Foreign: func(t testing.TB, fqdn, value string) func() {
			p.set(fqdn, append(texts(t, p.address, fqdn), value))
			return func() {
				var kept []string
				for _, v := range texts(t, p.address, fqdn) {
					if v != value {
						kept = append(kept, v)
					}
				}
				p.set(fqdn, kept)
			}
		},
		NeedsKeyAuth: true,
	})
}
