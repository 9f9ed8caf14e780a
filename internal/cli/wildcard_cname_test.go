package cli

import (
	"context"
	"net"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

// P9, P10: where a wildcard makes a CNAME of the challenge's name, plan, doctor and issue all take that name itself.
func TestIssue_WildcardCNAME(t *testing.T) {
	t.Parallel()
	for subject, target := range map[string]string{"others": "cdn.elsewhere.example.", "a host of ours": "www.example.com.", "the apex": "example.com."} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.conoha.PutRecord("example.com", "*.example.com", "CNAME", target)
			w.conoha.PutRecord("example.com", "www.example.com", "A", "192.0.2.1")
			w.run("plan", "--agree-tos", "*.example.com", "a.b.example.com").exits(0, "_acme-challenge.example.com.", "_acme-challenge.a.b.example.com.")
			w.issue("*.example.com", "example.com", "a.b.example.com")
			w.nothingLeft()
		})
	}
}

// P11: plan and issue follow a chain through a zone of others to its end in one of ours.
func TestIssue_CNAMEThroughForeignZone(t *testing.T) {
	t.Parallel()
	var w *world
	w = newWorldOf(t, acmetest.Options{Deviations: unproven, Look: func(fqdn string) []string {
		client := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, w.conoha.ValidationResolver())
		}}
		values, _ := client.LookupTXT(t.Context(), fqdn) // what is not found is not there
		return values
	}})
	w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "CNAME", "hop.example.net.")
	w.conoha.PutRecord("example.net", "hop.example.net", "CNAME", "target.example.com.")
	w.run("plan", "--agree-tos", "--provider", "example.com=conoha", "*.example.com").exits(0, "target.example.com.")
	w.issue("--provider", "example.com=conoha", "*.example.com")
	w.nothingLeft()
}
