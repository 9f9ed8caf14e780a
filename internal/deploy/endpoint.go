package deploy

import (
	"crypto/x509"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// Endpoint is an address at which a certificate is to be served.
type Endpoint struct {
	Host     string // a name, or an address
	Port     string
	Protocol string // in which TLS is asked for; "" where it begins at once
}

// hostForm is what a host looks like: a name, or an address of either family with its zone.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// ParseEndpoint reads HOST[:PORT][,PROTOCOL]. Without a port it is the protocol's own, and 443 without a protocol. Errors are
// CodeUsage.
func ParseEndpoint(text string) (Endpoint, error) {
	address, protocol, named := strings.Cut(text, ",")
	known, ok := dialects()[protocol]
	if named && !ok {
		return Endpoint{}, fault.Errorf(fault.CodeUsage, fault.Usage, "address %s: the protocol is one of %s",
			fault.Excerpt(text), strings.Join(Protocols(), " "))
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, known.port
		if strings.HasPrefix(address, "[") {
			host = strings.TrimSuffix(address[1:], "]")
		}
		if !named {
			port = "443"
		}
	}
	ip, err := netip.ParseAddr(host)
	isHost := err == nil && (ip.Zone() == "" || hostForm.MatchString(ip.Zone())) || hostForm.MatchString(host)
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || !isHost {
		return Endpoint{}, fault.Errorf(fault.CodeUsage, fault.Usage, "address %s: want HOST[:PORT][,PROTOCOL]",
			fault.Excerpt(text))
	}
	return Endpoint{host, strconv.FormatUint(number, 10), protocol}, nil
}

// ParseEndpoints reads several, each once.
func ParseEndpoints(texts []string) (all []Endpoint, err error) {
	for _, text := range texts {
		e, err := ParseEndpoint(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return all, nil
}

// Address is HOST:PORT.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, e.Port) }

// String is the endpoint as it is typed.
func (e Endpoint) String() string {
	if e.Protocol == "" {
		return e.Address()
	}
	return e.Address() + "," + e.Protocol
}

// ServerName is what a server is asked for (SNI): the host, if that is a name on the certificate, else a name on it.
func (e Endpoint) ServerName(leaf *x509.Certificate) string {
	if _, err := netip.ParseAddr(e.Host); err != nil && leaf.VerifyHostname(e.Host) == nil || len(leaf.DNSNames) == 0 {
		return e.Host
	}
	name := leaf.DNSNames[0]
	if base, wild := strings.CutPrefix(name, "*."); wild {
		return "www." + base
	}
	return name
}

// Command is what shows an operator what is served there.
func (e Endpoint) Command(leaf *x509.Certificate) string {
	command := "openssl s_client -connect " + e.Address() + " -servername " + e.ServerName(leaf)
	if e.Protocol != "" {
		command += " -starttls " + e.Protocol
	}
	return command
}

// Broken says what is wrong with a chain that a server sends (RFC 8446 §4.4.2); nil if nothing is.
func Broken(served []*x509.Certificate) *messages.Message {
	if len(served) == 1 && string(served[0].RawIssuer) != string(served[0].RawSubject) {
		why := messages.New("no issuer with the certificate")
		return &why
	}
	for i, c := range served[:len(served)-1] {
		if err := c.CheckSignatureFrom(served[i+1]); err != nil {
			why := messages.New("a chain that breaks after its certificate number %d", i+1)
			return &why
		}
	}
	return nil
}
