package conoha

import (
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/providers"
)

func TestCheckDelegation(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		p := w.open("")
		other := nameServersOf(5 - w.account.Version)
		if err := p.CheckDelegation(t.Context(), "Example.COM", append(other, strings.ToUpper(nameServersOf(w.account.Version)[1]))); err != nil {
			t.Error(err)
		}
		w.calls(conohatest.Calls{})

		err := p.CheckDelegation(t.Context(), "example.com.", other)
		w.fails(err, providers.CodeDelegatedElsewhere, providers.Misconfigured)
		for _, host := range slices.Concat(ver2().nameServers, ver3().nameServers) {
			if !strings.Contains(err.Error(), strings.TrimSuffix(host, ".")) {
				t.Errorf("%v does not name %s", err, host)
			}
		}
		w.calls(conohatest.Calls{Logins: 1, ZoneLists: 1, RecordLists: 1})

		// Own names for the service's servers, as the zone's records tell.
		w.PutRecord("example.com", "example.com.", "NS", "ns.vanity.example.")
		if err := p.CheckDelegation(t.Context(), "example.com.", []string{"NS.vanity.example"}); err != nil {
			t.Error(err)
		}
		w.fails(p.CheckDelegation(t.Context(), "sub.example.com.", other), providers.CodeNoZone, providers.Misconfigured)
		w.fails(p.CheckDelegation(t.Context(), "example.com.", nil), providers.CodeDelegatedElsewhere, providers.Misconfigured)
		w.fails(p.CheckDelegation(t.Context(), "example.com.", []string{"evil\n\x1b[2J", ""}), providers.CodeDelegatedElsewhere, providers.Misconfigured)
	})
}
