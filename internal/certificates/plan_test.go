package certificates

import (
	"net/netip"
	"strings"
	"testing"

	"wildcard/internal/dns01/propagation"
)

// What parent, zone and resolvers say otherwise is said once for each zone.
func TestPlan_DelegationDiffers(t *testing.T) {
	t.Parallel()
	first := propagation.Address{Host: "ns1.test.", Addr: netip.MustParseAddrPort("192.0.2.1:53")}
	differs := propagation.Delegation{
		Zone: "a.test.", NameServers: []string{"ns1.test.", "ns2.test."}, Delegated: []string{"ns1.test.", "ns2.test."}, Listed: []string{"ns1.test."},
		Lists: []propagation.List{{Server: first, NameServers: []string{"ns1.test."}}}, Cached: []string{"ns0.test."},
	}
	private := propagation.Delegation{Zone: "b.test.", NameServers: []string{"dc1.test."}, Cached: []string{"dc1.test."}, Private: true}
	sound := propagation.Delegation{Zone: "c.test.", NameServers: []string{"ns1.test."}, Delegated: []string{"ns1.test."}, Listed: []string{"ns1.test."}}
	var texts []string
	for _, note := range delegationNotes([]PlannedRecord{{delegation: differs}, {delegation: private}, {delegation: differs}, {delegation: sound}, {}}) {
		texts = append(texts, note.String())
	}
	want := []string{
		"the parent of a.test. delegates to ns1.test. ns2.test., but the zone on ns1.test. (192.0.2.1:53) lists ns1.test.",
		"the resolvers still know ns0.test. as name servers of a.test.; its parent delegates to ns1.test. ns2.test.",
		"the servers above b.test. say that there is no such zone: only this network knows it",
	}
	if strings.Join(texts, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", texts, want)
	}
}
