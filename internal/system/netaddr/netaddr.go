// Package netaddr says which addresses of the Internet Protocol are everybody's.
package netaddr

import "net/netip"

// Public reports whether an address is one of the Internet: a machine has it everywhere. Not so those of this machine, of one network or
// organisation, of carriers, for examples and tests, and of groups (the IANA special-purpose registries, RFC 6890), nor IPv6 addresses
// that stand for such an IPv4 address (RFC 4291 §2.5.5, RFC 6052, RFC 3056).
func Public(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	if addr.Is6() {
		bytes := addr.As16()
		switch {
		case within(addr, "64:ff9b::/96"):
			return Public(netip.AddrFrom4([4]byte(bytes[12:])))
		case within(addr, "2002::/16"):
			return Public(netip.AddrFrom4([4]byte(bytes[2:6])))
		}
		return within(addr, "2000::/3") && !within(addr, "2001::/32", "2001:db8::/32", "3fff::/20")
	}
	return !within(addr, "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4")
}

func within(addr netip.Addr, networks ...string) bool {
	for _, network := range networks {
		if netip.MustParsePrefix(network).Contains(addr) {
			return true
		}
	}
	return false
}
