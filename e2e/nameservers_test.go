//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/nameservers"
)

// The addresses of the servers, all on port 53 of a network namespace.
const (
	unboundAt  = "127.0.0.1"
	rootAt     = "127.1.0.1" // BIND: the root and test., which holds the delegations
	primaryAt  = "127.1.0.3" // BIND, which takes updates
	knotAt     = "127.1.0.4" // Knot: old copies, and a zone that takes updates
	nsdAt      = "127.1.0.5" // NSD: others' zones
	powerDNSAt = "127.1.0.6" // PowerDNS, by whose wildcards the zones of others answer
)

const updateSecret = "bWFkZSBieSB0c2lnLWtleWdlbiBmb3IgdGVzdHMhISE=" // of servers that only this namespace has

// TestNameServers is what name servers of others make of names: wildcards, chains through zones of others, parents and zones that
// name different servers, glue. BIND, Knot, NSD, PowerDNS and unbound run for it on port 53 of a network namespace.
func TestNameServers(t *testing.T) { nameservers.Alone(t, unboundAt, nameServers) }

// internet is those servers, and our programs.
type internet struct {
	t   *testing.T
	dir string
}

func nameServers(t *testing.T) {
	nameservers.AddAddresses(t, rootAt, primaryAt) // named listens only at addresses that an interface has
	n := &internet{t: t, dir: t.TempDir()}
	executable.Build(t, n.dir+"/bin", "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook")
	n.start()

	t.Run("wildcards", n.wildcards)
	t.Run("chains", n.chains)
	t.Run("sets", n.sets)
	t.Run("moved", n.moved)
	t.Run("glue", n.glue)
}

// delegations are the zone test., as its servers have it.
const delegations = `$TTL 172800
@ SOA a.nic root 1 3600 600 86400 60
@ NS a.nic
a.nic A 127.1.0.1
ns1 A 127.1.0.3
ns2 A 127.1.0.4
ns3 A 127.1.0.5
ns4 A 127.1.0.6
wild NS ns1
deep NS ns1
narrow NS ns1
apex NS ns1
same NS ns1
chain NS ns1
target NS ns1
foreign NS ns3
other NS ns4
sets NS ns1
sets NS ns2
moved NS ns2
glue NS ns.glue
ns.glue A 127.1.0.4`

// start starts the servers, those that others ask first.
func (n *internet) start() {
	zone := func(name string, records ...string) nameservers.Zone {
		return nameservers.Zone{Name: name, Records: append([]string{"$TTL 60"}, records...)}
	}
	root := zone(".", ". SOA a.root.test. root.test. 1 3600 600 86400 60", ". NS a.nic.test.", "test. NS a.nic.test.", "a.nic.test. A 127.1.0.1")
	root.More = "check-integrity no; "
	registry := nameservers.Zone{Name: "test.", Records: []string{delegations}, More: "allow-update { any; }; "}
	nameservers.BIND(n.t, rootAt, "", registry, root)
	nameservers.BIND(n.t, primaryAt, fmt.Sprintf("key \"k.\" { algorithm hmac-sha256; secret %q; };\n", updateSecret), n.ours()...)

	const old = "@ SOA ns1.test. root.test. 3 3600 600 86400 60"
	glue := zone("glue.test.", "@ SOA ns.glue.test. root.test. 3 3600 600 86400 60", "@ NS ns.glue.test.")
	glue.Update = nameservers.Key{Name: "k.", Secret: updateSecret}
	nameservers.Knot(n.t, knotAt, glue, zone("sets.test.", old, "@ NS ns1.test.", "@ NS ns2.test."), zone("moved.test.", old, "@ NS ns1.test.", "@ NS ns2.test."))
	nameservers.NSD(n.t, nsdAt, zone("foreign.test.", "@ SOA ns3.test. root.test. 1 3600 600 86400 60", "@ NS ns3.test.",
		"hop CNAME target.target.test.", "out CNAME victim.other.test."))
	nameservers.PowerDNS(n.t, powerDNSAt, zone("other.test.", "@ SOA ns4.test. root.test. 1 3600 600 86400 60", "@ NS ns4.test.",
		"* CNAME star.target.test.", "victim A 192.0.2.66"))
	hints := filepath.Join(n.dir, "hints")
	if err := os.WriteFile(hints, []byte(". 3600000 NS a.nic.test.\na.nic.test. 3600000 A 127.1.0.1\n"), 0o600); err != nil {
		n.t.Fatal(err)
	}
	nameservers.Unbound(n.t, unboundAt, unboundAt, fmt.Sprintf("  root-hints: %q", hints))
}

// ours are the zones of the primary, in which a key may change what each says.
func (n *internet) ours() (zones []nameservers.Zone) {
	for _, z := range []struct{ name, records, grant string }{
		{"wild.test.", "* CNAME cdn.other.test.", "name _acme-challenge.wild.test."},
		{"deep.test.", "* CNAME lb\nlb CNAME x.other.test.", "zonesub"},
		{"narrow.test.", "* CNAME www\nwww A 192.0.2.1", "name _acme-challenge.narrow.test."},
		{"apex.test.", "* CNAME apex.test.\n@ TXT \"v=spf1 -all\"", "zonesub"},
		{"same.test.", "* CNAME x.target.test.\n_acme-challenge CNAME x.target.test.", "zonesub"},
		{"chain.test.", "_acme-challenge CNAME hop.foreign.test.\n_acme-challenge.out CNAME out.foreign.test.\n_acme-challenge.star CNAME any.other.test.", "zonesub"},
		{"target.test.", "", "zonesub"},
		{"sets.test.", "", "zonesub"},
		{"moved.test.", "", "zonesub"},
	} {
		zones = append(zones, nameservers.Zone{
			Name: z.name, Records: []string{"$TTL 60", "@ SOA ns1.test. root.test. 7 3600 600 86400 60", "@ NS ns1.test.", z.records},
			More: fmt.Sprintf("update-policy { grant k. %s TXT; }; ", z.grant),
		})
	}
	return zones
}

// environ is the environment of our programs, for the server that takes updates of the zones.
func (n *internet) environ(server, zones string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "WILDCARD_RESOLVERS=" + unboundAt, "WILDCARD_STATE_DIR=" + n.dir + "/state",
		"WILDCARD_RUN_DIR=" + n.dir + "/run", "WILDCARD_CONFIG_DIR=" + n.dir + "/etc", "WILDCARD_CA_CACHE=0", "WILDCARD_PROVIDER=rfc2136",
		"RFC2136_NAMESERVER=" + server, "RFC2136_TSIG_KEY=k.", "RFC2136_TSIG_ALGORITHM=hmac-sha256", "RFC2136_TSIG_SECRET=" + updateSecret,
		"RFC2136_ZONE=" + zones, "RFC2136_PROPAGATION_TIMEOUT=20", "CERTBOT_VALIDATION=AAAA_first_value_43_characters_long_AAAAAAA",
	}
}

// zonesOfOurs are those of the primary.
const zonesOfOurs = "wild.test,deep.test,narrow.test,apex.test,same.test,chain.test,target.test,sets.test,moved.test"

// hook runs a hook for a domain.
func (n *internet) hook(t *testing.T, kind string, environ []string, domain string) (stderr string, exit int) {
	t.Helper()
	cmd := exec.Command(n.dir + "/bin/wildcard-" + kind + "-hook")
	cmd.Env = append(slices.Clone(environ), "CERTBOT_DOMAIN="+domain)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			t.Fatal(err)
		}
	}
	return errs.String(), cmd.ProcessState.ExitCode()
}

// texts are the values at a name of a server.
func texts(t *testing.T, server, name string) (values []string) {
	t.Helper()
	m, err := dns.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeTXT), server+":53")
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok && strings.EqualFold(txt.Hdr.Name, name) {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// stands lets the hooks make and remove the record of a domain, which stands at name meanwhile.
func (n *internet) stands(t *testing.T, server, zones, domain, name string) {
	t.Helper()
	environ := n.environ(server, zones)
	if stderr, exit := n.hook(t, "auth", environ, domain); exit != 0 {
		t.Errorf("%s: exit %d, %s", domain, exit, stderr)
		return
	}
	if got := texts(t, server, name); len(got) != 1 {
		t.Errorf("%s: at %s there is %q", domain, name, got)
	}
	if stderr, exit := n.hook(t, "cleanup", environ, domain); exit != 0 {
		t.Errorf("%s: clean-up: exit %d, %s", domain, exit, stderr)
	}
	if got := texts(t, server, name); len(got) != 0 {
		t.Errorf("%s: at %s is left %q", domain, name, got)
	}
}

// P9, P10.
func (n *internet) wildcards(t *testing.T) {
	for domain, name := range map[string]string{
		"wild.test": "_acme-challenge.wild.test.", "deep.test": "_acme-challenge.deep.test.", "a.b.deep.test": "_acme-challenge.a.b.deep.test.",
		"narrow.test": "_acme-challenge.narrow.test.", "apex.test": "_acme-challenge.apex.test.",
		"same.test": "x.target.test.", // where a true CNAME is like the wildcard's
	} {
		n.stands(t, primaryAt, zonesOfOurs, domain, name)
	}
	if got := texts(t, primaryAt, "apex.test."); len(got) != 1 {
		t.Errorf("at the apex there is %q", got)
	}
}

// P11.
func (n *internet) chains(t *testing.T) {
	n.stands(t, primaryAt, zonesOfOurs, "chain.test", "target.target.test.")
	n.stands(t, primaryAt, zonesOfOurs, "star.chain.test", "star.target.test.") // by a wildcard of others
	if stderr, exit := n.hook(t, "auth", n.environ(primaryAt, zonesOfOurs), "out.chain.test"); exit != 78 || !strings.Contains(stderr, "[cname.refused]") {
		t.Errorf("an end that is not ours: exit %d, %s", exit, stderr)
	}
}

// P16: whichever of the sets the resolver knows, both servers are awaited, and doctor says what is wrong.
func (n *internet) sets(t *testing.T) {
	environ := append(n.environ(primaryAt, zonesOfOurs), "RFC2136_PROPAGATION_TIMEOUT=4")
	for range 3 {
		stderr, exit := n.hook(t, "auth", environ, "sets.test")
		if exit != 75 || !strings.Contains(stderr, knotAt) || !strings.Contains(stderr, "which the parent of sets.test. lists") {
			t.Errorf("exit %d, %s", exit, stderr)
		}
		if stderr, exit := n.hook(t, "cleanup", environ, "sets.test"); exit != 0 {
			t.Errorf("clean-up: exit %d, %s", exit, stderr)
		}
		cmd := exec.Command(n.dir+"/bin/wildcard", "doctor", "--json", "--server", "https://127.0.0.9:1/directory", "sets.test")
		cmd.Env = environ
		out, _ := cmd.Output() // there is no CA here
		var answer struct {
			Findings []struct{ Code, What string } `json:"findings"`
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text := fmt.Sprint(answer.Findings)
		for _, want := range []string{"nameserver.sets-differ", "nameserver.behind ns2.test. (127.1.0.4:53)"} {
			if !strings.Contains(text, want) {
				t.Errorf("doctor lacks %s: %s", want, text)
			}
		}
		if strings.Contains(text, "nameserver.no-address") {
			t.Errorf("doctor: %s", text)
		}
	}
}

// P15: the parent moves the zone, of which the resolver has the old servers in its cache for two days.
func (n *internet) moved(t *testing.T) {
	m, err := dns.Exchange(new(dns.Msg).SetQuestion("moved.test.", dns.TypeNS), unboundAt+":53")
	if err != nil || len(m.Answer) != 2 {
		t.Fatalf("%v, %v", m, err)
	}
	if err := delegate("moved.test.", "ns1.test."); err != nil {
		t.Fatal(err)
	}
	n.stands(t, primaryAt, zonesOfOurs, "moved.test", "_acme-challenge.moved.test.")
	stderr, exit := n.hook(t, "auth", append(n.environ(primaryAt, zonesOfOurs), "WILDCARD_LOG=info"), "moved.test")
	if exit != 0 {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	_, _ = n.hook(t, "cleanup", n.environ(primaryAt, zonesOfOurs), "moved.test")
}

// delegate has the zone test. name another server for a zone (RFC 2136).
func delegate(zone, host string) error {
	update := new(dns.Msg).SetUpdate("test.")
	update.RemoveRRset([]dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS}}})
	update.Insert([]dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 172800}, Ns: host}})
	reply, err := dns.Exchange(update, rootAt+":53")
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = errors.New(dns.RcodeToString[reply.Rcode])
	}
	return err
}

// P18: Knot is the zone's only server, at an address that only the referral has.
func (n *internet) glue(t *testing.T) {
	n.stands(t, knotAt, "glue.test", "glue.test", "_acme-challenge.glue.test.")
}
