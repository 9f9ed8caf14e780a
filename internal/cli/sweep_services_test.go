//go:build failpoint

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/system/confine"
	"wildcard/internal/system/failpoint/sweep"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/secretscan"
	"wildcard/internal/testkit/zonetest"
	"wildcard/providers/acmedns/acmednstest"
)

// some is what is taken of the short ways along one service's own points.
func some() map[sweep.Action]int {
	return map[sweep.Action]int{sweep.Kill: 4, sweep.Term: 8, sweep.ENOSPC: 8, sweep.EIO: 8}
}

// newZones is a world with a name server besides, that takes signed updates and whose zones a plugin and a script can write to.
func newZones(t *testing.T) *world {
	t.Helper()
	store := t.TempDir()
	server, err := zonetest.Start(store, "example.edu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := newWorldOf(t, acmetest.Options{Look: server.Texts, Deviations: unproven})
	w.besides = server.All
	plugins := filepath.Join(w.dir, "plugins")
	if err := os.Mkdir(plugins, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exec", "wildcard-dns-files"} {
		executable.Write(t, filepath.Join(plugins, name), w.read("../../providers/plugin/testdata/"+name))
	}
	w.environ = slices.Concat(w.environ, server.Environ(), []string{"WILDCARD_PLUGIN_DIR=" + plugins})
	w.secrets = secretscan.Secrets{}
	for _, entry := range server.Environ() {
		if secret, ok := strings.CutPrefix(entry, "RFC2136_TSIG_SECRET="); ok {
			w.secrets["TSIG key"] = secret
		}
	}
	if confine.Can().User {
		if err := os.Chown(store, confine.User, -1); err != nil {
			t.Fatal(err)
		}
	}
	settings := filepath.Join(w.dir, "store.env")
	if err := os.WriteFile(settings, []byte("STORE='"+store+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.askAlso(server.Address())
	t.Cleanup(func() {
		if violations := server.Violations(); len(violations) > 0 {
			t.Errorf("updates that no careful client sends: %q", violations)
		}
	})
	return w
}

// askAlso adds a name server to those of the world.
func (w *world) askAlso(address string) {
	for i, entry := range w.environ {
		if strings.HasPrefix(entry, "WILDCARD_NAMESERVERS=") {
			w.environ[i] += "," + address
		}
	}
}

// What TestSweepIssue finds out with ConoHa, at the points that other services have: signed updates, a plugin, a script.
func TestSweepServices(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]sweep.Walk{
		"rfc2136":      {Of: []string{"primary"}, Least: 20},
		"plugin:files": {Of: []string{"plugin"}, Least: 8},
		"exec":         {Of: []string{"script"}, Least: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk.Program, walk.Every = "wildcard issue with "+name, some()
			walk.Run(t, func(t *testing.T, p sweep.Point) {
				w := newZones(t)
				spec := "example.edu=" + name
				switch name {
				case "exec": // a script is run once: if it cannot be, deleting the record is left to the next run
					w.once = true
					spec += ":" + filepath.Join(w.dir, "plugins", "exec") + "@" + filepath.Join(w.dir, "store.env")
				case "plugin:files":
					spec += "@" + filepath.Join(w.dir, "store.env")
				}
				w.name = "example.edu"
				w.issuesAgain(p, "issue", "--agree-tos", "--provider", spec, "example.edu", "*.example.edu")
			})
		})
	}
}

// newAcmeDNS is a world with an acme-dns besides, to which the CNAMEs in aliases lead.
func newAcmeDNS(t *testing.T) (w *world, server *acmednstest.Server, set func(target string)) {
	t.Helper()
	server, err := acmednstest.Start("auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	alias := ""
	w = newWorldOf(t, acmetest.Options{Deviations: unproven, Look: func(string) []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return server.Texts(alias)
	}})
	w.environ = append(w.environ, "ACME_DNS_API_BASE="+server.URL())
	w.askAlso(server.Addr())
	return w, server, func(target string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		alias = target
		w.conoha.PutRecord("example.com", "_acme-challenge.example.com", "CNAME", target+".")
	}
}

// The same with acme-dns, which deletes nothing: what we hold there is not in use any more after the next run.
func TestSweepAcmeDNS(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard issue with acmedns", Of: []string{"acmedns", "lock", "request to service"}, Least: 15, Every: some()}
	arguments := []string{"issue", "--agree-tos", "--provider", "acmedns", "*.example.com"}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w, server, set := newAcmeDNS(t)
		set(w.run(arguments...).exits(78).aliases()["example.com"])
		w.issuesAgain(p, arguments...)
		if names := server.Names(); len(names) != 1 {
			t.Errorf("registered: %q", names)
		}
	})
}

// The first run with acme-dns registers a name, and says which CNAME is to be set. Whatever happens to it, what the next run
// says stays true.
func TestSweepRegistration(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard issue that registers with acmedns", Of: []string{"accounts", "lock", "request to service"}, Least: 15, Every: some()}
	arguments := []string{"issue", "--agree-tos", "--provider", "acmedns", "*.example.com"}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		w, server, set := newAcmeDNS(t)
		w.struck(p, 78, arguments...)
		set(w.start(arguments...).end().exits(78).aliases()["example.com"])
		w.start(arguments...).end().exits(0)
		w.nothingLeft()
		w.isWhole()
		w.finished(1)
		if names := server.Names(); len(names) > 2 {
			t.Errorf("registered: %q", names)
		}
	})
}

// "systemd install" and "systemd remove": a unit is there whole or not at all, and the next run finishes.
func TestSweepUnits(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"install", "remove"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			walk := sweep.Walk{Program: "wildcard systemd " + verb, Least: 10, Every: some()}
			walk.Run(t, func(t *testing.T, p sweep.Point) {
				w := newWorld(t)
				root := filepath.Join(w.dir, "machine")
				programs := filepath.Join(w.dir, "programs")
				if err := os.MkdirAll(programs, 0o700); err != nil {
					t.Fatal(err)
				}
				w.hook("programs/systemctl", "")
				w.environ = append(w.environ, "PATH="+programs+":"+os.Getenv("PATH"))
				run := func(verb string) said { return w.start("systemd", verb, "--root", root).end().exits(0) }
				run("install")
				whole := w.tree(root)
				if verb == "install" {
					run("remove")
				}
				w.struck(p, 0, "systemd", verb, "--root", root)
				for path, text := range w.tree(root) {
					if !strings.HasPrefix(filepath.Base(path), ".") && text != whole[path] {
						t.Errorf("%s is not whole", path)
					}
				}
				run(verb)
				want := 0
				if verb == "install" {
					want = len(whole)
				}
				if left := w.tree(root); len(left) != want {
					t.Errorf("there are %d files, not %d: %q", len(left), want, left)
				}
			})
		})
	}
}
