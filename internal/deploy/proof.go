package deploy

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/wait"
)

// Codes of deployments.
const (
	CodeNotServed  = "deploy.not-served"  // an address does not serve the certificate that it should
	CodeRolledBack = "deploy.rolled-back" // for that reason the former certificate is live
)

const (
	proofLimit      = 15 * time.Second // until each address serves the new certificate
	handshakeLimit  = 10 * time.Second // of one handshake
	firstPause      = 250 * time.Millisecond
	longestPause    = 4 * time.Second
	endpointsAtOnce = 16
)

// Prover asks servers which certificate they serve.
type Prover struct {
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) // nil is the system's resolver
	Now     func() time.Time                                             // nil is [time.Now]
	Sleep   func(context.Context, time.Duration) error                   // between two looks; nil is a timer
}

// Look is what one address of an endpoint serves.
type Look struct {
	Endpoint
	Addr   netip.Addr          // not valid if the name has none
	Served []*x509.Certificate // leaf first
	Err    error               // why that is not known
}

// Where is an endpoint with the address that was asked, if that tells more.
func (l Look) Where() string {
	if !l.Addr.IsValid() || l.Addr.String() == l.Host {
		return l.String()
	}
	return fmt.Sprintf("%s (%s)", l.Endpoint, l.Addr)
}

// Serves reports whether a certificate is served.
func (l Look) Serves(leaf *x509.Certificate) bool { return l.Err == nil && l.Served[0].Equal(leaf) }

// elsewhere reports whether this machine has no way to the address at all, as to IPv6 in many networks: that says nothing of the server.
func (l Look) elsewhere() bool {
	return errors.Is(l.Err, syscall.ENETUNREACH) || errors.Is(l.Err, syscall.EAFNOSUPPORT) ||
		errors.Is(l.Err, syscall.EADDRNOTAVAIL)
}

// problem says what is wrong with what an address serves.
func (l Look) problem(leaf *x509.Certificate) messages.Message {
	if l.Err != nil {
		return messages.New("%s: %w", l.Where(), l.Err)
	}
	return messages.New("%s serves the certificate %s, valid until %s, in place of %s", l.Where(), Serial(l.Served[0]),
		l.Served[0].NotAfter.UTC().Format(time.DateOnly), Serial(leaf))
}

// Serial is a certificate's number as OpenSSL prints it.
func Serial(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// Prove asks each address of the endpoints until all serve a certificate; the error, CodeNotServed, says which do not after 15 seconds.
// An address to which this machine has no way counts only if there is no other. Told are the looks that succeeded.
func (p *Prover) Prove(ctx context.Context, endpoints []Endpoint, leaf *x509.Certificate) (proved []Look, err error) {
	results := make([][]Look, len(endpoints))
	slots := make(chan struct{}, endpointsAtOnce)
	var group sync.WaitGroup
	for i, e := range endpoints {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			results[i] = p.prove(ctx, e, leaf)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var problems several
	for _, look := range slices.Concat(results...) {
		if look.Serves(leaf) {
			proved = append(proved, look)
		} else {
			problems = append(problems, look.problem(leaf))
		}
	}
	if len(problems) > 0 {
		return proved, fault.Errorf(CodeNotServed, fault.Failed, "%w", problems)
	}
	return proved, nil
}

// several problems are told in one line.
type several []messages.Message

func (s several) Error() string { return s.In(messages.English) }

// In returns them in a language.
func (s several) In(l messages.Language) string {
	var all []string
	for _, problem := range s {
		all = append(all, problem.In(l))
	}
	return strings.Join(all, "; ")
}

// prove looks at one endpoint until all of its addresses serve the certificate, or the time is up.
func (p *Prover) prove(ctx context.Context, e Endpoint, leaf *x509.Certificate) []Look {
	end := p.now().Add(proofLimit)
	pause := firstPause
	for {
		looks := p.Look(ctx, e, leaf)
		good := slices.ContainsFunc(looks, func(l Look) bool { return l.Serves(leaf) })
		looks = slices.DeleteFunc(looks, func(l Look) bool { return good && l.elsewhere() })
		wrong := slices.ContainsFunc(looks, func(l Look) bool { return !l.Serves(leaf) })
		left := end.Sub(p.now())
		if !wrong || left <= 0 || p.sleep(ctx, min(pause, left)) != nil {
			return looks
		}
		pause = min(2*pause, longestPause)
	}
}

// Look asks each address of an endpoint once, side by side. The certificate says for which name, and with which kind of key: a server
// that has one of each kind is asked for that one too.
func (p *Prover) Look(ctx context.Context, e Endpoint, leaf *x509.Certificate) []Look {
	resolve := p.Resolve
	if resolve == nil {
		resolve = resolveBySystem
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	addrs, err := resolve(ctx, e.Host)
	if err != nil {
		return []Look{{Endpoint: e, Err: err}}
	}
	looks := make([]Look, len(addrs))
	var group sync.WaitGroup
	for i, addr := range addrs {
		looks[i] = Look{Endpoint: e, Addr: addr}
		group.Go(func() { looks[i].look(ctx, leaf) })
	}
	group.Wait()
	return looks
}

func (l *Look) look(ctx context.Context, leaf *x509.Certificate) {
	name := l.ServerName(leaf)
	l.Served, l.Err = handshake(ctx, l.Endpoint, l.Addr, settingsFor(name))
	if l.Err != nil || l.Served[0].PublicKeyAlgorithm == leaf.PublicKeyAlgorithm {
		return
	}
	served, err := handshake(ctx, l.Endpoint, l.Addr, only(leaf.PublicKeyAlgorithm, settingsFor(name)))
	if err == nil {
		l.Served = served
	}
}

// settingsFor are those of a client that goes by no root and sends nothing: what comes is compared with what is stored, byte for byte, so
// the roots of this machine and the age of the protocol do not matter.
func settingsFor(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10} //nolint:gosec // see above
}

// only makes a client that can take certificates of one kind alone. In TLS 1.3 the cipher says nothing of the certificate's kind.
func only(kind x509.PublicKeyAlgorithm, c *tls.Config) *tls.Config {
	word := map[x509.PublicKeyAlgorithm]string{x509.RSA: "_RSA_", x509.ECDSA: "_ECDSA_"}[kind]
	c.MaxVersion = tls.VersionTLS12
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if strings.Contains(suite.Name, word) {
			c.CipherSuites = append(c.CipherSuites, suite.ID)
		}
	}
	return c
}

// handshake returns the certificates that a server sends. One that wants a certificate of its client's may end the handshake when it
// gets none; its own was shown and proved by then.
func handshake(ctx context.Context, e Endpoint, addr netip.Addr, c *tls.Config) ([]*x509.Certificate, error) {
	if err := failpoint.Hit("before handshake with server"); err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), e.Port))
	if err != nil {
		return nil, reason(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if known, ok := dialects()[e.Protocol]; ok {
		if err := known.ask(conn); err != nil {
			return nil, ended(ctx, err)
		}
	}
	var seen []*x509.Certificate
	c.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		for _, der := range raw {
			parsed, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			seen = append(seen, parsed)
		}
		return nil
	}
	asked := false // which is after the server has proved that the key is its own
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil
	}
	if err := tls.Client(conn, c).HandshakeContext(ctx); err != nil && (!asked || len(seen) == 0) {
		return nil, ended(ctx, err)
	}
	if len(seen) == 0 {
		return nil, messages.New("no certificate was sent")
	}
	return seen, nil
}

// ended is the error of a talk, or what ended it.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return messages.New("no answer within %s", handshakeLimit)
	}
	return reason(err)
}

// reason is an error of the network without the addresses, which the one who asks knows.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err
	}
	return err
}

// resolveBySystem asks as all programs of this machine do, /etc/hosts included.
func resolveBySystem(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortFunc(addrs, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(a.BitLen(), b.BitLen()), a.Compare(b)) })
	return slices.Compact(addrs), err
}

func (p *Prover) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

func (p *Prover) sleep(ctx context.Context, d time.Duration) error {
	if p.Sleep == nil {
		return wait.For(ctx, d)
	}
	return p.Sleep(ctx, d)
}
