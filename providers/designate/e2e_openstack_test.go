//go:build e2e

package designate

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

// One real OpenStack for all tests, since it takes longer to start than most of them.
func TestOpenStack(t *testing.T) {
	if text := os.Getenv("E2E_PROCESS"); text != "" {
		process(t, text)
		return
	}
	o := startOpenStack(t, "example.com.", "sub.example.com.")
	t.Run("conformance with an application credential of clouds.yaml", func(t *testing.T) { o.conformance(t, o.clouds(t)) })
	t.Run("conformance with user and password", func(t *testing.T) { o.conformance(t, o.userAndPassword()) })
	t.Run("publication", func(t *testing.T) { o.publication(t) })
	t.Run("processes at one name", func(t *testing.T) { o.processes(t) })
	t.Run("refusals", func(t *testing.T) { o.refusals(t) })
	t.Run("nothing is left", func(t *testing.T) { o.nothingIsLeft(t) })
}

func (o *openStack) userAndPassword() []string {
	return []string{"OS_AUTH_URL=" + o.identity, "OS_USERNAME=" + o.user, "OS_PASSWORD=" + o.password, "OS_PROJECT_NAME=demo"}
}

// clouds writes a clouds.yaml, as Horizon lets one download it, with the secret in secure.yaml.
func (o *openStack) clouds(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"clouds.yaml": `clouds:
  openstack:
    auth:
      auth_url: ` + strings.TrimSuffix(o.identity, "/v3") + `
      application_credential_id: "` + o.credential + `"
    region_name: "RegionOne"
    interface: "public"
    identity_api_version: 3
    auth_type: "v3applicationcredential"
`,
		"secure.yaml": `clouds: {openstack: {auth: {application_credential_secret: "` + o.secret + `"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"OS_CLOUD=openstack", "OS_CLIENT_CONFIG_FILE=" + filepath.Join(dir, "clouds.yaml")}
}

func openWith(t testing.TB, environ []string, run string) providers.Provider {
	t.Helper()
	accounts, err := Open(providers.Spec{Name: "designate"}, settings.Sources{Environ: environ}, Options{RunDir: run})
	if err != nil {
		t.Fatal(err)
	}
	return accounts[0].Provider
}

func (o *openStack) conformance(t *testing.T, environ []string) {
	run := filepath.Join(t.TempDir(), "run")
	conformancetest.Run(t, conformancetest.Config{
		Zone:    "example.com.",
		Open:    func(t testing.TB) providers.Provider { return openWith(t, environ, run) },
		Records: func(_ testing.TB, fqdn string) []string { return o.texts("example.com.", fqdn) },
		Foreign: func(_ testing.TB, fqdn, value string) func() { return o.foreign("example.com.", fqdn, value) },
		Stall: func(t testing.TB) func() {
			if err := o.designate.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			return func() { _ = o.designate.Signal(syscall.SIGCONT) }
		},
		LoseReply: func(testing.TB) { o.lose.Store(true) },
	})
}

// The name server serves what was presented, beside what another program has at the name, and ceases to.
func (o *openStack) publication(t *testing.T) {
	p := openWith(t, o.clouds(t), "").(*Provider)
	defer func() { _ = p.Close() }()
	c := challenge("www.sub.example.com", 1)
	remove := o.foreign("sub.example.com.", c.FQDN, "another program")
	h, err := p.Present(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	serves := func(want ...string) {
		t.Helper()
		o.eventually(fmt.Sprintf("%s is %q", c.FQDN, want), func() bool {
			have := o.served(c.FQDN, dns.TypeTXT)
			slices.Sort(have)
			return slices.Equal(have, want)
		})
	}
	serves(c.Value, "another program")
	if err := p.CleanUp(t.Context(), c, h); err != nil {
		t.Fatal(err)
	}
	serves("another program")
	remove()
	serves()
	zones, err := p.Zones(t.Context(), true)
	slices.Sort(zones)
	if err != nil || !slices.Equal(zones, []string{"example.com.", "sub.example.com."}) {
		t.Errorf("%q, %v", zones, err)
	}
}

// errand is what another process of ours is to do.
type errand struct {
	Environ    []string
	Run        string
	Challenges []providers.Challenge
	CleanUp    bool
}

// process does an errand, all of it at once.
func process(t *testing.T, text string) {
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	p := openWith(t, e.Environ, e.Run).(*Provider)
	defer func() { _ = p.Close() }()
	var all sync.WaitGroup
	for _, c := range e.Challenges {
		all.Go(func() {
			var err error
			if e.CleanUp {
				err = p.CleanUp(t.Context(), c, "")
			} else {
				_, err = p.Present(t.Context(), c)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Two processes with several threads each, at one name: none loses a value of another, neither to a change nor to the
// deletion of the set.
func (o *openStack) processes(t *testing.T) {
	const each = 4
	run := filepath.Join(t.TempDir(), "run")
	var first, second []providers.Challenge
	for i := range each {
		first, second = append(first, challenge("crowd.example.com", i)), append(second, challenge("crowd.example.com", each+i))
	}
	var all sync.WaitGroup
	send := func(environ []string, challenges []providers.Challenge, cleanUp bool) {
		text, err := json.Marshal(errand{environ, run, challenges, cleanUp})
		if err != nil {
			t.Fatal(err)
		}
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			cmd := exec.Command(exe, "-test.run=^TestOpenStack$", "-test.v")
			cmd.Env = append(os.Environ(), "E2E_PROCESS="+string(text))
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestOpenStack") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	holds := func(want []providers.Challenge) {
		t.Helper()
		all.Wait()
		have := o.texts("example.com.", first[0].FQDN)
		slices.Sort(have)
		var values []string
		for _, c := range want {
			values = append(values, c.Value)
		}
		if !slices.Equal(have, values) {
			t.Errorf("%q, want %q", have, values)
		}
	}
	clouds := o.clouds(t)
	send(clouds, first, false)
	send(clouds, second, false)
	holds(slices.Concat(first, second))
	send(clouds, first, true)
	send(clouds, second[:1], true)
	holds(second[1:])
	send(clouds, second[1:2], true)
	send(clouds, second[2:], true)
	holds(nil)
}

// What the real ones refuse is told in words that help, and without the secret.
func (o *openStack) refusals(t *testing.T) {
	w := &world{t: t, log: &buffer{}}
	try := func(domain string, environ ...string) error {
		p := openWith(t, environ, "").(*Provider)
		defer func() { _ = p.Close() }()
		_, err := p.Present(t.Context(), challenge(domain, 1))
		if err != nil && strings.Contains(err.Error(), o.secret) {
			t.Errorf("the secret is told in %q", err)
		}
		return err
	}
	w.fails(try("example.com", "OS_AUTH_URL="+o.identity, "OS_USERNAME="+o.user, "OS_PASSWORD=wrong", "OS_PROJECT_NAME=demo"), providers.CodeCredentials, providers.Refused, "401")
	w.fails(try("example.com", "OS_AUTH_URL="+o.identity, "OS_APPLICATION_CREDENTIAL_ID="+o.secret, "OS_APPLICATION_CREDENTIAL_SECRET="+o.secret), providers.CodeCredentials, providers.Refused)
	w.fails(try("example.com", append(o.userAndPassword(), "OS_REGION_NAME=Elsewhere")...), providers.CodeBadSettings, providers.Misconfigured, "Elsewhere")
	w.fails(try("example.com", append(o.userAndPassword(), "OS_INTERFACE=internal")...), providers.CodeBadSettings, providers.Misconfigured, "internal")
	w.fails(try("example.org", o.userAndPassword()...), providers.CodeNoZone, providers.Misconfigured)
}

// nothingIsLeft looks for records of ours in Designate and, in the zone as BIND transfers it, at the name server.
func (o *openStack) nothingIsLeft(t *testing.T) {
	for _, zone := range []string{"example.com.", "sub.example.com."} {
		_, sets := o.sets(zone, "")
		for _, set := range sets {
			if set.Type != "SOA" && set.Type != "NS" {
				t.Errorf("%+v", set)
			}
		}
		o.eventually("BIND has nothing but SOA and NS in "+zone, func() bool {
			replies, err := (&dns.Transfer{}).In(new(dns.Msg).SetAxfr(zone), o.bind)
			if err != nil {
				t.Fatal(err)
			}
			left := 0
			for reply := range replies {
				for _, rr := range reply.RR {
					if kind := rr.Header().Rrtype; kind != dns.TypeSOA && kind != dns.TypeNS {
						left++
					}
				}
				if reply.Error != nil {
					t.Fatal(reply.Error)
				}
			}
			return left == 0
		})
	}
}
