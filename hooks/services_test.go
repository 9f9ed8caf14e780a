package hooks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/zonetest"
)

// One certificate has names at four services: two accounts of ConoHa, a name server that takes signed updates, and a script.
// Each call of certbot's finds its own; the last one waits for all; the journal has no secret.
func TestHooks_ManyServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, conohatest.Options{})
	store := t.TempDir()
	others, err := zonetest.Start(store, "example.edu", "example.info")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(others.Close)
	script, err := os.ReadFile("../providers/plugin/testdata/exec") // written for lego's exec
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "exec")
	executable.Write(t, path, string(script))
	v2 := w.conoha.AddAccount(conohatest.Account{Version: 2, Password: "canary-2"}) // no quotes in it: it stands in a file
	w.conoha.AddZone(v2.Tenant, "example.jp")
	args := []string{
		"--provider", "conoha@" + w.envFile("v2.env", w.conoha.Environ(v2)),
		"--provider", "conoha@" + w.envFile("v3.env", w.conoha.Environ(w.v3)),
		"--provider", "example.edu=rfc2136@" + w.envFile("updates.env", others.Environ()),
		"--provider", "example.info=exec:" + path + "@" + w.envFile("script.env", []string{"STORE=" + store, "TOKEN=script-canary"}),
		"--nameserver", strings.Join(append(w.conoha.NameServers(2, 3), others.Address()), ","),
	}
	w.environ = slices.DeleteFunc(w.environ, func(line string) bool { return strings.HasPrefix(line, "CONOHA") })
	texts := func() map[string]string {
		found := map[string]string{}
		for _, zone := range []string{"example.jp", "example.net"} {
			for _, r := range w.conoha.Records(zone) {
				if r.Type == "TXT" {
					found[zone] += r.Data
				}
			}
		}
		for _, zone := range []string{"example.edu", "example.info"} {
			if values := others.Texts("_acme-challenge." + zone + "."); len(values) > 0 {
				found[zone] = strings.Join(values, " ")
			}
		}
		return found
	}

	domains := []string{"example.jp", "example.net", "example.edu", "example.info"}
	receipts := make([]string, len(domains))
	for i, domain := range domains {
		receipts[i] = w.must("auth", call{domain: domain, value: value(i), remaining: len(domains) - 1 - i, args: args})
	}
	made := texts()
	for i, domain := range domains {
		if made[domain] != value(i) {
			t.Errorf("%s holds %q", domain, made[domain])
		}
	}
	entries := w.journal()
	if len(entries) != len(domains) {
		t.Errorf("journal: %q", entries)
	}
	for _, file := range entries {
		text, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), "em9uZXRlc3Q") {
			t.Errorf("%v, a secret in %s", err, text)
		}
	}
	for i, domain := range domains {
		w.must("cleanup", call{domain: domain, value: value(i), remaining: len(domains) - 1 - i, output: receipts[i], args: args})
	}
	if left := texts(); len(left) > 0 || len(others.Violations()) > 0 {
		t.Errorf("left: %v, %q", left, others.Violations())
	}
	w.clean()

	// What cannot be is said at once, whatever else is there.
	w.fails("auth", call{domain: "example.edu", value: value(9), args: append(args, "--provider", "example.edu=lego:route53")}, 2, "wildcard issue")
	w.fails("auth", call{domain: "example.biz", value: value(9), args: args}, 78, "zone of")
	w.clean()
}
