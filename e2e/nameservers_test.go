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
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

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
// name different servers, glue. BIND, Knot, NSD, PowerDNS and unbound run for it on port 53 of a network namespace, in which the
// test runs itself once more.
func TestNameServers(t *testing.T) {
	if os.Getenv("E2E_NAMESERVERS") != "" {
		nameServers(t)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestNameServers$", "-test.v")
	cmd.Env = append(os.Environ(), "E2E_NAMESERVERS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNameServers") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// internet is those servers, and our programs.
type internet struct {
	t   *testing.T
	dir string
}

func nameServers(t *testing.T) {
	nameservers.LoopbackUp(t)
	nameservers.AddAddresses(t, rootAt, primaryAt) // named listens only at addresses that an interface has
	n := &internet{t: t, dir: t.TempDir()}
	build := exec.Command("go", "build", "-o", n.dir+"/bin/", "wildcard/cmd/wildcard", "wildcard/cmd/wildcard-auth-hook", "wildcard/cmd/wildcard-cleanup-hook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n.startRoot()
	n.startPrimary()
	n.startKnot()
	n.startNSD()
	n.startPowerDNS()
	n.startUnbound()

	t.Run("wildcards", n.wildcards)
	t.Run("chains", n.chains)
	t.Run("sets", n.sets)
	t.Run("moved", n.moved)
	t.Run("glue", n.glue)
}

// run starts a server, and waits until it serves zone at ip with authority, or, without a zone, answers at all.
func (n *internet) run(ip, zone string, command string, args ...string) *exec.Cmd {
	n.t.Helper()
	cmd := exec.Command(command, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		n.t.Fatalf("the test needs %s: %v", command, err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if n.t.Failed() {
			n.t.Logf("%s said\n%s", command, &said)
		}
	})
	for range 1500 {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(zone+".", dns.TypeSOA), ip+":53")
		if err == nil && (m.Authoritative && len(m.Answer) == 1 || zone == "") {
			return cmd
		}
		time.Sleep(20 * time.Millisecond)
	}
	n.t.Fatalf("%s does not serve %s", command, zone)
	return nil
}

func (n *internet) write(name, text string) string {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// named starts BIND at an address.
func (n *internet) named(name, ip, zone, zones string) *exec.Cmd {
	dir := filepath.Join(n.dir, name)
	config := n.write(name+"/named.conf", fmt.Sprintf(`key "k." { algorithm hmac-sha256; secret %q; };
options { directory %q; pid-file "%[2]s/pid"; session-keyfile "%[2]s/session.key"; managed-keys-directory %[2]q; lock-file none;
	listen-on { %[3]s; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; };
controls { };
%[4]s`, updateSecret, dir, ip, zones))
	return n.run(ip, zone, "named", "-4", "-g", "-n", "1", "-c", config)
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
glue NS ns.glue
ns.glue A 127.1.0.4
`

func (n *internet) startRoot() {
	n.write("root/root.zone", ". 172800 SOA a.root.test. root.test. 1 3600 600 86400 60\n. 172800 NS a.nic.test.\ntest. 172800 NS a.nic.test.\na.nic.test. 172800 A 127.1.0.1\n")
	n.registry("ns2")
	n.named("root", rootAt, "test", `zone "." { type primary; file "root.zone"; check-integrity no; };
zone "test" { type primary; file "test.zone"; };
`)
}

// registry writes the zone test., with moved.test at the given host.
func (n *internet) registry(moved string) {
	n.write("root/test.zone", delegations+"moved NS "+moved+"\n")
}

const primaryZone = "$TTL 60\n@ SOA ns1.test. root.test. 7 3600 600 86400 60\n@ NS ns1.test.\n"

func (n *internet) startPrimary() {
	var zones strings.Builder
	for zone, c := range map[string]struct{ records, grant string }{
		"wild":   {"* CNAME cdn.other.test.\n", "name _acme-challenge.wild.test."},
		"deep":   {"* CNAME lb\nlb CNAME x.other.test.\n", "zonesub"},
		"narrow": {"* CNAME www\nwww A 192.0.2.1\n", "name _acme-challenge.narrow.test."},
		"apex":   {"* CNAME apex.test.\n@ TXT \"v=spf1 -all\"\n", "zonesub"},
		"same":   {"* CNAME x.target.test.\n_acme-challenge CNAME x.target.test.\n", "zonesub"},
		"chain":  {"_acme-challenge CNAME hop.foreign.test.\n_acme-challenge.out CNAME out.foreign.test.\n_acme-challenge.star CNAME any.other.test.\n", "zonesub"},
		"target": {"", "zonesub"},
		"sets":   {"", "zonesub"},
		"moved":  {"", "zonesub"},
	} {
		n.write("primary/"+zone, primaryZone+c.records)
		fmt.Fprintf(&zones, "zone \"%s.test\" { type primary; file %q; update-policy { grant k. %s TXT; }; };\n", zone, zone, c.grant)
	}
	n.named("primary", primaryAt, "wild.test", zones.String())
}

func (n *internet) startKnot() {
	const old = "$TTL 60\n@ SOA ns1.test. root.test. 3 3600 600 86400 60\n@ NS ns1.test.\n@ NS ns2.test.\n"
	n.write("knot/sets", old)
	n.write("knot/moved", old)
	n.write("knot/glue", "$TTL 60\n@ SOA ns.glue.test. root.test. 3 3600 600 86400 60\n@ NS ns.glue.test.\n")
	dir := filepath.Join(n.dir, "knot")
	config := n.write("knot/knot.conf", fmt.Sprintf(`server:
    rundir: %[1]s
    listen: %[2]s@53
    background-workers: 1
    udp-workers: 1
    tcp-workers: 1
key:
  - id: k.
    algorithm: hmac-sha256
    secret: %[3]s
acl:
  - id: update
    key: k.
    action: update
database:
    storage: %[1]s/db
template:
  - id: default
    storage: %[1]s
    file: "%%l"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: sets.test
    file: sets
  - domain: moved.test
    file: moved
  - domain: glue.test
    file: glue
    acl: update
`, dir, knotAt, updateSecret))
	n.run(knotAt, "glue.test", "knotd", "-c", config)
}

func (n *internet) startNSD() {
	n.write("nsd/foreign", "$TTL 60\n@ SOA ns3.test. root.test. 1 3600 600 86400 60\n@ NS ns3.test.\nhop CNAME target.target.test.\nout CNAME victim.other.test.\n")
	config := n.write("nsd/nsd.conf", fmt.Sprintf(`server:
    ip-address: %[2]s
    do-ip6: no
    username: ""
    server-count: 1
    zonesdir: "%[1]s"
    database: ""
    pidfile: "%[1]s/pid"
    xfrdfile: "%[1]s/xfrd"
    xfrdir: "%[1]s"
    zonelistfile: "%[1]s/zones"
    cookie-secret-file: ""
remote-control:
    control-enable: no
zone:
    name: foreign.test
    zonefile: foreign
`, filepath.Join(n.dir, "nsd"), nsdAt))
	n.run(nsdAt, "foreign.test", "nsd", "-d", "-c", config)
}

func (n *internet) startPowerDNS() {
	dir := filepath.Join(n.dir, "pdns")
	n.write("pdns/other", "$TTL 60\n@ SOA ns4.test. root.test. 1 3600 600 86400 60\n@ NS ns4.test.\n* CNAME star.target.test.\nvictim A 192.0.2.66\n")
	n.write("pdns/pdns.conf", fmt.Sprintf("launch=gsqlite3\ngsqlite3-database=%[1]s/db\nlocal-address=%[2]s\nlocal-port=53\nsocket-dir=%[1]s\n"+
		"guardian=no\ndaemon=no\nwebserver=no\nsecurity-poll-suffix=\n", dir, powerDNSAt))
	for _, command := range [][]string{
		{"sqlite3", dir + "/db", ".read /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"},
		{"pdnsutil", "--config-dir=" + dir, "load-zone", "other.test", dir + "/other"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			n.t.Fatalf("%s: %v: %s", command[0], err, out)
		}
	}
	n.run(powerDNSAt, "other.test", "pdns_server", "--config-dir="+dir)
}

func (n *internet) startUnbound() {
	dir := filepath.Join(n.dir, "unbound")
	config := n.write("unbound/unbound.conf", fmt.Sprintf(`server:
    interface: %[2]s
    directory: "%[1]s"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    root-hints: "%[1]s/hints"
    module-config: "iterator"
    local-zone: "test." transparent
    domain-insecure: "test."
remote-control:
    control-enable: no
`, dir, unboundAt))
	n.write("unbound/hints", ". 3600000 NS a.nic.test.\na.nic.test. 3600000 A 127.1.0.1\n")
	n.run(unboundAt, "", "unbound", "-d", "-c", config)
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
	n.registry("ns1")
	if err := n.reload(); err != nil {
		t.Fatal(err)
	}
	n.stands(t, primaryAt, zonesOfOurs, "moved.test", "_acme-challenge.moved.test.")
	stderr, exit := n.hook(t, "auth", append(n.environ(primaryAt, zonesOfOurs), "WILDCARD_LOG=info"), "moved.test")
	if exit != 0 {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	_, _ = n.hook(t, "cleanup", n.environ(primaryAt, zonesOfOurs), "moved.test")
}

// reload lets the servers of test. read their zones anew, and waits until they have.
func (n *internet) reload() error {
	pid, err := os.ReadFile(filepath.Join(n.dir, "root", "pid"))
	if err != nil {
		return err
	}
	var id int
	if _, err := fmt.Sscan(string(pid), &id); err != nil {
		return err
	}
	if err := syscall.Kill(id, syscall.SIGHUP); err != nil {
		return err
	}
	for range 1500 {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion("moved.test.", dns.TypeNS), rootAt+":53")
		if err == nil && len(m.Ns) == 1 && m.Ns[0].(*dns.NS).Ns == "ns1.test." {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("the delegation is not changed")
}

// P18: Knot is the zone's only server, at an address that only the referral has.
func (n *internet) glue(t *testing.T) {
	n.stands(t, knotAt, "glue.test", "glue.test", "_acme-challenge.glue.test.")
}
