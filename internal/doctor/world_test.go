package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

const (
	apex     = "example.com"
	identity = "ca.example"
)

// world is a healthy machine: one certificate of ours, its account, credentials in a file, a cron file; around it ConoHa with
// its name servers, a resolver, and a CA.
type world struct {
	t      testing.TB
	dir    string
	conoha *conohatest.Service
	tenant string
	front  *front
	ca     *acmetest.Server
	meta   map[string]any
	issuer *authority
	key    *ecdsa.PrivateKey

	account lineage.Account
	environ []string      // of the process
	timeout time.Duration // of a DNS answer
	doctor  Doctor
	facts   *issuance.CAFacts // of the CA; nil is what the table has
	domains []string

	mu           sync.Mutex
	ours, theirs time.Duration // what the clocks are off
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), meta: map[string]any{"caaIdentities": []string{identity}}, domains: []string{"*." + apex, apex}, timeout: 20 * time.Second}
	w.check(os.Chmod(w.dir, 0o700))
	var err error
	w.conoha, err = conohatest.Start(conohatest.Options{CommonPort: true})
	w.check(err)
	t.Cleanup(func() { _ = w.conoha.Close() })
	account := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.tenant = account.Tenant
	w.conoha.AddZone(account.Tenant, apex)
	w.front = newFront(t, w.conoha.Resolver())
	w.ca, err = acmetest.Start(acmetest.Options{Meta: w.meta, Now: func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return time.Now().Add(w.theirs)
	}})
	w.check(err)
	t.Cleanup(w.ca.Close)
	w.makeFiles(account)
	w.makeDoctor()
	w.makeCertificate()
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config(elem ...string) string {
	return filepath.Join(append([]string{w.dir, "etc", "letsencrypt"}, elem...)...)
}

func (w *world) write(path, text string, mode os.FileMode) {
	w.t.Helper()
	w.check(os.MkdirAll(filepath.Dir(path), 0o700))
	w.check(executable.WriteFile(path, []byte(text), mode))
}

// envFile is where the credentials are.
func (w *world) envFile() string { return w.config("conoha", ".env") }

func (w *world) makeFiles(account conohatest.Account) {
	var lines []string
	for _, entry := range w.conoha.Environ(account) {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "CONOHA_") {
			lines = append(lines, name+"='"+value+"'")
		}
	}
	w.write(w.envFile(), strings.Join(lines, "\n")+"\n", 0o600)
	w.write(filepath.Join(w.dir, "etc", "cron.d", "wildcard"), "17 */6 * * * root /usr/local/bin/wildcard renew --quiet\n", 0o644)
	w.write(filepath.Join(w.dir, "usr", "local", "bin", "wildcard"), "#!/bin/sh\n", 0o755)
	w.write(w.config("ca.pem"), string(w.ca.RootPEM()), 0o644)
}

func (w *world) makeDoctor() {
	dirs := settings.Directories{Config: w.config(), State: filepath.Join(w.dir, "state"), Run: filepath.Join(w.dir, "run")}
	for _, dir := range []string{dirs.State, filepath.Join(dirs.State, "journal"), dirs.Run} {
		w.check(settings.PrivateDir(dir))
	}
	store, err := lineage.Open(lineage.Options{ConfigDir: dirs.Config, RunDir: dirs.Run})
	w.check(err)
	remembered, err := state.Open(dirs.State, nil)
	w.check(err)
	records, err := journal.Open(filepath.Join(dirs.State, "journal"), nil)
	w.check(err)
	port := netip.MustParseAddrPort(w.conoha.NameServers(2)[0]).Port()
	w.doctor = Doctor{
		Limit: 5 * time.Minute, Store: store, Dirs: dirs, State: remembered, Journal: records, Root: w.dir,
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.ours)
		},
		Router: func(s lineage.Settings) (providers.Router, error) {
			accounts, err := builtin.Registry().Open(s.Providers, builtin.Config{Settings: settings.Sources{Environ: w.environ, ConfigDir: dirs.Config}, UserAgent: "test"})
			return providers.Router{Accounts: accounts}, err
		},
		Resolver: func(lineage.Settings) (*propagation.Resolver, error) {
			return &propagation.Resolver{Servers: []string{w.front.addr}, Port: int(port), Timeout: w.timeout}, nil
		},
		CA: func(ctx context.Context, server, _ string) (*issuance.CA, error) {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(w.ca.RootPEM())
			ca, err := issuance.Dial(ctx, issuance.Options{Server: server, UserAgent: "test", RootCAs: roots, Now: w.doctor.Now, Facts: w.facts})
			if err == nil {
				w.t.Cleanup(ca.Close)
			}
			return ca, err
		},
	}
}

// makeCertificate registers an account and puts a certificate into the store, with the account it is from.
func (w *world) makeCertificate() {
	ctx := w.t.Context()
	ca, err := w.doctor.CA(ctx, w.ca.DirectoryURL(), "")
	w.check(err)
	made, err := ca.Register(ctx, nil, issuance.Registration{AgreeToTerms: true})
	w.check(err)
	w.account, err = w.doctor.Store.AddAccount(ctx, lineage.Account{Server: ca.Server(), URI: made.URI, Key: made.Key})
	w.check(err)
	w.issuer = newAuthority(w.t)
	w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.check(err)
	chain, key := w.issuer.issue(w.t, w.key, w.domains...)
	set, err := lineage.NewSet(chain, key, w.domains)
	w.check(err)
	_, err = w.doctor.Store.Create(ctx, apex, set, func(c *lineage.Conf) error {
		if err := c.SetParams(lineage.Params{Server: ca.Server(), Account: w.account.ID, KeyType: "ecdsa"}); err != nil {
			return err
		}
		return c.SetSettings(lineage.Settings{Domains: w.domains, Providers: []providers.Spec{{Name: "conoha"}}})
	})
	w.check(err)
}

// lineage reads the certificate as it is now.
func (w *world) lineage() *lineage.Lineage {
	w.t.Helper()
	l, err := w.doctor.Store.Lineage(apex)
	w.check(err)
	return l
}

// update changes the settings of the certificate.
func (w *world) update(change func(c *lineage.Conf, s *lineage.Settings) error) {
	w.t.Helper()
	_, err := w.lineage().Update(w.t.Context(), func(c *lineage.Conf) error {
		s, _ := c.Settings()
		if err := change(c, &s); err != nil {
			return err
		}
		return c.SetSettings(s)
	})
	w.check(err)
}

// certificate is the certificate as a case.
func (w *world) certificate() Case {
	w.t.Helper()
	l := w.lineage()
	s, _ := l.Conf.Settings()
	return Case{Lineage: l, Domains: s.Domains, Settings: s, Params: l.Conf.Params(), CheckDelegation: true}
}

// wanted is a certificate that is not there yet.
func (w *world) wanted(domains ...string) Case {
	return Case{
		Domains: domains, Settings: lineage.Settings{Providers: []providers.Spec{{Name: "conoha"}}}, Params: lineage.Params{Server: w.ca.DirectoryURL()}, CheckDelegation: true,
	}
}

// examine examines the certificate, and other cases.
func (w *world) examine(more ...Case) Report {
	w.t.Helper()
	return w.doctor.Examine(w.t.Context(), append([]Case{w.certificate()}, more...))
}

// shift sets what this machine's clock and the CA's are off.
func (w *world) shift(ours, theirs time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ours, w.theirs = ours, theirs
}

// attempt writes a failed attempt into the ledger.
func (w *world) attempt(at time.Time, text string) {
	w.t.Helper()
	w.check(w.doctor.State.Record(state.Attempt{
		Time: at, Lineage: apex, Server: w.ca.DirectoryURL(), Account: w.account.URI, Domains: w.domains, Outcome: state.Failed, Ordered: true, Text: text,
	}))
}

// certbots puts a certificate of certbot's beside ours, with this auth hook.
func (w *world) certbots(hook string) {
	w.t.Helper()
	chain, key := w.issuer.issue(w.t, w.key, "certbot."+apex)
	set, err := lineage.NewSet(chain, key, nil)
	w.check(err)
	l, err := w.doctor.Store.Create(w.t.Context(), "certbot", set, func(c *lineage.Conf) error {
		return c.SetParams(lineage.Params{Server: w.ca.DirectoryURL(), Account: w.account.ID, KeyType: "ecdsa", AuthHook: hook})
	})
	w.check(err)
	_, err = l.Release(w.t.Context())
	w.check(err)
}

// systemctl makes the machine one of systemd's, with these units; each has what "is-enabled" and "is-active" say.
func (w *world) systemctl(units map[string][2]string) {
	w.t.Helper()
	w.check(os.MkdirAll(filepath.Join(w.dir, "run", "systemd", "system"), 0o700))
	script := "#!/bin/sh\ncase \"$1 $2\" in\n"
	for unit, says := range units {
		script += fmt.Sprintf("'is-enabled %s') echo %s; [ %s = enabled ] ;;\n'is-active %s') echo %s; [ %s = active ] ;;\n", unit, says[0], says[0], unit, says[1], says[1])
	}
	w.write(filepath.Join(w.dir, "usr", "bin", "systemctl"), script+"*) echo not-found; exit 4 ;;\nesac\n", 0o755)
}

// serve starts a TLS server with the first n certificates of a chain; -1 is all.
func (w *world) serve(chain []byte, n int, key *ecdsa.PrivateKey) string {
	w.t.Helper()
	certificate := tls.Certificate{PrivateKey: key}
	for block, rest := pem.Decode(chain); block != nil && n != 0; block, rest = pem.Decode(rest) {
		certificate.Certificate = append(certificate.Certificate, block.Bytes)
		n--
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	w.check(err)
	var group sync.WaitGroup
	w.t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				_ = conn.(*tls.Conn).Handshake()
			})
		}
	})
	return listener.Addr().String()
}

// live is the chain of the certificate in the store.
func (w *world) live() []byte {
	w.t.Helper()
	set, err := w.lineage().Set()
	w.check(err)
	return set.Fullchain()
}

// atElsewhere lets us reach all name servers of ConoHa Ver.2.0 at ip alone, as where the network gets in between.
func (w *world) atElsewhere(ip string) {
	for _, host := range []string{"ns-a1.conoha.io", "ns-a2.conoha.io", "ns-a3.conoha.io"} {
		w.front.records(host, dns.TypeA, &dns.A{Hdr: dns.RR_Header{Name: host + ".", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(ip)})
	}
}

// refuses answers with REFUSED at an address, on the name servers' port.
func (w *world) refuses(ip string) {
	w.serveDNS(ip, func(rw dns.ResponseWriter, q *dns.Msg) { _ = rw.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeRefused)) })
}

// serveDNS lets a handler answer at an address, on the name servers' port.
func (w *world) serveDNS(ip string, handler dns.HandlerFunc) {
	port := netip.MustParseAddrPort(w.conoha.NameServers(2)[0]).Port()
	addr := netip.AddrPortFrom(netip.MustParseAddr(ip), port).String()
	packets, err := net.ListenPacket("udp", addr)
	w.check(err)
	stream, err := net.Listen("tcp", addr)
	w.check(err)
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: stream, Handler: handler}} {
		started, done := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(done)
			_ = server.ActivateAndServe()
		}()
		<-started
		w.t.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
}

// registry is the server of the top-level domain, which can be asked in this world only if it is called for: it delegates the zone to
// hosts, or, without any, knows nothing of it. The resolver knows what the zone itself lists.
func (w *world) registry(hosts ...string) {
	const ip, host, top = "127.255.255.251", "a.registry.example.", "com."
	w.serveDNS(ip, func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		switch name := q.Question[0].Name; {
		case strings.EqualFold(name, top):
			m.Authoritative = true
		case len(hosts) == 0 || !dns.IsSubDomain(apex+".", strings.ToLower(name)):
			m.Authoritative, m.Rcode = true, dns.RcodeNameError
		default:
			for _, host := range hosts {
				m.Ns = append(m.Ns, nsRecord(host))
			}
		}
		_ = rw.WriteMsg(m)
	})
	w.front.records(top, dns.TypeNS, &dns.NS{Hdr: dns.RR_Header{Name: top, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: host})
	w.front.host(host, ip)
}

func nsRecord(host string) dns.RR {
	return &dns.NS{Hdr: dns.RR_Header{Name: apex + ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: host}
}

// another is one more name server of the zone, which answers as the first of ConoHa's does, but for a change. It returns its name.
func (w *world) another(change func(q, m *dns.Msg)) string {
	const ip, host = "127.255.255.252", "ns-more.example."
	w.serveDNS(ip, func(rw dns.ResponseWriter, q *dns.Msg) {
		client := dns.Client{Net: "tcp", Timeout: time.Minute}
		m, _, err := client.Exchange(q.Copy(), w.conoha.NameServers(2)[0])
		if err != nil {
			return
		}
		change(q, m)
		_ = rw.WriteMsg(m)
	})
	w.front.host(host, ip)
	return host
}
