package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func endpointKinds() []Kind {
	return []Kind{
		{
			Code: FoundEndpoint, Severity: Warning,
			What: "no TLS connection to %s: %s",
			Why:  "What it serves is not known.",
			Fix:  fault.Verbatim("openssl s_client -connect %s -servername %s"),
		},
		{
			Code: FoundEndpointOther, Severity: Error, Class: fault.Failed,
			What: "it serves the certificate %s, valid until %s; the live one is %s, valid until %s",
			Why:  "The server was not reloaded after the renewal, or reads other files.",
			Fix:  "reload the server, and have that done each time: wildcard issue --deploy-hook 'systemctl reload SERVER' %s",
		},
		{
			Code: FoundEndpointChain, Severity: Error, Class: fault.Failed,
			What: "it sends %s",
			Why:  "Many clients cannot verify it then.",
			Fix:  "have the server use %s",
		},
		{
			Code: FoundEndpointUnknown, Severity: Error, Class: fault.Usage,
			What: "%s belongs to no certificate that is looked at",
			Why:  "There is nothing to compare it with.",
			Fix:  fault.Verbatim("wildcard doctor --endpoint CERTIFICATE=%s"),
		},
	}
}

// Endpoint is a server that is to serve a certificate of the store.
type Endpoint struct {
	Certificate string // name of the lineage; "" is the one that covers the host
	Address     string // host:port
}

// ParseEndpoint reads [CERTIFICATE=]HOST:PORT; the port may be left out and is 443 then. Errors are CodeUsage.
func ParseEndpoint(text string) (Endpoint, error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok {
		name, address = "", text
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), "443"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || host == "" || strings.ContainsAny(host, "/ @") || ok && name == "" {
		return Endpoint{}, fault.Errorf(fault.CodeUsage, fault.Usage, "endpoint %s: want [CERTIFICATE=]HOST[:PORT]",
			fault.Excerpt(text))
	}
	return Endpoint{name, net.JoinHostPort(host, port)}, nil
}

// host is the part of the address that names the server.
func (e Endpoint) host() string {
	host, _, _ := net.SplitHostPort(e.Address)
	return host
}

// of finds the certificate that an endpoint is to serve: the one it names, else the one whose names cover its host, else the
// only one.
func (e Endpoint) of(cases []Case) (Case, bool) {
	var stored []Case
	for _, c := range cases {
		if c.Lineage != nil && c.Lineage.Leaf != nil && len(c.Lineage.Leaf.DNSNames) > 0 {
			stored = append(stored, c)
		}
	}
	for _, c := range stored {
		if e.Certificate == c.Lineage.Name || e.Certificate == "" && c.Lineage.Leaf.VerifyHostname(e.host()) == nil {
			return c, true
		}
	}
	if e.Certificate == "" && len(stored) == 1 {
		return stored[0], true
	}
	return Case{}, false
}

// serverName is what the server is asked for (SNI): its host, if that is a name on the certificate, else a name on it.
func serverName(e Endpoint, c Case) string {
	if _, err := netip.ParseAddr(e.host()); err != nil && c.Lineage.Leaf.VerifyHostname(e.host()) == nil {
		return e.host()
	}
	name := c.Lineage.Leaf.DNSNames[0]
	if base, wild := strings.CutPrefix(name, "*."); wild {
		return "www." + base
	}
	return name
}

// endpoint compares what a server serves with the live certificate.
func (v *visit) endpoint(ctx context.Context, e Endpoint, cases []Case) {
	c, ok := e.of(cases)
	if !ok {
		v.find(FoundEndpointUnknown, e.Address, []any{e.Address}, e.Address)
		return
	}
	leaf, name := c.Lineage.Leaf, serverName(e, c)
	served, err := serves(ctx, e.Address, name)
	if err != nil {
		if ctx.Err() == nil {
			v.find(FoundEndpoint, e.Address, []any{e.Address, messages.OneLine(err.Error())}, e.Address, name)
		}
		return
	}
	if !served[0].Equal(leaf) {
		v.find(FoundEndpointOther, e.Address, []any{serial(served[0]), day(served[0].NotAfter), serial(leaf),
			day(leaf.NotAfter)}, quoted(leaf.DNSNames))
		return
	}
	if why := broken(served); why != nil {
		v.find(FoundEndpointChain, e.Address, []any{why}, c.Lineage.Path("fullchain"))
		return
	}
	v.good(e.Address, "it serves the live certificate of %s, with its issuers", c.Lineage.Name)
}

// serves returns the certificates that a server sends for a name. They are compared with the store, not with the roots of
// this machine: the server may be one that only its owner trusts.
func serves(ctx context.Context, address, name string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // nothing is sent, and what comes is compared byte for byte
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	served := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(served) == 0 {
		return nil, fmt.Errorf("no certificate was sent")
	}
	return served, nil
}

// broken says what is wrong with a chain that a server sends (RFC 8446 §4.4.2); nil if nothing is.
func broken(served []*x509.Certificate) *messages.Message {
	if len(served) == 1 && string(served[0].RawIssuer) != string(served[0].RawSubject) {
		return because("no issuer with the certificate")
	}
	for i, c := range served[:len(served)-1] {
		if err := c.CheckSignatureFrom(served[i+1]); err != nil {
			return because("a chain that breaks after its certificate number %d", i+1)
		}
	}
	return nil
}

func serial(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// quoted are names as they are given to "wildcard issue" in a shell.
func quoted(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, lineage.Quote(name))
	}
	return strings.Join(all, " ")
}
