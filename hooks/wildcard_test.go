package hooks_test

import (
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
)

// P9, P10: a CNAME that a wildcard makes of the challenge's name leads nowhere; the record takes its place.
func TestHooks_WildcardCNAME(t *testing.T) {
	t.Parallel()
	for subject, target := range map[string]string{
		"others": "cdn.elsewhere.example.", "a host of ours": "www.example.co.jp.", "the apex": "example.co.jp.", "another zone of ours": "x.example.net.",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, conohatest.Options{})
			w.conoha.PutRecord("example.co.jp", "*.example.co.jp", "CNAME", target)
			w.conoha.PutRecord("example.co.jp", "www.example.co.jp", "A", "192.0.2.1")
			for _, domain := range []string{"example.co.jp", "a.b.example.co.jp"} {
				c := call{domain: domain, value: value(1)}
				c.output = w.must("auth", c)
				if !strings.Contains(c.output, " _acme-challenge."+domain+". ") {
					t.Errorf("receipt %q", c.output)
				}
				w.must("cleanup", c)
				w.clean()
			}
		})
	}
}

// P11: a chain through a zone of others, here one that only the DNS knows, ends in a zone of ours.
func TestHooks_CNAMEThroughZoneOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	others := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.conoha.AddZone(others.Tenant, "foreign.example")
	w.conoha.PutRecord("example.co.jp", "_acme-challenge.example.co.jp", "CNAME", "hop.foreign.example.")
	w.conoha.PutRecord("foreign.example", "hop.foreign.example", "CNAME", "target.example.net.")
	c := call{domain: "example.co.jp", value: value(1)}
	c.output = w.must("auth", c)
	if !strings.Contains(c.output, " target.example.net. ") {
		t.Errorf("receipt %q", c.output)
	}
	w.must("cleanup", c)
	w.clean()

	w.conoha.DeleteRecord("foreign.example", "hop.foreign.example", "CNAME", "target.example.net.")
	w.fails("auth", c, 78, "hop.foreign.example", "[cname.refused]")
	w.clean()
}
