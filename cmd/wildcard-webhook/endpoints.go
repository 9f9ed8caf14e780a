package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/system/netaddr"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// endpointsVariable is the environment variable with the endpoints that Issuers and their Secrets may name besides the services' own and
// those of the Internet, separated by commas or blanks: names of hosts, addresses, networks.
const endpointsVariable = "ALLOWED_ENDPOINTS"

// endpoints are whom the webhook talks to for an Issuer. Who may make an Issuer is not to reach by it what only the pod can.
type endpoints struct {
	hosts    []string // lower case
	networks []netip.Prefix
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?$`)

func parseEndpoints(text string) (*endpoints, error) {
	e := &endpoints{}
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if network, err := netip.ParsePrefix(entry); err == nil && network.Bits() > 0 {
			e.networks = append(e.networks, network.Masked())
			continue
		}
		if addr, err := netip.ParseAddr(entry); err == nil {
			e.networks = append(e.networks, netip.PrefixFrom(addr.Unmap().WithZone(""), addr.Unmap().BitLen()))
			continue
		}
		if !hostForm.MatchString(entry) {
			return nil, fmt.Errorf("%s: %s is neither the name of a host nor an address nor a network", endpointsVariable,
				fault.Excerpt(entry))
		}
		e.hosts = append(e.hosts, strings.ToLower(strings.TrimSuffix(entry, ".")))
	}
	return e, nil
}

// address reports whether an address may be talked to: one of the Internet, or a listed one.
func (e *endpoints) address(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return netaddr.Public(addr) || slices.ContainsFunc(e.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// host reports whether a host is listed, by its name or its address.
func (e *endpoints) host(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap().WithZone("")
		return slices.ContainsFunc(e.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
	}
	return slices.Contains(e.hosts, strings.ToLower(strings.TrimSuffix(host, ".")))
}

// dial makes a connection to what may be talked to. It is decided by the address that is connected to, so that no name leads elsewhere.
func (e *endpoints) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	if !e.host(host) {
		dialer.Control = func(_, resolved string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(resolved)
			if err == nil && e.address(to.Addr()) {
				return nil
			}
			return notAllowed(host)
		}
	}
	return dialer.DialContext(ctx, network, address)
}

func notAllowed(host string) error {
	return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
		"the endpoint %s is not one that Issuers may name (%s)", fault.Excerpt(host), endpointsVariable)
}

// refuseEndpoints refuses variables that lead the Secret to where it is not to go: to a host that is neither the service's own nor listed.
// A kind without a host of its own may name every one; dial has the last word.
func (e *endpoints) refuse(kind builtin.Kind, get func(name string) string) error {
	if len(kind.Hosts) == 0 {
		return nil
	}
	for _, v := range peers(kind) {
		text := strings.TrimSpace(get(v))
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil {
			return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "webhook: %s is no URL", v)
		}
		own := slices.ContainsFunc(kind.Hosts, func(host string) bool {
			return providers.InZone(providers.CanonicalName(u.Hostname()), providers.CanonicalName(host))
		})
		if !own && !e.host(u.Hostname()) {
			return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "webhook: %s: %w", v, notAllowed(u.Hostname()))
		}
	}
	return nil
}

// peers are the names of a kind's variables that say where its secrets go.
func peers(kind builtin.Kind) (names []string) {
	for _, v := range variablesOf(kind) {
		if v.Peer {
			names = append(append(names, v.Name), v.Aliases...)
		}
	}
	return names
}

func variablesOf(kind builtin.Kind) []settings.Variable {
	all := slices.Clone(kind.Settings)
	for _, family := range kind.Families {
		all = append(all, family.Variables...)
	}
	return all
}

// servers refuses DNS servers that are not allowed.
func (e *endpoints) servers(field string, servers []string) error {
	for _, server := range servers {
		host := server
		if u, err := url.Parse(server); err == nil && u.Host != "" {
			host = u.Hostname()
		} else if to, err := netip.ParseAddrPort(server); err == nil {
			if host = to.Addr().String(); e.address(to.Addr()) {
				continue
			}
		}
		if !e.host(host) {
			return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "webhook: config: %s: %w", field, notAllowed(host))
		}
	}
	return nil
}
