package certificates

import (
	"net/netip"
	"slices"
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

// Where name servers cannot be asked is said once for each zone, and once what comes of it.
func TestPlan_CutOff(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, note := range cutOffNotes([]PlannedRecord{
		{Zone: "a.test.", cutOff: propagation.Blocked}, {Zone: "a.test.", cutOff: propagation.Blocked}, {Zone: "b.test."},
		{Zone: "c.test.", cutOff: propagation.Intercepted},
	}) {
		texts = append(texts, note.String())
	}
	want := []string{
		"no name server of a.test. can be asked from here: port 53 is closed, UDP and TCP",
		"something answers on port 53 in the place of the name servers of c.test.",
		"What the name servers have cannot be seen, so a resolver's word has to do, and every run waits long for it.",
	}
	if !slices.Equal(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
	if notes := cutOffNotes([]PlannedRecord{{Zone: "a.test."}}); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}
