package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/persist"
	"wildcard/internal/testkit/acmetest"
)

type persistAnswer struct {
	Records []persistLine `json:"records"`
}

// other are records of others at the name of example.com's.
func others() []string {
	return []string{"pki.goog;accounturi=https://dv.acme-v02.api.pki.goog/account/1", "v=spf1 -all",
		"letsencrypt.org;accounturi=https://ca.example/acct/99;policy=wildcard"}
}

func (w *world) putOthers() {
	for _, text := range others() {
		w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", text)
	}
}

// From an empty machine to a renewal without any credentials of a DNS service, by either generation of ConoHa's API.
func TestPersist_CredentialsLeave(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int{"Ver.2.0": 2, "Ver.3.0": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := persistWorld(t, acmetest.PersistPlain)
			account := w.conoha.AddAccount(conohatest.Account{Version: version})
			w.conoha.AddZone(account.Tenant, "example.info")
			w.zones = append(w.zones, "example.info")
			environ := w.conoha.Environ(account)
			w.environ = w.machine(environ, w.ca.DirectoryURL(), w.ca.RootPEM())
			w.withoutCredentials()
			for _, line := range environ {
				if !strings.HasPrefix(line, "CONOHA_") {
					w.environ = append(w.environ, line)
				}
			}
			file := filepath.Join(w.dir, "conoha.env")
			text := strings.Join(slices.DeleteFunc(slices.Clone(environ), func(l string) bool { return !strings.HasPrefix(l, "CONOHA_") }), "\n") + "\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			names := []string{"*.example.info", "example.info"}
			w.run(append([]string{"persist", "check"}, names...)...).exits(78, "[persist.missing]")
			set := append([]string{"persist", "set", "--env-file", file}, names...)
			w.run(set...).exits(0, persist.Name("example.info"), "lets the account")
			w.run(set...).exits(0, "lets the account")
			if there := w.texts(persist.Name("example.info")); len(there) != 1 {
				t.Errorf("records: %q", there)
			}
			w.run("clean").exits(0, "stays")
			w.issue(append([]string{"--env-file", file}, names...)...)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(w.dir, "run")); err != nil { // tokens
				t.Fatal(err)
			}
			calls := w.conoha.Calls()
			for range 2 {
				w.at(due(w.lineage("example.info")))
				w.run("renew").exits(0, "renewed")
			}
			if after := w.conoha.Calls(); after != calls {
				t.Errorf("calls of the DNS service: %+v, %+v before", after, calls)
			}
			w.run(append([]string{"persist", "check"}, names...)...).exits(0, "from here")
		})
	}
}

func TestPersist_RemovesItsOwn(t *testing.T) {
	t.Parallel()
	for name, offers := range map[string]acmetest.Persist{"-01": acmetest.PersistPlain, "-02": acmetest.PersistHashed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := persistWorld(t, offers)
			w.putOthers()
			w.run("persist", "set", "*.example.com", "example.net").exits(0)
			w.run("persist", "set", "--until", "400d", "*.example.com").exits(0)
			if there := w.texts(persist.Name("example.com")); len(there) != len(others())+1 {
				t.Errorf("what holds for ever was set again until a time: %q", there)
			}
			w.issue("*.example.com")
			w.run("persist", "remove", "*.example.com").exits(2, "--yes")
			w.run("persist", "remove", "--yes", "*.example.com").exits(0, "removed", "example.com")
			if there := w.texts(persist.Name("example.com")); !slices.Equal(slices.Sorted(slices.Values(there)), slices.Sorted(slices.Values(others()))) {
				t.Errorf("left at example.com: %q", there)
			}
			if there := w.texts(persist.Name("example.net")); len(there) != 1 {
				t.Errorf("left at example.net: %q", there)
			}
			w.run("persist", "remove", "--yes", "example.com").exits(0, "nothing is deleted")
			w.run("persist", "remove", "--yes", "example.net").exits(0)
			w.run("clean").exits(0, "the journal is empty")
		})
	}
}

// A record that is there already is not made again, and is not ours to delete.
func TestPersist_SetByHand(t *testing.T) {
	t.Parallel()
	w := persistWorld(t, acmetest.PersistPlain)
	shown := answerOf[persistAnswer](w.run("persist", "show", "--json", "*.example.com", "example.com").exits(0))
	w.conoha.PutRecord("example.com", persist.Name("example.com"), "TXT", shown.Records[0].Value)
	w.run("persist", "set", "*.example.com").exits(0)
	if n := w.conoha.Calls().Creates; n > 0 {
		t.Errorf("%d records made", n)
	}
	got := answerOf[persistAnswer](w.run("persist", "check", "--json", "*.example.com").exits(0))
	if r := got.Records[0]; r.Ours || r.Verdict != "fits" || r.Shape != "-01" {
		t.Errorf("%+v", r)
	}
	w.run("persist", "remove", "--yes", "*.example.com").exits(0, "nothing is deleted")
	if there := w.texts(persist.Name("example.com")); len(there) != 1 {
		t.Errorf("deleted: %q", there)
	}
}

func TestPersist_Show(t *testing.T) {
	t.Parallel()
	w := persistWorld(t, acmetest.PersistHashed)
	const value = `"letsencrypt.org;accounturi=`
	w.run("persist", "show", "*.example.com").exits(0, "_validation-persist.example.com. 3600 IN TXT "+value, ";policy=wildcard\"")
	if plain := w.run("persist", "show", "example.com").exits(0); strings.Contains(plain.stdout, "policy") {
		t.Errorf("more than was asked for: %s", plain.stdout)
	}
	w.run("persist", "show", "--form", "nsupdate", "example.com").exits(0, "update add _validation-persist.example.com. 3600 TXT "+value, "send")
	w.run("persist", "show", "--form", "terraform", "*.example.com").exits(0, `resource "dns_txt_record_set" "validation_persist_example_com" {`, `txt  = [`+value)
	w.run("persist", "show", "--until", "2037-12-31", "example.com").exits(0, ";persistUntil=2145916799")
	for _, bad := range [][]string{{"--until", "2001-01-01"}, {"--until", "soon"}, {"--until", "0d"}, {"--form", "xml"}} {
		w.run(append(append([]string{"persist", "show"}, bad...), "example.com")...).exits(2)
	}
	w.run("persist", "show").exits(2)
	w.run("persist", "frobnicate", "example.com").exits(2)
}

// What cannot be published, or not by this service, leaves nothing behind and names what is to be done.
func TestPersist_SetFails(t *testing.T) {
	t.Parallel()
	w := persistWorld(t, acmetest.PersistPlain)
	w.run("persist", "set", "example.org").exits(78, "[zone.not-found]")
	w.run("persist", "set", "example.com", "example.org").exits(78, "[zone.not-found]")
	w.run("persist", "set", "--provider", "example.com=certbot-hook:"+w.hook("auth", "exit 1"), "example.com").exits(78, "[persist.by-hand]", `TXT "letsencrypt.org;accounturi=`)
	w.nothingLeft()
	w.run("account", "deactivate", "--yes").exits(0)
	w.run("persist", "set", "example.com").exits(78, "wildcard account register")
	w.nothingLeft()
}
