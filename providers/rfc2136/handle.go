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
	if len(parts) != 3 || !nameForm.MatchString(parts[1]) || !providers.InZone(fqdn, parts[1]) || h != handle(fqdn, parts[1], value) {
		return ""
	}
	return parts[1]
}

// failed says what could not be done; err keeps its code and class. A nil err stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return providers.Errorf(providers.CodeOf(err), providers.ClassOf(err), "rfc2136: %s: %w", fmt.Sprintf(format, args...), err)
}
