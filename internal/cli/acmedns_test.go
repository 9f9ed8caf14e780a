package cli

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/testkit/acmetest"
	"wildcard/providers/acmedns/acmednstest"
)

// aliases is what a person has to set, by domain.
func (s said) aliases() map[string]string {
	found := map[string]string{}
	for _, match := range regexp.MustCompile(`_acme-challenge\.(\S+)\. CNAME (\S+)\.`).FindAllStringSubmatch(s.stderr, -1) {
		found[match[1]] = match[2]
	}
	return found
}

// The first run registers and says which CNAMEs to set, the second one obtains, later ones renew: with acme-dns beside a
// ConoHa that holds the zones.
func TestAcmeDNS(t *testing.T) {
	t.Parallel()
	server, err := acmednstest.Start("auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var w *world
	targets := map[string]string{} // of the CNAMEs that are set, by their owner
	w = newWorldOf(t, acmetest.Options{Deviations: unproven, Look: func(fqdn string) []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		if target, ok := targets[fqdn]; ok {
			return server.Texts(target)
		}
		return w.texts(fqdn)
	}})
	w.environ = append(w.environ, "ACME_DNS_API_BASE="+server.URL())
	for i, entry := range w.environ {
		if strings.HasPrefix(entry, "WILDCARD_NAMESERVERS=") {
			w.environ[i] += "," + server.Addr()
		}
	}
	set := func(owner, target string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		targets["_acme-challenge."+owner+"."] = target
		zone := owner[strings.Index(owner, "example."):]
		w.conoha.PutRecord(zone, "_acme-challenge."+owner, "CNAME", target+".")
	}
	names := []string{"issue", "--agree-tos", "--provider", "acmedns", "example.com", "*.example.com", "*.www.example.net"}

	plan := slices.Concat([]string{"plan"}, names[2:])
	if w.run(plan...).exits(78, "wildcard issue registers one"); len(server.Requests()) > 0 {
		t.Errorf("a plan asks for %q", server.Requests())
	}
	first := w.run(names...).exits(78, "[cname.missing]", "then run the same again").aliases()
	if len(first) != 2 || len(server.Names()) != 2 {
		t.Fatalf("%v, registered are %q", first, server.Names())
	}
	if again := w.run(names...).exits(78).aliases(); again["example.com"] != first["example.com"] || again["www.example.net"] != first["www.example.net"] {
		t.Errorf("%v, then %v", first, again)
	}
	set("example.com", first["example.com"])
	set("www.example.net", "somewhere.example.org") // a mistake
	wrong := w.run(names...).exits(78, "[cname.missing]", "somewhere.example.org.").aliases()
	if len(wrong) != 1 || wrong["www.example.net"] != first["www.example.net"] {
		t.Errorf("%v", wrong)
	}
	if planned := w.run(plan...).exits(78); !strings.Contains(planned.stdout+planned.stderr, first["www.example.net"]) {
		t.Errorf("the plan does not say where the CNAME has to lead:\n%s%s", planned.stdout, planned.stderr)
	}
	w.orders(0)
	w.conoha.DeleteRecord("example.net", "_acme-challenge.www.example.net", "CNAME", "somewhere.example.org.")
	set("www.example.net", first["www.example.net"])

	w.run(names...).exits(0)
	w.run("renew", "--force").exits(0)
	w.orders(2)
	if n := len(server.Names()); n != 2 {
		t.Errorf("%d registrations", n)
	}
	if n := len(w.lineage("example.com").Leaf.DNSNames); n != 3 {
		t.Errorf("%d names", n)
	}
	w.nothingLeft()

	// Beside an account that lists the zone, ZONE= says what is acme-dns's; nothing else is registered there.
	w.run("issue", "--agree-tos", "--provider", "conoha", "--provider", "b.example.com=acmedns", "a.example.com", "b.example.com").
		exits(78, "_acme-challenge.b.example.com. CNAME", "[cname.missing]")
	w.run("issue", "--agree-tos", "--provider", "conoha", "--provider", "acmedns", "a.example.com").exits(0)
	if n := len(server.Names()); n != 3 {
		t.Errorf("%d registrations", n)
	}
	if files, err := filepath.Glob(w.config("acmedns", "*")); err != nil || !slices.Equal(files, []string{w.config("acmedns", "accounts.json")}) {
		t.Errorf("%q %v", files, err)
	}
}
