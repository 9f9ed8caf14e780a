package boulder

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// Variant is which Boulder runs.
type Variant string

// The variants.
const (
	Today Variant = "today" // as in Boulder's test/config: what Let's Encrypt runs
	// Next has the switches of test/config-next: a second answer to a challenge is 409 (SetAuthzProcessing), a CAA record that
	// forbids at finalize ends the order, dns-account-01 and dns-persist-01 are offered.
	Next  Variant = "next"
	Async Variant = "async" // finalize answers "processing" (AsyncFinalize), as Let's Encrypt's staging service does
)

// Variants are all of them.
func Variants() []Variant { return []Variant{Today, Next, Async} }

// Options say what a CA is like.
type Options struct {
	Variant Variant
	Dir     string // an empty folder for all that it writes
}

// CA is a Boulder that runs.
type CA struct {
	options  Options
	dir      string
	ip       string
	programs programs
	pki      *pki
	zones    zones
	front    *front

	processes map[string]*process
	servers   []*http.Server
	dns       []*dns.Server
}

// startLimit is how long a start may take, an installation apart: it is 2–10 s on a machine that does nothing else.
const startLimit = 3 * time.Minute

// Start installs Boulder if need be, and starts one. It is ready when Start returns, and runs until Close.
func Start(ctx context.Context, o Options) (*CA, error) {
	c := &CA{options: o, dir: o.Dir, zones: zones{all: map[string]*zone{}}, processes: map[string]*process{}}
	var err error
	if c.programs, err = install(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Boulder: %w", err), c.Close())
	}
	return c, nil
}

func (c *CA) start(ctx context.Context) error {
	ip, listener, err := address()
	if err != nil {
		return err
	}
	c.ip, c.front = ip, newFront(at(ip, portWFE))
	if err := errors.Join(c.prepareCertificates(), c.prepareFiles()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := errors.Join(c.serve(listener, c.front, "front"), c.serveRest()); err != nil {
		return err
	}
	if err := c.prepareDatabase(ctx); err != nil {
		return err
	}
	base := c.run("mariadb", portDatabase, append([]string{c.programs.mariadb}, c.databaseOptions()...)...)
	rest := []*process{
		c.run("redis", portRedis, c.programs.redis, c.file("redis.conf")),
		c.run("ctlog", portLogA, c.programs.ctLog, "-config", c.file("ctlog.json")),
	}
	if err := base.start(); err != nil {
		return err
	}
	if err := base.ready(ctx); err != nil {
		return err
	}
	return startAll(ctx, append(rest, c.services()...))
}

// services are Boulder's own.
func (c *CA) services() (all []*process) {
	add := func(name, command string, port int) {
		all = append(all, c.run(name, port, c.programs.boulder, command, "--config", c.file(name+".json")))
	}
	add("sa", "boulder-sa", portSA)
	add("publisher", "boulder-publisher", portPublisher)
	for i := range remotes() {
		add(fmt.Sprintf("rva-%d", i), "remoteva", portRemote+i)
	}
	add("va", "boulder-va", portVA)
	add("ca", "boulder-ca", portCA)
	add("ra", "boulder-ra", portRA)
	add("ra-sct", "boulder-ra", portSCT)
	add("nonce-a", "nonce-service", portNonceA)
	add("nonce-b", "nonce-service", portNonceB)
	add("wfe", "boulder-wfe2", portWFE)
	return all
}

// run prepares a process.
func (c *CA) run(name string, port int, argv ...string) *process {
	p := &process{name: name, argv: argv, log: c.file(name + ".log"), address: at(c.ip, port)}
	c.processes[name] = p
	return p
}

func startAll(ctx context.Context, all []*process) error {
	for _, p := range all {
		if err := p.start(); err != nil {
			return err
		}
	}
	for _, p := range all {
		if err := p.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *CA) prepareCertificates() error {
	var err error
	if c.pki, err = newPKI(c.dir); err != nil {
		return err
	}
	ip := parseIP(c.ip)
	for _, name := range []string{"sa", "publisher", "rva", "va", "ca", "ra", "nonce", "wfe", "redis", "front"} {
		if err := c.pki.service(name, []string{name + "." + innerDomain}, ip); err != nil {
			return err
		}
	}
	return c.pki.issuers()
}

func (c *CA) prepareFiles() error {
	key := func() string {
		text := make([]byte, 32)
		_, _ = rand.Read(text) // it never fails
		return hex.EncodeToString(text)
	}
	return errors.Join(
		writeAll(map[string]string{
			c.file("nonce-key"): key(), c.file("unpause-key"): key(), c.file("limits.yml"): limits, c.file("policy.yml"): policy,
		}),
		c.prepareRedis(), c.prepareLogs(), config{c}.write(),
	)
}

// serveRest starts what of the CA is in this process, the front apart.
func (c *CA) serveRest() error {
	for i, place := range Perspectives() {
		listener, err := net.Listen("tcp", at(c.ip, portDoH+i))
		if err != nil {
			return err
		}
		if err := c.serve(listener, newResolver(place, &c.zones), "front"); err != nil {
			return err
		}
	}
	for i := range logNames() {
		listener, err := net.Listen("tcp", at(c.ip, portProxyA+i))
		if err != nil {
			return err
		}
		if err := c.serve(listener, c.logProxy(i), ""); err != nil {
			return err
		}
	}
	return c.serveNames()
}

// serve answers at a listener, with TLS if a certificate is named.
func (c *CA) serve(listener net.Listener, handler http.Handler, certificate string) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	c.servers = append(c.servers, server)
	if certificate == "" {
		go func() { _ = server.Serve(listener) }() // ends with Close
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.pki.cert(certificate), c.pki.key(certificate))
	if err != nil {
		return err
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	return nil
}

func (c *CA) serveNames() error {
	listener, err := net.Listen("tcp", at(c.ip, portNames))
	if err != nil {
		return err
	}
	packets, err := net.ListenPacket("udp", at(c.ip, portNames))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, server := range []*dns.Server{{Listener: listener}, {PacketConn: packets}} {
		server.Handler = names{c.ip}
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }() // ends with Close
		<-started
		c.dns = append(c.dns, server)
	}
	return nil
}

// Close ends all processes and servers.
func (c *CA) Close() error {
	var errs []error
	for _, server := range c.servers {
		errs = append(errs, server.Close())
	}
	for _, server := range c.dns {
		errs = append(errs, server.Shutdown())
	}
	ended := make(chan error, len(c.processes))
	for _, p := range c.processes {
		go func() { ended <- p.stop(syscall.SIGKILL) }() // nothing that they keep is needed
	}
	for range c.processes {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// DirectoryURL is where clients begin.
func (c *CA) DirectoryURL() string { return c.url() + "/directory" }

// Root is the certificate, PEM, that clients need for the CA's own TLS.
func (c *CA) Root() ([]byte, error) { return os.ReadFile(c.pki.cert("inner")) }

// Oldest are the roots of the certificates that the CA issues.
func (c *CA) Oldest() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	text, err := os.ReadFile(c.pki.cert(oldest))
	pool.AppendCertsFromPEM(text)
	return pool, err
}

// Services are the names that Restart takes.
func (c *CA) Services() (names []string) {
	for _, p := range c.processes {
		names = append(names, p.name)
	}
	return names
}

// Restart ends a service as an operator does, who lets it finish what it has begun, and starts it again. It returns when the
// service listens; others may still take it for ended, for some seconds: see Found.
func (c *CA) Restart(ctx context.Context, service string) error {
	p := c.processes[service]
	if p == nil {
		return fmt.Errorf("there is no service %s", service)
	}
	p.restarting.Lock()
	defer p.restarting.Unlock()
	clients, err := connections(p.address)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.clients = clients
	p.mu.Unlock()
	if err := p.stop(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return err
	}
	return p.ready(ctx)
}

// Pause does what Boulder does to a name of an account, its number, after 1,152 failed validations without one that succeeded.
func (c *CA) Pause(ctx context.Context, account int, name string) error {
	return c.sql(ctx, fmt.Sprintf("INSERT INTO paused (registrationID, identifierType, identifierValue, pausedAt) VALUES (%d, 0, '%s', NOW());", account, name))
}

// Said is the end of what each service said.
func (c *CA) Said() (text string) {
	logs, _ := filepath.Glob(c.file("*.log"))
	for _, path := range logs {
		p := process{log: path}
		text += "== " + filepath.Base(path) + "\n" + p.said()
	}
	return text
}

func parseIP(text string) net.IP { return net.ParseIP(text).To4() }
