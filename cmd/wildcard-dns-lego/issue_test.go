package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/pebbletest"
	"wildcard/internal/testkit/zonetest"
	"wildcard/providers"
)

// nameServer publishes example.com with what is in a folder.
type nameServer struct{ folder }

func startNameServer(t testing.TB, f folder) string {
	t.Helper()
	tcp, udp, err := zonetest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	n := nameServer{f}
	for _, server := range []*dns.Server{{PacketConn: udp, Handler: n}, {Listener: tcp, Handler: n}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return udp.LocalAddr().String()
}

func (n nameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative = true
	name := providers.CanonicalName(query.Question[0].Name)
	add := func(text string) {
		rr, err := dns.NewRR(text)
		if err != nil {
			n.t.Error(err)
			return
		}
		reply.Answer = append(reply.Answer, rr)
	}
	switch kind := query.Question[0].Qtype; {
	case !providers.InZone(name, "example.com."):
		reply.Rcode = dns.RcodeRefused
	case name == "example.com." && kind == dns.TypeSOA:
		add("example.com. 60 SOA ns.example.com. root.example.com. 1 60 60 60 1")
	case name == "example.com." && kind == dns.TypeNS:
		add("example.com. 60 NS ns.example.com.")
	case name == "ns.example.com." && kind == dns.TypeA:
		add("ns.example.com. 60 A 127.0.0.1")
	case kind == dns.TypeTXT:
		for _, value := range n.texts(name) {
			add(name + ` 1 TXT "` + value + `"`)
		}
	}
	_ = w.WriteMsg(reply)
}

// wildcard is the program, built from the module that has it.
func wildcard(t testing.TB) string {
	t.Helper()
	path := filepath.Join(private(t), "wildcard")
	build := exec.Command("go", "build", "-o", path, "./cmd/wildcard")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// machine is one with wildcard and the plugin, in a world with a real CA (Pebble) and a name server for the folder.
type machine struct {
	folder
	home    string
	program string
	environ []string
	spec    string // of lego:exec, for the folder
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{folder: folder{t, private(t)}, home: private(t), program: wildcard(t)}
	server := startNameServer(t, m.folder)
	ca, err := pebbletest.Start(pebbletest.Options{Resolver: server, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	root := filepath.Join(m.home, "root.pem")
	if err := ca.WriteRoot(root); err != nil {
		t.Fatal(err)
	}
	env := write(t, filepath.Join(m.home, "exec.env"), "EXEC_PATH="+m.script()+"\n", 0o600)
	m.spec = "example.com=lego:exec@" + env
	m.environ = []string{
		"HOME=" + m.home, "PATH=" + os.Getenv("PATH"), "WILDCARD_PLUGIN_DIR=" + pluginDir(t),
		"WILDCARD_CONFIG_DIR=" + m.home + "/letsencrypt", "WILDCARD_STATE_DIR=" + m.home + "/state", "WILDCARD_RUN_DIR=" + m.home + "/run",
		"WILDCARD_SERVER=" + ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + root, "WILDCARD_RESOLVERS=" + server, "WILDCARD_NAMESERVERS=" + server,
	}
	return m
}

// run runs wildcard, which must end with a status; -1 is by a signal.
func (m *machine) run(want int, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(m.program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, m.environ
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != want {
		m.t.Fatalf("%q: %v, want %d\n%s", args, err, want, &out)
	}
	m.t.Logf("%q\n%s", args, &out)
	return out.String()
}

// left are the records and the entries of the journal that there are.
func (m *machine) left() (records, entries int) {
	m.t.Helper()
	files, err := filepath.Glob(m.home + "/state/journal/*.json")
	if err != nil {
		m.t.Fatal(err)
	}
	return len(m.texts("_acme-challenge.example.com.")), len(files)
}

// A certificate for two names that share one challenge name, and its renewal, with records that lego makes.
func TestIssue(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.run(0, "issue", "--agree-tos", "--provider", m.spec, "*.example.com", "example.com")
	text, err := os.ReadFile(m.home + "/letsencrypt/live/example.com/fullchain.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(leaf.DNSNames)
	if !slices.Equal(leaf.DNSNames, []string{"*.example.com", "example.com"}) {
		t.Errorf("%q", leaf.DNSNames)
	}
	m.run(0, "renew", "--force", "--cert-name", "example.com") // knows all that it needs, from what the lineage keeps
	if records, entries := m.left(); records+entries > 0 {
		t.Errorf("%d records and %d entries in the journal are left", records, entries)
	}
	if out := m.run(0, "providers", "lego:route53"); !strings.Contains(out, "AWS_SECRET_ACCESS_KEY") {
		t.Error(out)
	}
}

// When wildcard is killed right after lego has made a record, the next process removes it: the journal has what lego needs.
func TestKilled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	script := m.script()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	// The parent of the script is the plugin, whose parent is wildcard.
	write(t, script, string(text)+`[ "$1" = cleanup ] || { read -r _ _ _ parent _ </proc/$PPID/stat; kill -9 "$parent"; sleep 1; }`+"\n", 0o700)
	m.run(-1, "issue", "--agree-tos", "--provider", m.spec, "example.com")
	if records, entries := m.left(); records != 1 || entries != 1 {
		t.Fatalf("%d records and %d entries in the journal are left: nothing is tested", records, entries)
	}
	m.run(0, "clean", "--provider", m.spec)
	if records, entries := m.left(); records+entries > 0 {
		t.Errorf("%d records and %d entries in the journal are left", records, entries)
	}
}
