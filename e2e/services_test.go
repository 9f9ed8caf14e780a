//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/nameservers"
)

// TestServices has one certificate with names at four DNS services, each found and asked as in the wild: both generations of
// ConoHa, a BIND, and a service of lego's, which is another BIND and of which lego replaces what is at a name. It needs port 53 of
// many addresses, so it runs alone; what needs the network's modules is built before.
func TestServices(t *testing.T) {
	const built = "E2E_SERVICES"
	bin := os.Getenv(built)
	if bin == "" {
		bin = buildServices(t)
		t.Setenv(built, bin)
	}
	nameservers.Alone(t, "127.0.0.1", func(t *testing.T) { services(t, bin) })
}

func buildServices(t *testing.T) (bin string) {
	bin = t.TempDir()
	if err := os.Chmod(bin, 0o755); err != nil { // a plugin that others could replace is not run
		t.Fatal(err)
	}
	build := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", append([]string{"build", "-o", bin + "/"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build %q: %v\n%s", args, err, out)
		}
	}
	build("..", "./cmd/wildcard", "./cmd/wildcard-auth-hook", "./cmd/wildcard-cleanup-hook")
	build("../cmd/wildcard-dns-lego", ".")
	return bin
}

// four are the services of one certificate.
type four struct {
	*world
	updates, lego *bind
	specs         []string // the one of lego's is the last
}

func services(t *testing.T, bin string) {
	s := newFour(t, bin)

	// Without certbot: all four.
	names := []string{"example.com", "*.example.com", "*.example.net", "example.org", "*.example.org", "*.example.edu", "www.example.edu"}
	s.wildcard(append(append([]string{"issue", "--agree-tos"}, s.providers(s.specs)...), names...)...)
	s.holds("example.com", names)
	s.nothingLeft()
	before := []uint32{s.updates.serial(), s.lego.serial()}
	s.conoha.ResetLog()
	s.wildcard("renew", "--force", "--cert-name", "example.com")
	s.holds("example.com", names)
	s.nothingLeft()
	for _, version := range []int{2, 3} {
		if s.conoha.Count(func(r conohatest.Request) bool {
			return r.Version == version && r.Method == "POST" && strings.HasSuffix(r.Path, "/records")
		}) == 0 {
			t.Errorf("renew made no record in Ver.%d.0", version)
		}
	}
	if after := []uint32{s.updates.serial(), s.lego.serial()}; after[0] == before[0] || after[1] == before[1] {
		t.Errorf("renew changed nothing: serials %d, then %d", before, after)
	}

	// With certbot: the first three, since lego's services want what certbot does not tell.
	three := names[:5]
	hook := func(name string, specs []string) string {
		return strings.Join(append([]string{name}, s.providers(specs)...), " ")
	}
	certonly := func(name string, specs []string, domains ...string) []string {
		args := []string{
			"certonly", "--cert-name", name, "--manual", "--preferred-challenges", "dns", "--server", s.ca.DirectoryURL(), "--agree-tos",
			"--register-unsafely-without-email", "--manual-auth-hook", hook("wildcard-auth-hook", specs), "--manual-cleanup-hook", hook("wildcard-cleanup-hook", specs),
		}
		for _, domain := range domains {
			args = append(args, "-d", domain)
		}
		return args
	}
	s.certbot(certonly("three", s.specs[:3], three...)...)
	s.holds("three", three)
	s.nothingLeft()
	s.certbot("renew", "--cert-name", "three", "--force-renewal", "--no-random-sleep-on-renew")
	s.holds("three", three)
	s.nothingLeft()

	// The contract, in zones that are in use. lego's rfc2136 replaces what is at a name.
	for _, args := range [][]string{{s.specs[2]}, {s.specs[3], "--one-value"}} {
		if out := s.wildcard(append([]string{"providers", "test"}, args...)...); !strings.Contains(out, " checks, 0 failed. Nothing is left") {
			t.Errorf("%s\n%s", args, out)
		}
	}
	s.nothingLeft()

	// lego: in a hook is refused at once, with the way out.
	out, err := s.command(certonly("refused", s.specs, "example.edu")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out)+s.log(), "wildcard issue") {
		t.Errorf("%v\n%s", err, out)
	}
	s.nothingLeft()
}

func newFour(t *testing.T, bin string) *four {
	t.Helper()
	service, err := conohatest.Start(conohatest.Options{CommonPort: true, PublicationDelay: []time.Duration{0, 200 * time.Millisecond, 400 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	s := &four{updates: startBIND(t, "127.0.0.41", "example.org", "_acme-challenge"), lego: startBIND(t, "127.0.0.42", "example.edu", "other")}
	service.Delegate("example.org", "ns1.updates.example")
	service.SetHostAddresses("ns1.updates.example", "127.0.0.41")
	service.Delegate("example.edu", "ns1.lego.example")
	service.SetHostAddresses("ns1.lego.example", "127.0.0.42")
	forward(t, "127.0.0.1:53", service.Resolver())
	for _, server := range service.NameServers(2, 3) {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			t.Fatal(err)
		}
		forward(t, host+":53", server)
	}
	s.world = newWorldOf(t, service, s.validator(t, service.ValidationResolver()), bin)
	v2, v3 := service.AddAccount(conohatest.Account{Version: 2}), service.AddAccount(conohatest.Account{Version: 3})
	s.zone(v2, "example.com")
	s.zone(v3, "example.net")
	s.specs = []string{
		"conoha@" + s.envFile("v2.env", quoted(service.Environ(v2))),
		"conoha@" + s.envFile("v3.env", quoted(service.Environ(v3))),
		"example.org=rfc2136@" + s.envFile("updates.env", s.updates.environ()),
		"example.edu=lego:rfc2136@" + s.envFile("lego.env", s.lego.environ()),
	}
	s.environ = []string{
		"WILDCARD_RESOLVERS=127.0.0.1", "WILDCARD_PLUGIN_DIR=" + bin,
		"WILDCARD_CONFIG_DIR=" + s.dir + "/etc", "WILDCARD_STATE_DIR=" + s.dir + "/state", "WILDCARD_RUN_DIR=" + s.dir + "/run",
	}
	return s
}

// validator is the CA's resolver: ConoHa's zones are resolved by the fake's, those of each BIND by that.
func (s *four) validator(t *testing.T, conoha string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, request *dns.Msg) {
		upstream := conoha
		for _, b := range []*bind{s.updates, s.lego} {
			if dns.IsSubDomain(b.zone+".", strings.ToLower(request.Question[0].Name)) {
				upstream = b.address
			}
		}
		reply, _, err := (&dns.Client{Net: "tcp"}).Exchange(request, upstream)
		if err != nil {
			reply = new(dns.Msg).SetRcode(request, dns.RcodeServerFailure)
		}
		_ = w.WriteMsg(reply)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return listener.Addr().String()
}

// quoted writes an environment for an env file: credentials and base URLs, in single quotes.
func quoted(environ []string) (lines []string) {
	for _, line := range environ {
		if name, value, _ := strings.Cut(line, "="); !strings.HasPrefix(name, "WILDCARD_") {
			lines = append(lines, fmt.Sprintf("%s='%s'", name, value))
		}
	}
	return lines
}

func (s *four) envFile(name string, lines []string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(strings.Join(append(lines, ""), "\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *four) providers(specs []string) (args []string) {
	for _, spec := range specs {
		args = append(args, "--provider", spec)
	}
	return args
}

// holds checks a certificate with openssl: the chain leads to the CA's root, and the names are these.
func (s *four) holds(name string, want []string) {
	s.t.Helper()
	live := filepath.Join(s.dir, "etc", "live", name)
	root := filepath.Join(s.dir, "issuer.pem")
	if err := os.WriteFile(root, s.ca.IssuerPEM(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	run := func(args ...string) string {
		s.t.Helper()
		out, err := exec.Command("openssl", args...).CombinedOutput()
		if err != nil {
			s.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("verify", "-CAfile", root, "-untrusted", live+"/chain.pem", live+"/cert.pem")
	var names []string
	for _, field := range strings.FieldsFunc(run("x509", "-in", live+"/cert.pem", "-noout", "-ext", "subjectAltName"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		if domain, ok := strings.CutPrefix(field, "DNS:"); ok {
			names = append(names, domain)
		}
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
		s.t.Errorf("%s is for %q, want %q", name, names, want)
	}
}

// nothingLeft checks that nothing of ours is left at any of the services, and nothing of others is missing.
func (s *four) nothingLeft() {
	s.t.Helper()
	s.clean("example.com", "example.net")
	for _, b := range []*bind{s.updates, s.lego} {
		for _, name := range []string{"_acme-challenge." + b.zone, "_acme-challenge.www." + b.zone} {
			left := slices.DeleteFunc(b.texts(name), func(v string) bool { return b == s.updates && v == foreign })
			if len(left) > 0 {
				s.t.Errorf("%s holds %q", name, left)
			}
		}
	}
	if kept := s.updates.texts("_acme-challenge." + s.updates.zone); !slices.Contains(kept, foreign) {
		s.t.Errorf("somebody else's record is gone: %q", kept)
	}
}
