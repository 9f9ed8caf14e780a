package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"wildcard/pebbletest"
	"wildcard/providers"
)

// nameServer publishes example.com with what is in a folder.
type nameServer struct{ folder }

func startNameServer(t testing.TB, f folder) string {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
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

// A certificate for two names that share one challenge name, from a real CA (Pebble), with records that lego makes.
func TestIssue(t *testing.T) {
	t.Parallel()
	f := folder{t, private(t)}
	server := startNameServer(t, f)
	ca, err := pebbletest.Start(pebbletest.Options{Resolver: server, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	home := private(t)
	root := filepath.Join(home, "root.pem")
	if err := ca.WriteRoot(root); err != nil {
		t.Fatal(err)
	}
	env := write(t, filepath.Join(home, "exec.env"), "EXEC_PATH="+f.script()+"\n", 0o600)
	program := wildcard(t)
	run := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Env = []string{
			"HOME=" + home, "PATH=" + os.Getenv("PATH"), "WILDCARD_PLUGIN_DIR=" + pluginDir(t),
			"WILDCARD_CONFIG_DIR=" + home + "/letsencrypt", "WILDCARD_STATE_DIR=" + home + "/state", "WILDCARD_RUN_DIR=" + home + "/run",
			"WILDCARD_SERVER=" + ca.DirectoryURL(), "WILDCARD_CA_BUNDLE=" + root, "WILDCARD_RESOLVERS=" + server, "WILDCARD_NAMESERVERS=" + server,
		}
		err := cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("%q: %v, want %d\n%s", args, err, want, &out)
		}
		return out.String()
	}
	t.Log(run(0, "issue", "--agree-tos", "--provider", "example.com=lego:exec@"+env, "*.example.com", "example.com"))
	text, err := os.ReadFile(home + "/letsencrypt/live/example.com/fullchain.pem")
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
	if left := f.texts("_acme-challenge.example.com."); len(left) > 0 {
		t.Errorf("left in the DNS: %q", left)
	}
	if left, err := filepath.Glob(home + "/state/journal/*.json"); err != nil || len(left) > 0 {
		t.Errorf("left in the journal: %q, %v", left, err)
	}
	// Renewal knows all that it needs, from what the lineage keeps.
	t.Log(run(0, "renew", "--force", "--cert-name", "example.com"))
	if out := run(0, "providers", "lego:route53"); !bytes.Contains([]byte(out), []byte("AWS_SECRET_ACCESS_KEY")) {
		t.Error(out)
	}
}
