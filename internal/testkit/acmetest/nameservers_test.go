package acmetest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
)

// F20: the name servers themselves are asked, any one of them, with mixed case, and over TCP after a truncated answer; aliases are
// followed, absence has the SOA's time, and what no server answers is a failure.
func TestNameServers_Look(t *testing.T) {
	t.Parallel()
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	service.AddZone(service.AddAccount(conohatest.Account{Version: 2}).Tenant, "example.com")
	hosts := service.NameServers(2)
	r := acmetest.NameServers{Timeout: 200 * time.Millisecond, Zone: func(_ int, name string) (addresses []string) {
		if dns.IsSubDomain("example.com.", name) {
			for _, host := range hosts {
				addresses = append(addresses, service.NameServer(host).Addr())
			}
		}
		return addresses
	}}
	service.PutRecord("example.com", "_acme-challenge.example.com", "TXT", "one")
	service.PutRecord("example.com", "_acme-challenge.www.example.com", "CNAME", "_acme-challenge.example.com.")
	texts := func(name string) (values []string) {
		for _, rr := range r.Look(0, name, dns.TypeTXT).Records {
			values = append(values, strings.Join(rr.(*dns.TXT).Txt, ""))
		}
		return values
	}
	for _, name := range []string{"_acme-challenge.example.com.", "_acme-challenge.www.example.com."} {
		if got := texts(name); !slices.Equal(got, []string{"one"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for range 30 {
		texts("_acme-challenge.example.com.")
	}
	asked, mixed := map[string]bool{}, false
	for _, q := range service.Questions() {
		asked[q.Server] = true
		mixed = mixed || q.Name != strings.ToLower(q.Name) && q.Name != strings.ToUpper(q.Name)
	}
	if len(asked) != len(hosts) || !mixed {
		t.Errorf("asked %v of %v, mixed case %v", asked, hosts, mixed)
	}
	if a := r.Look(0, "none.example.com.", dns.TypeTXT); a.Rcode != dns.RcodeNameError || a.TTL <= 0 || len(a.Records) > 0 {
		t.Errorf("%+v", a)
	}
	if a := r.Look(0, "com.", dns.TypeCAA); a.Rcode != dns.RcodeNameError {
		t.Errorf("%+v", a)
	}
	for host := range slices.Values(hosts) {
		service.NameServer(host).Set(conohatest.Behaviour{Truncate: true})
	}
	if got := texts("_acme-challenge.example.com."); !slices.Equal(got, []string{"one"}) {
		t.Errorf("over TCP: %q", got)
	}
	for name, test := range map[string]struct {
		behaviour conohatest.Behaviour
		silent    bool
	}{"SERVFAIL": {conohatest.Behaviour{ServFail: true}, false}, "silent": {conohatest.Behaviour{Silent: true}, true}, "lame": {conohatest.Behaviour{Lame: true}, false}} {
		for _, host := range hosts {
			service.NameServer(host).Set(test.behaviour)
		}
		if a := r.Look(0, "_acme-challenge.example.com.", dns.TypeTXT); a.Rcode != dns.RcodeServerFailure || a.Silent != test.silent {
			t.Errorf("%s: %+v", name, a)
		}
	}
	service.NameServer(hosts[0]).Set(conohatest.Behaviour{}) // another one is asked
	for range 5 {
		if got := texts("_acme-challenge.example.com."); !slices.Equal(got, []string{"one"}) {
			t.Errorf("one of %d is well: %q", len(hosts), got)
		}
	}
}
