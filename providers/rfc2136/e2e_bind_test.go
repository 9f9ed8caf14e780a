//go:build e2e

package rfc2136

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	publication "wildcard/internal/dns01/propagation"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/bindtest"
	"wildcard/internal/testkit/executable"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
	"wildcard/providers/plugin"
)

// bind is a real BIND: a primary that takes updates signed with one key, and secondaries.
type bind struct {
	t       testing.TB
	dir     string
	primary string // host:port
	key     string // path of a key file as tsig-keygen wrote it
	process *os.Process
}

const (
	policy  = "update-policy { grant wildcard-key zonesub TXT; };"
	options = bindtest.Options + " allow-transfer { any; }; serial-query-rate 1000;"
)

// startBIND starts a primary of example.com and example.net. also are the ports of secondaries that are told of changes.
func startBIND(t testing.TB, algorithm string, also ...string) *bind {
	t.Helper()
	b := &bind{t: t, dir: t.TempDir()}
	b.key = filepath.Join(b.dir, "wildcard.key")
	clause, _ := bindtest.Key(t, algorithm, "wildcard-key")
	b.write("wildcard.key", clause)
	notify := ""
	for _, port := range also {
		notify += fmt.Sprintf("127.0.0.1 port %s; ", port)
	}
	for _, zone := range []string{"example.com", "example.net"} {
		b.write(zone, fmt.Sprintf("$TTL 300\n@ SOA ns1.%[1]s. root.%[1]s. 1 86400 86400 864000 60\n@ NS ns1\nns1 A 127.0.0.1\nsub NS ns.elsewhere.example.\n", zone))
	}
	config := fmt.Sprintf(`include "%s";
options { notify explicit; also-notify { %s}; notify-delay 0; notify-rate 1000; %s };
zone "example.com" { type primary; file "example.com"; %s };
zone "example.net" { type primary; file "example.net"; %s };
`, b.key, notify, options, policy, policy)
	b.process, b.primary = bindtest.Start(t, b.dir, bindtest.Port(t), "example.com", config)
	return b
}

// secondary starts one of example.com, whose refresh timer is in seconds.
func (b *bind) secondary(port string, refresh int) string {
	b.t.Helper()
	_, primaryPort, _ := net.SplitHostPort(b.primary)
	_, address := bindtest.Start(b.t, b.t.TempDir(), port, "example.com", fmt.Sprintf(`options { %s };
zone "example.com" { type secondary; primaries port %s { 127.0.0.1; }; min-refresh-time %d; max-refresh-time %d; min-retry-time %d; max-retry-time %d; };
`, options, primaryPort, refresh, refresh, refresh, refresh))
	return address
}

func (b *bind) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bind) open(spec string) providers.Account {
	b.t.Helper()
	parsed, err := providers.ParseSpec(spec)
	if err != nil {
		b.t.Fatal(err)
	}
	accounts, err := Open(parsed, settings.Sources{Environ: []string{"RFC2136_NAMESERVER=" + b.primary, "RFC2136_TSIG_FILE=" + b.key}}, Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	return accounts[0]
}

// texts asks the primary without our code.
func (b *bind) texts(fqdn string) (values []string) {
	m := new(dns.Msg).SetQuestion(fqdn, dns.TypeTXT)
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, b.primary)
	if err != nil {
		b.t.Error(err)
		return nil
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// nsupdate changes a record as an administrator does.
func (b *bind) nsupdate(line string) {
	b.t.Helper()
	_, port, _ := net.SplitHostPort(b.primary)
	cmd := exec.Command("nsupdate", "-k", b.key)
	cmd.Stdin = strings.NewReader("server 127.0.0.1 " + port + "\n" + line + "\nsend\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("nsupdate: %v\n%s", err, out)
	}
}

// The contract, against a real BIND.
func TestConformanceBIND(t *testing.T) {
	for _, algorithm := range []string{"hmac-sha256", "hmac-sha512"} {
		t.Run(algorithm, func(t *testing.T) {
			b := startBIND(t, algorithm)
			conformancetest.Run(t, conformancetest.Config{
				Zone:    "example.com.",
				Open:    func(testing.TB) providers.Provider { return b.open("example.com=rfc2136").Provider },
				Records: func(_ testing.TB, fqdn string) []string { return b.texts(fqdn) },
				Foreign: func(_ testing.TB, fqdn, value string) func() {
					b.nsupdate(`update add ` + fqdn + ` 300 TXT "` + value + `"`)
					return func() { b.nsupdate(`update delete ` + fqdn + ` TXT "` + value + `"`) }
				},
				Stall: func(t testing.TB) func() { return bindtest.Stall(t, b.process) },
			})
		})
	}
}

// What BIND refuses is told in words that help.
func TestRefusalsOfBIND(t *testing.T) {
	b := startBIND(t, "hmac-sha256")
	other := startBIND(t, "hmac-sha256")
	w := &world{t: t, log: &buffer{}}
	try := func(b *bind, key, spec, domain string) error {
		b = &bind{t: t, primary: b.primary, key: key}
		_, err := b.open(spec).Provider.Present(t.Context(), challenge(domain, 1))
		return err
	}
	w.fails(try(b, other.key, "example.com=rfc2136", "example.com"), providers.CodeCredentials, providers.Refused, "BADSIG")
	w.fails(try(b, b.key, "sub.example.com=rfc2136", "sub.example.com"), providers.CodeDelegatedElsewhere, providers.Misconfigured, "sub.example.com.")
	w.fails(try(b, b.key, "example.org=rfc2136", "example.org"), providers.CodeNoZone, providers.Misconfigured, "REFUSED")
}

// A wait ends when the last of three servers has the record: the primary, a secondary that is told of the change, and one
// that finds out by itself some seconds later.
func TestLaggingSecondary(t *testing.T) {
	told, lagging := bindtest.Port(t), bindtest.Port(t)
	b := startBIND(t, "hmac-sha256", told)
	servers := []string{b.primary, b.secondary(told, 86400), b.secondary(lagging, 4)}
	account := b.open("example.com=rfc2136")
	c := challenge("example.com", 1)
	handle, err := account.Provider.Present(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	has := func(server string) bool {
		r, err := dns.Exchange(new(dns.Msg).SetQuestion(c.FQDN, dns.TypeTXT), server)
		return err == nil && len(r.Answer) == 1
	}
	behind := !has(servers[2])
	wait := publication.Wait{Resolver: &publication.Resolver{NameServers: servers}, Limit: time.Minute}
	if _, err := wait.Run(t.Context(), []publication.Record{{Zone: "example.com.", FQDN: c.FQDN, Value: c.Value}}); err != nil {
		t.Fatal(err)
	}
	for _, server := range servers {
		if !has(server) {
			t.Errorf("%s has no record", server)
		}
	}
	if !behind {
		t.Error("the lagging secondary did not lag: nothing was tested")
	}
	if err := account.Provider.CleanUp(t.Context(), c, handle); err != nil || len(b.texts(c.FQDN)) > 0 {
		t.Errorf("%v, %q", err, b.texts(c.FQDN))
	}
}

// The plugin in shell that we show as an example fulfils the contract, too.
func TestExamplePlugin(t *testing.T) {
	b := startBIND(t, "hmac-sha256")
	dir := t.TempDir()
	text, err := os.ReadFile("../plugin/examples/wildcard-dns-nsupdate")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o700), executable.WriteFile(filepath.Join(dir, "wildcard-dns-nsupdate"), text, 0o755)); err != nil {
		t.Fatal(err)
	}
	environ := []string{"WILDCARD_PLUGIN_DIR=" + dir, "NSUPDATE_SERVER=" + strings.ReplaceAll(b.primary, ":", " "), "NSUPDATE_KEY=" + b.key}
	conformancetest.Run(t, conformancetest.Config{
		Zone: "example.com.",
		Open: func(t testing.TB) providers.Provider {
			accounts, err := plugin.Open(providers.Spec{Zone: "example.com.", Name: "plugin", Arg: "nsupdate"}, settings.Sources{Environ: environ}, plugin.Options{Environ: environ})
			if err != nil {
				t.Fatal(err)
			}
			return accounts[0].Provider
		},
		Records: func(_ testing.TB, fqdn string) []string { return b.texts(fqdn) },
	})
}
