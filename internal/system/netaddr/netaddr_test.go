package netaddr_test

import (
	"net/netip"
	"testing"

	"wildcard/internal/system/netaddr"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "157.7.32.53": true, "2606:4700::1111": true, "2001:e42::53": true, "::ffff:1.1.1.1": true,
		"64:ff9b::101:101": true, "2002:101:101::1": true, "100.128.0.1": true, "172.32.0.1": true,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "127.0.0.53": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false,
		"203.0.113.9": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12:3456::1": false, "ff02::1": false, "2001:db8::1": false,
		"2001::1": false, "3fff::1": false, "::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false, "::10.0.0.1": false,
		"64:ff9b::a00:1": false, "64:ff9b:1::1": false, "2002:a00:1::1": false, "2002:7f00:1::": false, "fec0::1": false, "4000::1": false,
	} {
		if got := netaddr.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if netaddr.Public(netip.Addr{}) {
		t.Error("none")
	}
}
