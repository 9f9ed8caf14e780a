package propagation

import (
	"bufio"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"wildcard/internal/fault"
)

const dnsPort = 53

// ParseServers parses the list of WILDCARD_RESOLVERS, WILDCARD_NAMESERVERS and their flags: entries separated by commas or
// white space, each an IP address, ip:port, [ip]:port (IPv6 zones allowed: fe80::1%eth0) or an https:// URL of a DNS over
// HTTPS resolver (RFC 8484). Addresses come back as ip:port, with port 53 where none was given. Host names are refused:
// who would look them up? The error is of [fault.CodeBadSettings].
func ParseServers(s string) ([]string, error) {
	var servers []string
	for _, entry := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		server, err := parseServer(entry)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	if len(servers) == 0 {
		return nil, badServer("the list of DNS servers is empty")
	}
	return servers, nil
}

func parseServer(entry string) (string, error) {
	if isURL(entry) {
		u, err := url.Parse(entry)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			return "", badServer("%s is not a usable https:// address of a DNS resolver", fault.Excerpt(entry))
		}
		return u.String(), nil
	}
	addr, err := parseAddress(entry)
	if err != nil {
		return "", err
	}
	return addr.String(), nil
}

// parseAddress reads ip, ip:port and [ip]:port.
func parseAddress(entry string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(entry)
	if err != nil {
		ip, ipErr := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(entry, "["), "]"))
		if ipErr != nil {
			return netip.AddrPort{}, badServer("%s is not a DNS server: want ip, ip:port or https://…", fault.Excerpt(entry))
		}
		addr = netip.AddrPortFrom(ip, dnsPort)
	}
	if addr.Port() == 0 || !usable(addr.Addr()) {
		return netip.AddrPort{}, badServer("%s is not an address a DNS server can have", fault.Excerpt(entry))
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// usable reports whether a packet to ip goes to one machine.
func usable(ip netip.Addr) bool {
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func isURL(server string) bool { return strings.Contains(server, "://") }

// NewResolver returns a resolver that asks servers, or those of the system if there are none, and name servers in place of the
// delegated ones if there are any. Errors are those of [SystemServers], unless name servers are named: they need no others.
func NewResolver(servers, nameServers []string, log *slog.Logger) (*Resolver, error) {
	if len(servers) == 0 {
		var err error
		if servers, err = SystemServers("/etc/resolv.conf"); err != nil && len(nameServers) == 0 {
			return nil, err
		}
	}
	return &Resolver{Servers: servers, NameServers: nameServers, Found: new(Found), Log: log}, nil
}

// SystemServers returns the system's resolvers from a resolv.conf(5), usually /etc/resolv.conf, as ip:port. As everywhere
// on the system, a file that does not exist or names no server means the one on this machine. Lines that are not an
// address are passed over. An unreadable file is an error of [fault.CodeBadSettings].
func SystemServers(resolvConf string) ([]string, error) {
	local := []string{"127.0.0.1:53"}
	file, err := os.Open(resolvConf)
	if errors.Is(err, fs.ErrNotExist) {
		return local, nil
	}
	if err != nil {
		return nil, badServer("system resolvers: %w", err)
	}
	defer file.Close()
	var servers []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		ip, err := netip.ParseAddr(fields[1])
		if err != nil || ip.IsMulticast() {
			continue
		}
		if ip.IsUnspecified() { // 0.0.0.0 means this machine to every stub resolver
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		servers = append(servers, netip.AddrPortFrom(ip.Unmap(), dnsPort).String())
	}
	if err := lines.Err(); err != nil {
		return nil, badServer("system resolvers: %s: %w", resolvConf, err)
	}
	if len(servers) == 0 {
		return local, nil
	}
	return servers, nil
}

func badServer(format string, args ...any) error {
	return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, format, args...)
}
