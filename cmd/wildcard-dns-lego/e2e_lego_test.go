//go:build e2e

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/pebbletest"
)

// legoCall begins a command line of lego's. The fake's name servers are not at port 53, where lego would look for the records.
const legoCall = "lego --accept-tos --email you@example.com --domains '*.example.com' --domains example.com --dns.propagation-wait 1s"

// legoUser is a user who has got certificates with lego's own program so far, in a home of their own, and has wildcard now.
type legoUser struct {
	t       testing.TB
	home    string
	server  string   // URL of the CA's directory
	environ []string // of both programs
}

// legoPrograms returns a folder with lego's program, which is a tool of this module, and ours.
func legoPrograms(t testing.TB) string {
	t.Helper()
	bin := private(t)
	lego := exec.Command("go", "build", "-ldflags", "-s -w", "-o", bin+"/", "github.com/go-acme/lego/v4/cmd/lego")
	ours := exec.Command("go", "build", "-o", bin+"/", "./cmd/wildcard")
	ours.Dir = "../.."
	for _, build := range []*exec.Cmd{lego, ours} {
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", build, err, out)
		}
	}
	return bin
}

func newLegoUser(t testing.TB, bin string, ca *pebbletest.CA, resolver string, environ ...string) *legoUser {
	t.Helper()
	u := &legoUser{t: t, home: private(t), server: ca.DirectoryURL()}
	root := filepath.Join(u.home, "root.pem")
	if err := ca.WriteRoot(root); err != nil {
		t.Fatal(err)
	}
	u.environ = append([]string{
		"HOME=" + u.home, "PATH=" + bin + ":" + os.Getenv("PATH"), "LEGO_SERVER=" + u.server, "LEGO_CA_CERTIFICATES=" + root, "LEGO_PATH=" + u.home + "/.lego",
		"WILDCARD_CONFIG_DIR=" + u.home + "/etc", "WILDCARD_STATE_DIR=" + u.home + "/state", "WILDCARD_RUN_DIR=" + u.home + "/run",
		"WILDCARD_SERVER=" + u.server, "WILDCARD_CA_BUNDLE=" + root, "WILDCARD_RESOLVERS=" + resolver,
	}, environ...)
	return u
}

// run runs a command line of a shell, with further variables.
func (u *legoUser) run(line string, environ ...string) {
	u.t.Helper()
	cmd := exec.Command("bash", "-euc", line)
	cmd.Env = append(slices.Clone(u.environ), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		u.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	u.t.Logf("%s\n%s", line, out)
}

// files are those that lego keeps.
func (u *legoUser) files() map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(u.home+"/.lego", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, u.home)] = string(text)
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return files
}

// account is the URL of the one account that a pattern of files has.
func (u *legoUser) account(pattern, field string) string {
	u.t.Helper()
	paths, err := filepath.Glob(u.home + pattern)
	if err != nil || len(paths) != 1 {
		u.t.Fatalf("%s: %q, %v", pattern, paths, err)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		u.t.Fatal(err)
	}
	var account struct {
		URI          string
		Registration struct{ URI string }
	}
	if err := json.Unmarshal(text, &account); err != nil {
		u.t.Fatal(err)
	}
	if field == "registration" {
		return account.Registration.URI
	}
	return account.URI
}

// leaf is the first certificate of a file below the home.
func (u *legoUser) leaf(path string) *x509.Certificate {
	u.t.Helper()
	text, err := os.ReadFile(u.home + path)
	if err != nil {
		u.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		u.t.Fatalf("%s: no PEM", path)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		u.t.Fatal(err)
	}
	slices.Sort(leaf.DNSNames)
	if !slices.Equal(leaf.DNSNames, []string{"*.example.com", "example.com"}) {
		u.t.Errorf("%s: %q", path, leaf.DNSNames)
	}
	return leaf
}

// migration is the block of commands for users of lego in docs/migration.md.
func migration(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile("(?s)\n## From lego\n.*?\n```sh\n(.*?)```\n").FindSubmatch(text)
	if match == nil {
		t.Fatal("docs/migration.md has no commands for users of lego")
	}
	return string(match[1])
}

// Programs are built once for all of them.
func TestLegoUsers(t *testing.T) {
	bin := legoPrograms(t)
	for version, service := range map[int]string{2: "conoha", 3: "conohav3"} {
		t.Run(service, func(t *testing.T) { fromLego(t, bin, version, service) })
	}
	t.Run("exec", func(t *testing.T) { scriptForLego(t, bin) })
}

// What docs/migration.md promises to users of lego at ConoHa, whose certificates lego's own program has got: their variables,
// as they are, are the file that we read; the commands of the page, word for word but for lego's folder, import account and
// certificate, and the account renews it here; lego's files stay as they are, and lego goes on with them.
func fromLego(t *testing.T, bin string, version int, service string) {
	fake, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	account := fake.AddAccount(conohatest.Account{Version: version, Password: "it's #1"})
	fake.AddZone(account.Tenant, "example.com")
	before := fake.Records("example.com")
	ca, err := pebbletest.Start(pebbletest.Options{Resolver: fake.ValidationResolver(), Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	p := startConoHaProxy(t, fake, account)
	prefix := strings.ToUpper(service) + "_"
	u := newLegoUser(t, bin, ca, fake.ValidationResolver(), append(p.environ(), "WILDCARD_NAMESERVERS="+strings.Join(fake.NameServers(version), ","))...)
	variables := legoVariables(account)

	with := legoCall + " --dns " + service + " --dns.resolvers " + fake.ValidationResolver()
	u.run(with+" run", variables...)
	first := u.leaf("/.lego/certificates/_.example.com.crt")
	files := u.files()

	var text strings.Builder
	where := []string{prefix + "IDENTITY_URL=" + fake.IdentityURL(version), prefix + "DNS_URL=" + fake.DNSURL(version)}
	for _, variable := range slices.Concat(variables, where) {
		name, value, _ := strings.Cut(variable, "=")
		text.WriteString(name + "=" + strconv.Quote(value) + "\n")
	}
	if err := os.MkdirAll(u.home+"/etc/conoha", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, u.home+"/etc/conoha/.env", text.String(), 0o600)
	page := migration(t)
	// lego's files do not say where the directory of a CA of one's own is.
	here := strings.ReplaceAll(page, "/etc/lego", u.home+"/.lego --server "+ca.DirectoryURL())
	if strings.Count(here, u.home) != 2 {
		t.Fatalf("nothing is tested:\n%s", page)
	}
	u.run(here)
	if imported := u.leaf("/etc/live/example.com/fullchain.pem"); imported.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("another certificate than lego's is there")
	}
	u.run("wildcard renew --force --cert-name example.com")
	second := u.leaf("/etc/live/example.com/fullchain.pem")
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("both have one certificate")
	}
	theirs, ours := u.account("/.lego/accounts/*/*/account.json", "registration"), u.account("/etc/accounts/*/*/*/regr.json", "")
	if theirs == "" || theirs != ours {
		t.Errorf("lego's account is %s, ours %s", theirs, ours)
	}
	if after := u.files(); !maps.Equal(after, files) {
		t.Errorf("lego's files were\n%q, are\n%q", files, after)
	}

	u.run(with+" renew --days 1000 --no-random-sleep --ari-disable", variables...)
	if third := u.leaf("/.lego/certificates/_.example.com.crt"); third.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("lego has not renewed")
	}
	if after := fake.Records("example.com"); !slices.Equal(after, before) {
		t.Errorf("the zone holds\n%v, held\n%v", after, before)
	}
}

// A script for lego's exec serves lego's own program and ours, unchanged.
func scriptForLego(t *testing.T, bin string) {
	f := folder{t, private(t)}
	server := startNameServer(t, f)
	ca, err := pebbletest.Start(pebbletest.Options{Resolver: server, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	u := newLegoUser(t, bin, ca, server, "WILDCARD_NAMESERVERS="+server)
	calls := filepath.Join(f.dir, ".calls")
	script := f.script()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	write(t, script, string(text)+`echo "$# $1 $2 ${#3}" >>'`+calls+"'\n", 0o700)
	called := func() string {
		text, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
		slices.SortFunc(lines, bytes.Compare)
		if err := os.Remove(calls); err != nil {
			t.Fatal(err)
		}
		return string(bytes.Join(lines, []byte("\n")))
	}
	u.run(legoCall+" --dns exec --dns.resolvers "+server+" run", "EXEC_PATH="+script, "EXEC_SEQUENCE_INTERVAL=1")
	byLego := called()
	u.run("wildcard issue --agree-tos --provider example.com=exec:" + script + " '*.example.com' example.com")
	if ours := called(); ours != byLego || strings.Count(ours, "3 present _acme-challenge.example.com. 43") != 2 {
		t.Errorf("lego called\n%s\nwe called\n%s", byLego, ours)
	}
	u.leaf("/.lego/certificates/_.example.com.crt")
	u.leaf("/etc/live/example.com/fullchain.pem")
	if left := f.texts("_acme-challenge.example.com."); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}
