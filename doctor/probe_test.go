package doctor

import (
	"strings"
	"testing"

	"wildcard/issuance"
	"wildcard/providers"
	"wildcard/providers/acmedns"
	"wildcard/providers/rfc2136"
)

// Where a service has single names, the probe stands at the very name; elsewhere below it.
func TestProbeName(t *testing.T) {
	t.Parallel()
	const name = "one.auth.example.org."
	at := func(p providers.Provider, zone string) string {
		route := providers.Route{Account: providers.Account{Provider: p}, Zone: zone}
		return challenge(place{Location: issuance.Location{Route: route, FQDN: name}, domain: "example.com"}).FQDN
	}
	if got := at(&acmedns.Provider{}, ""); got != name {
		t.Errorf("acme-dns: %s", got)
	}
	if got := at(&rfc2136.Provider{}, name); got != name {
		t.Errorf("a zone of its own: %s", got)
	}
	for _, zone := range []string{"", "example.org."} {
		if got := at(&rfc2136.Provider{}, zone); !strings.HasPrefix(got, "probe-") || !strings.HasSuffix(got, "."+name) {
			t.Errorf("zone %q: %s", zone, got)
		}
	}
}
