package nameservers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Zone is a zone of a name server: its records, or the primary from which it is transferred.
type Zone struct {
	Name    string   // with a trailing dot
	Records []string // in the form of a zone file; the SOA record comes first
	Primary string   // address; "" for a zone of the server's own
	Notify  []string // addresses of secondaries
	More    string   // further statements of BIND's zone clause
	Update  Key      // who may change a zone of Knot's
}

// Key is a TSIG key (HMAC-SHA256).
type Key struct{ Name, Secret string }

// Records is a zone of one primary: SOA and NS records, and an address for each name server, host=ip, in the zone itself or not.
func Records(zone string, serial int, more []string, servers ...string) []string {
	first, _, _ := strings.Cut(servers[0], "=")
	records := []string{fmt.Sprintf("%s 60 IN SOA %s hostmaster.%s %d 3600 600 86400 60", zone, first, zone, serial)}
	for _, server := range servers {
		host, ip, _ := strings.Cut(server, "=")
		records = append(records, fmt.Sprintf("%s 60 IN NS %s", zone, host))
		if strings.HasSuffix(host, "."+zone) {
			records = append(records, fmt.Sprintf("%s 60 IN A %s", host, ip))
		}
	}
	return append(records, more...)
}

func (z Zone) text() string { return strings.Join(z.Records, "\n") + "\n" }

// folder is a new folder with files in it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// BIND runs named at an address, with what comes before its zones: keys, views. The clause of a zone is BINDZone's.
func BIND(t testing.TB, addr, clauses string, zones ...Zone) *os.Process {
	t.Helper()
	files := map[string]string{}
	var b strings.Builder
	b.WriteString(clauses)
	for _, z := range zones {
		files[z.Name+"zone"] = z.text()
		b.WriteString(BINDZone(z))
	}
	dir := folder(t, files)
	config := fmt.Sprintf(`options { directory "%[1]s"; pid-file "%[1]s/pid"; session-keyfile "%[1]s/session.key"; managed-keys-directory "%[1]s";
	lock-file none; listen-on { %[2]s; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; allow-transfer { any; };
	notify explicit; notify-delay 0; notify-rate 1000; serial-query-rate 1000;
	query-source address %[2]s; transfer-source %[2]s;
	notify-source %[2]s; empty-zones-enable no; };
controls { };
%[3]s`, dir, addr, b.String())
	if err := os.WriteFile(filepath.Join(dir, "named.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "" // views have zones of their own
	if len(zones) > 0 {
		name = zones[0].Name
	}
	return Run(t, at(addr), name, "named", "-4", "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
}

// BINDZone is the clause of a zone, whose file is in named's folder.
func BINDZone(z Zone) string {
	kind := "type primary; "
	if z.Primary != "" {
		kind = "type secondary; primaries { " + z.Primary + "; }; "
	}
	if len(z.Notify) > 0 {
		kind += "also-notify { " + strings.Join(z.Notify, "; ") + "; }; "
	}
	return fmt.Sprintf("zone %q { %sfile %q; %s};\n", z.Name, kind, z.Name+"zone", z.More)
}

// Knot runs knotd at an address.
func Knot(t testing.TB, addr string, zones ...Zone) *os.Process {
	t.Helper()
	files := map[string]string{}
	for _, z := range zones {
		files[z.Name+"zone"] = z.text()
	}
	dir := folder(t, files)
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  rundir: %q\n  listen: %s@53\n  pidfile: %q\ndatabase:\n  storage: %q\nlog:\n  - target: stderr\n    any: info\n", dir, addr, dir+"/pid", dir)
	updates := ""
	for i, z := range zones {
		if z.Update.Name != "" {
			fmt.Fprintf(&b, "key:\n  - id: %s\n    algorithm: hmac-sha256\n    secret: %s\n", z.Update.Name, z.Update.Secret)
			updates += fmt.Sprintf("  - id: update%d\n    key: %s\n    action: update\n", i, z.Update.Name)
		}
	}
	b.WriteString("acl:\n  - id: anyone\n    address: 127.0.0.0/8\n    action: [transfer, notify]\n" + updates)
	b.WriteString("remote:\n")
	for i, z := range zones {
		if z.Primary != "" {
			fmt.Fprintf(&b, "  - id: primary%d\n    address: %s\n    via: %s\n", i, z.Primary, addr)
		}
		for j, secondary := range z.Notify {
			fmt.Fprintf(&b, "  - id: secondary%d-%d\n    address: %s\n    via: %s\n", i, j, secondary, addr)
		}
	}
	b.WriteString("zone:\n")
	for i, z := range zones {
		update := ""
		if z.Update.Name != "" {
			update = fmt.Sprintf(", update%d", i)
		}
		fmt.Fprintf(&b, "  - domain: %s\n    storage: %q\n    file: %q\n    acl: [anyone%s]\n", z.Name, dir, z.Name+"zone",
			update)
		if z.Primary != "" {
			fmt.Fprintf(&b, "    master: primary%d\n", i)
		}
		for j := range z.Notify {
			fmt.Fprintf(&b, "    notify: secondary%d-%d\n", i, j)
		}
	}
	for _, z := range zones {
		if z.Primary != "" {
			_ = os.Remove(filepath.Join(dir, z.Name+"zone"))
		}
	}
	config := strings.Replace(b.String(), "remote:\nzone:", "zone:", 1)
	if err := os.WriteFile(filepath.Join(dir, "knot.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return Run(t, at(addr), zones[0].Name, "knotd", "-c", filepath.Join(dir, "knot.conf"))
}

// NSD runs nsd at an address.
func NSD(t testing.TB, addr string, zones ...Zone) *os.Process {
	t.Helper()
	files := map[string]string{}
	for _, z := range zones {
		if z.Primary == "" {
			files[z.Name+"zone"] = z.text()
		}
	}
	dir := folder(t, files)
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  ip-address: %[1]s
  username: ""
  zonesdir: %[2]q
  pidfile: "%[2]s/pid"
  xfrdfile: "%[2]s/xfrd"
  zonelistfile: "%[2]s/zonelist"
  xfrdir: %[2]q
  database: ""
  server-count: 1
  logfile: ""
remote-control:
  control-enable: no
`, addr, dir)
	for _, z := range zones {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", z.Name, z.Name+"zone")
		if z.Primary != "" {
			fmt.Fprintf(&b, "  request-xfr: AXFR %[1]s@53 NOKEY\n  allow-notify: %[1]s NOKEY\n  outgoing-interface: %[2]s\n",
				z.Primary, addr)
		}
		for _, secondary := range z.Notify {
			fmt.Fprintf(&b, "  notify: %[1]s@53 NOKEY\n  provide-xfr: %[1]s NOKEY\n", secondary)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "nsd.conf"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return Run(t, at(addr), zones[0].Name, "nsd", "-d", "-c", filepath.Join(dir, "nsd.conf"))
}

// PowerDNS runs pdns_server at an address, with its zones in SQLite.
func PowerDNS(t testing.TB, addr string, zones ...Zone) *os.Process {
	t.Helper()
	files := map[string]string{}
	for _, z := range zones {
		files[z.Name+"zone"] = z.text()
	}
	dir := folder(t, files)
	command := func(stdin string, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	schema, err := os.ReadFile("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	if err != nil {
		schema, err = os.ReadFile("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
	}
	if err != nil {
		t.Fatalf("the test needs pdns-backend-sqlite3: %v", err)
	}
	command(string(schema), "sqlite3", dir+"/zones.db")
	config := fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%[1]s/zones.db
local-address=%[2]s
query-local-address=%[2]s
local-port=53
socket-dir=%[1]s
guardian=no
daemon=no
disable-syslog=yes
secondary=yes
primary=yes
xfr-cycle-interval=1
allow-notify-from=127.0.0.0/8
security-poll-suffix=
`, dir, addr)
	if err := os.WriteFile(filepath.Join(dir, "pdns.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, z := range zones {
		if z.Primary != "" {
			command("", "pdnsutil", "--config-dir="+dir, "create-secondary-zone", z.Name, z.Primary)
			continue
		}
		command("", "pdnsutil", "--config-dir="+dir, "load-zone", z.Name, filepath.Join(dir, z.Name+"zone"))
	}
	return Run(t, at(addr), zones[0].Name, "pdns_server", "--config-dir="+dir)
}

// Unbound runs unbound as a resolver at an address, ip or ip@port, that asks the given servers for zones, "zone=ip,ip@port", and
// from the given source address. Its clauses come into the server clause.
func Unbound(t testing.TB, addr, source, clauses string, stubs ...string) *os.Process {
	t.Helper()
	dir := folder(t, nil)
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  interface: %s
  outgoing-interface: %s
  directory: %q
  pidfile: ""
  username: ""
  chroot: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  domain-insecure: "test."
  local-zone: "test." nodefault
%s
remote-control:
  control-enable: no
`, addr, source, dir, clauses)
	for _, stub := range stubs {
		zone, addrs, _ := strings.Cut(stub, "=")
		fmt.Fprintf(&b, "stub-zone:\n  name: %q\n  stub-prime: no\n", zone)
		for server := range strings.SplitSeq(addrs, ",") {
			fmt.Fprintf(&b, "  stub-addr: %s\n", server)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "unbound.conf"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return Run(t, at(strings.Replace(addr, "@", ":", 1)), "", "unbound", "-d", "-c", filepath.Join(dir, "unbound.conf"))
}

// Dnsmasq runs dnsmasq as a forwarder at 127.0.0.1 on a port, which asks a resolver from a source address.
func Dnsmasq(t testing.TB, port int, resolver, source string) *os.Process {
	t.Helper()
	return Run(t, fmt.Sprintf("127.0.0.1:%d", port), "", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
		"--no-hosts", "--no-resolv",
		"--user=", "--group=", "--pid-file=", "--log-facility=-", "--listen-address=127.0.0.1", "--bind-interfaces",
		fmt.Sprintf("--port=%d", port),
		"--server="+resolver+"@"+source, "--cache-size=1000")
}
