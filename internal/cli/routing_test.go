package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/zonetest"
)

// services is a world with four DNS services: two accounts of ConoHa, one of each generation, a name server that takes signed
// updates, and a script. Each has an env file of its own, and the environment has none of what is in them.
type services struct {
	*world
	others *zonetest.Server // example.edu, by updates, and example.info, by the script
	specs  []string
	tried  *names // that the CA has looked at
}

func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{tried: &names{}}
	store := t.TempDir()
	var err error
	if s.others, err = zonetest.Start(store, "example.edu", "example.info", "deep.example.com"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.others.Close)
	s.world = newWorldOf(t, acmetest.Options{Deviations: unproven, Look: func(fqdn string) []string {
		s.tried.add(fqdn)
		return append(s.texts(fqdn), s.others.Texts(fqdn)...)
	}})
	v3 := s.conoha.AddAccount(conohatest.Account{Version: 3})
	s.conoha.AddZone(v3.Tenant, "example.org")
	s.zones = append(s.zones, "example.org")

	script, err := os.ReadFile("../../providers/plugin/testdata/exec") // written for lego's exec
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "exec")
	executable.Write(t, path, string(script))
	var v2, rest []string
	for _, line := range s.environ {
		switch {
		case strings.HasPrefix(line, "CONOHA_"):
			v2 = append(v2, line)
		case strings.HasPrefix(line, "WILDCARD_NAMESERVERS="):
			rest = append(rest, "WILDCARD_NAMESERVERS="+strings.Join(append(s.conoha.NameServers(2, 3), s.others.Address()), ","))
		default:
			rest = append(rest, line)
		}
	}
	s.environ = rest
	s.specs = []string{
		"conoha@" + s.envFile("v2.env", v2), "conoha@" + s.envFile("v3.env", s.conoha.Environ(v3)),
		"example.edu=rfc2136@" + s.envFile("updates.env", s.others.Environ()),
		"example.info=exec:" + path + "@" + s.envFile("script.env", []string{"STORE='" + store + "'", "TOKEN=script-canary"}),
	}
	return s
}

// envFile writes what of an environment are credentials.
func (s *services) envFile(name string, lines []string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "WILDCARD_") })
	if err := os.WriteFile(path, []byte(strings.Join(append(lines, ""), "\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// flags names the services on a command line.
func (s *services) flags() (flags []string) {
	for _, spec := range s.specs {
		flags = append(flags, "--provider", spec)
	}
	return flags
}

// secretless fails the test if anything of the env files stands in what is kept.
func (s *services) secretless() {
	s.t.Helper()
	var secrets []string
	for _, name := range []string{"v2.env", "v3.env", "updates.env", "script.env"} {
		for line := range strings.Lines(s.read(filepath.Join(s.dir, name))) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if strings.Contains(key, "PASSWORD") || strings.Contains(key, "SECRET") || key == "TOKEN" {
				secrets = append(secrets, strings.Trim(value, `'"`))
			}
		}
	}
	if len(secrets) != 4 {
		s.t.Errorf("%d secrets", len(secrets))
	}
	for _, dir := range []string{"letsencrypt", "state", "run"} {
		err := filepath.WalkDir(filepath.Join(s.dir, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			text := s.read(path)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					s.t.Errorf("%s holds a secret", path)
				}
			}
			return nil
		})
		if err != nil {
			s.t.Error(err)
		}
	}
}

// One certificate has names at four services; a timer renews it by what is stored, which is no secret, and without any
// environment. Records are where they belong, and nowhere else.
func TestManyServices(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	domains := []string{"example.com", "*.example.com", "*.example.org", "a.www.example.edu", "*.example.edu", "*.example.info", "example.info"}
	got := s.issue(append(append(s.flags(), "--json"), domains...)...)
	if answer := answerOf[issueAnswer](got); len(answer.Names) != len(domains) {
		t.Errorf("%q", answer.Names)
	}
	s.conoha.ResetLog()
	conf := s.read(s.config("renewal", "example.com.conf"))
	for _, spec := range s.specs {
		if !strings.Contains(conf, spec) {
			t.Errorf("%s is not in\n%s", spec, conf)
		}
	}
	s.secretless()
	if left := append(s.texts(""), s.others.All()...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}

	before := s.others.Updates()
	s.environ = slices.DeleteFunc(slices.Clone(s.environ), func(line string) bool {
		return !strings.HasPrefix(line, "PATH=") && !strings.HasPrefix(line, "WILDCARD_CONFIG_DIR=") && !strings.HasPrefix(line, "WILDCARD_STATE_DIR=") && !strings.HasPrefix(line, "WILDCARD_RUN_DIR=")
	})
	s.at(due(s.lineage("example.com")))
	s.run("renew", "--no-jitter").exits(0, "1 renewed, 0 not due, 0 failed")
	if names := s.lineage("example.com").Leaf.DNSNames; len(names) != len(domains) {
		t.Errorf("%q", names)
	}
	for _, version := range []int{2, 3} {
		wrong := s.conoha.Count(func(r conohatest.Request) bool { return r.Version == version && r.Status >= 400 })
		if wrong > 0 {
			t.Errorf("Ver.%d.0: %d calls refused", version, wrong)
		}
	}
	if n := s.others.Updates() - before; n != 4 { // two values made and deleted
		t.Errorf("%d updates", n)
	}
	for _, name := range []string{"example.com", "example.org", "a.www.example.edu", "example.edu", "example.info"} {
		if !s.tried.has("_acme-challenge." + name + ".") {
			t.Errorf("the CA has not looked at %s", name)
		}
	}
	if left := s.others.All(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	s.nothingLeft()
	s.secretless()
}

// Which service has a name is decided by the longest ZONE=, then by the zones that accounts list; two that could have it are
// an error that names both, and so is none.
func TestRouting(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	deep := "deep.example.com=" + strings.TrimPrefix(s.specs[3], "example.info=")
	with := func(specs ...string) []string {
		args := []string{"plan", "--json", "--agree-tos"}
		for _, spec := range specs {
			args = append(args, "--provider", spec)
		}
		return args
	}
	got := answerOf[planAnswer](s.run(append(with(append(s.specs, deep)...), "*.example.com", "x.deep.example.com", "*.example.org", "example.edu")...).exits(0))
	want := map[string]string{ // by domain: spec and zone
		"example.com": s.specs[0] + " example.com.", "x.deep.example.com": deep + " deep.example.com.",
		"example.org": s.specs[1] + " example.org.", "example.edu": s.specs[2] + " example.edu.",
	}
	if len(got.Records) != len(want) {
		t.Errorf("%+v", got.Records)
	}
	for _, r := range got.Records {
		if place := r.Provider + " " + r.Zone; place != want[r.Domain] && place+"." != want[r.Domain] {
			t.Errorf("%s: %s, want %s", r.Domain, place, want[r.Domain])
		}
	}
	twice := filepath.Join(s.dir, "again.env")
	if err := os.WriteFile(twice, []byte(s.read(filepath.Join(s.dir, "v2.env"))), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("issue", "--agree-tos", "--provider", s.specs[0], "--provider", "conoha@"+twice, "*.example.com").exits(78, "both", "v2.env", "again.env")
	s.run("issue", "--agree-tos", "--provider", s.specs[0], "--provider", s.specs[2], "*.example.info").exits(78, "example.info")
	s.run("issue", "--agree-tos", "--provider", strings.TrimPrefix(s.specs[3], "example.info="), "*.example.info").exits(2, "write the zone before it")
	if n := s.conoha.Calls().Creates; n > 0 || s.others.Updates() > 0 {
		t.Errorf("%d records made", n)
	}
}

// A service that fails stops the whole certificate, and the records at the others are deleted.
func TestOneServiceFails(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	s.hook("exec", `echo "API is closed" >&2; exit 1`)
	s.run(append(append([]string{"issue", "--agree-tos"}, s.flags()...), "*.example.com", "*.example.org", "*.example.edu", "*.example.info")...).
		exits(1, "example.info", "API is closed")
	if left := s.others.All(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if left := s.texts(""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// names is a set for several goroutines.
type names struct {
	mu  sync.Mutex
	all map[string]bool
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]bool{}
	}
	n.all[name] = true
}

func (n *names) has(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[name]
}

// A name server that takes updates, and a script that was written for lego, keep the contract in a zone that is in use.
func TestProvidersTestOfOthers(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	for _, spec := range s.specs[2:] {
		s.run("providers", "test", spec).exits(0, " checks, 0 failed", "zones are canonical")
	}
	if left := s.others.All(); len(left) > 0 || s.others.Updates() == 0 {
		t.Errorf("left: %q", left)
	}
	s.nothingLeft()
}
