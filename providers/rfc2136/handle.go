package rfc2136

import (
	"fmt"
	"strings"

	"wildcard/providers"
)

// handle names a record. At its longest it has 254 octets of name and 255 of value.
func handle(fqdn, zone, value string) providers.Handle {
	relative := strings.TrimSuffix(strings.TrimSuffix(fqdn, zone), ".")
	if relative == "" {
		relative = "@"
	}
	return providers.Handle(relative + "|" + zone + "|" + value)
}

// zoneIn returns the zone that a handle of this very record names, or "".
func zoneIn(h providers.Handle, fqdn, value string) string {
	parts := strings.SplitN(string(h), "|", 3)
	if len(parts) != 3 {
		return ""
	}
	zone := parts[1]
	if canonical, err := providers.ParseOwner(zone); err != nil || canonical != zone || !providers.InZone(fqdn, zone) ||
		h != handle(fqdn, zone, value) {
		return ""
	}
	return zone
}

// failed says what could not be done; err keeps its code and class. A nil err stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "rfc2136: %s: %w", fmt.Sprintf(format, args...),
		err)
}
