//go:build e2e

package lineage

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// certbot runs the real program on a store.
func certbot(t *testing.T, s *Store, args ...string) (string, error) {
	t.Helper()
	dir := filepath.Dir(s.dir)
	args = append(args, "--config-dir", s.dir, "--work-dir", filepath.Join(dir, "work"), "--logs-dir", filepath.Join(dir, "logs"), "--non-interactive")
	out, err := exec.Command("certbot", args...).CombinedOutput()
	return string(out), err
}

// prepare gives python scripts certbot's own configuration object and lineage.
const prepare = `
import sys, json, base64
from certbot import configuration
from certbot._internal import cli, storage, renewal, account, lock
from certbot._internal.plugins import disco
etc, base = sys.argv[1], sys.argv[2]
def config_for(*more):
    plugins = disco.PluginsRegistry.find_all()
    return cli.prepare_and_parse_args(plugins, ['renew', '--config-dir', etc, '--work-dir', base + '/work', '--logs-dir', base + '/logs'] + list(more))
def lineage_for(name):
    config = configuration.NamespaceConfig(config_for())
    return config, renewal._reconstitute(config, etc + '/renewal/' + name + '.conf')
`

func drive(t *testing.T, s *Store, script string, stdin any) string {
	t.Helper()
	in, err := json.Marshal(stdin)
	must(t, err)
	return strings.TrimSpace(string(runPython(t, prepare+script, in, s.dir, filepath.Dir(s.dir))))
}

func ourSection(t *testing.T, s *Store) string {
	t.Helper()
	text, err := os.ReadFile(s.confPath(example))
	must(t, err)
	_, after, ok := strings.Cut(string(text), "[wildcard]\n")
	if !ok {
		t.Fatalf("no section in\n%s", text)
	}
	after, _, _ = strings.Cut(after, "\n[")
	return after
}

func hooks(c *Conf) error {
	err := c.SetParams(Params{Server: "https://127.0.0.1:1/dir", Account: "0", KeyType: "ecdsa", Curve: "secp256r1",
		AuthHook: `/bin/true --provider 'example.org=conoha@/a b'`, CleanupHook: "/bin/true", DeployHook: `sh -c 'echo "a, b" # c'`})
	if err != nil {
		return err
	}
	return c.SetSettings(Settings{Domains: []string{"*.example.com"}, Providers: []providers.Spec{{Name: "conoha"}}, EnvFile: "/a, b/#.env",
		DeployHooks: []string{`it's`, `say "x"`}, RenewAt: time.Now()})
}

// save renews as certbot's renew_cert does, without a CA: certbot stores and links a certificate that we made.
const save = `
config, lineage = lineage_for('example.com')
new = json.load(sys.stdin)
cert, key, chain = (base64.b64decode(new[k]) for k in ('Cert', 'Key', 'Chain'))
lineage.ensure_deployed()
lineage.save_successor(lineage.latest_common_version(), cert, key, chain, config)
lineage.update_all_links_to(lineage.latest_common_version())
print(lineage.current_version('cert'), lineage.should_autorenew())
`

// certbot and we renew one lineage by turns; our section stays byte for byte, certbot's timer leaves the lineage alone.
func TestLineage_CertbotByTurns(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	set := ca.set(t, "*.example.com", example)
	l, err := s.Create(t.Context(), example, set, hooks)
	must(t, err)
	section := ourSection(t, s)
	for turn := range 4 {
		out, err := certbot(t, s, "certificates")
		if err != nil || !strings.Contains(out, "Certificate Name: example.com") || !strings.Contains(out, "VALID: 89 days") || strings.Contains(out, "invalid") {
			t.Fatalf("certbot certificates: %v\n%s", err, out)
		}
		theirs := ca.set(t, "*.example.com", example)
		version := l.Version
		if got, want := drive(t, s, save, theirs), []string{"2 False", "4 False", "6 False", "8 False"}[turn]; got != want {
			t.Errorf("certbot says %q, want %q", got, want)
		}
		if got := ourSection(t, s); got != section {
			t.Fatalf("our section became\n%s, was\n%s", got, section)
		}
		if l, err = s.Lineage(example); err != nil || l.NeedsRepair() || !l.Owned() {
			t.Fatalf("after certbot: %v, %v", err, l)
		}
		isLive(t, l, theirs, version+1)
		if got, _ := l.Conf.Get(params, "autorenew"); got != "False" {
			t.Errorf("autorenew = %q", got)
		}
		if got := l.Conf.Params(); got.AuthHook != `/bin/true --provider 'example.org=conoha@/a b'` || got.DeployHook != `sh -c 'echo "a, b" # c'` {
			t.Errorf("hooks became %+v", got)
		}
		ours := ca.set(t, "*.example.com", example)
		l = renew(t, l, ours)
		isLive(t, l, ours, version+2)
	}
	out, err := certbot(t, s, "update_symlinks")
	if err != nil {
		t.Fatalf("certbot update_symlinks: %v\n%s", err, out)
	}
	if l, err = s.Lineage(example); err != nil || l.NeedsRepair() {
		t.Fatal(err, l.Damage)
	}
	if out, err = certbot(t, s, "renew"); err != nil || !strings.Contains(out, "not yet due") && !strings.Contains(out, "not due for renewal") {
		t.Errorf("certbot renew: %v\n%s", err, out)
	}
	if out, err = certbot(t, s, "delete", "--cert-name", example); err != nil {
		t.Fatalf("certbot delete: %v\n%s", err, out)
	}
	for _, path := range []string{s.confPath(example), s.liveDir(example), s.archiveDir(example)} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("certbot delete left %s", path)
		}
	}
	set = ca.set(t, example)
	isLive(t, create(t, s, set), set, 1) // over the hidden directory that certbot does not know
}

// What certbot made is adopted, renewed and released; nothing that certbot wrote is changed by that.
func TestCertbotsLineageIsAdopted(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	first := ca.set(t, example)
	drive(t, s, `
new = json.load(sys.stdin)
cert, key, chain = (base64.b64decode(new[k]) for k in ('Cert', 'Key', 'Chain'))
config = configuration.NamespaceConfig(config_for('--manual-auth-hook', 'true', '--authenticator', 'manual', '--preferred-challenges', 'dns', '--reuse-key', '--server', 'https://127.0.0.1:1/dir'))
storage.RenewableCert.new_lineage('example.com', cert, key, chain, config)
`, first)
	l, err := s.Lineage(example)
	must(t, err)
	isLive(t, l, first, 1)
	before := l.Conf.text
	l, err = l.Adopt(t.Context(), func(c *Conf) error { return c.SetSettings(Settings{Domains: []string{example}}) })
	must(t, err)
	if !strings.HasPrefix(l.Conf.text, strings.TrimSuffix(before, "\n")) {
		t.Errorf("adopting changed\n%s to\n%s", before, l.Conf.text)
	}
	if p := l.Conf.Params(); !p.ReuseKey || p.AuthHook != "true" || p.Server != "https://127.0.0.1:1/dir" {
		t.Errorf("read %+v", p)
	}
	second := ca.setFor(t, parseKey(t, first.Key), example)
	second.Key = nil
	l = renew(t, l, second)
	second.Key = first.Key
	isLive(t, l, second, 2)
	if out, err := certbot(t, s, "certificates"); err != nil || strings.Contains(out, "invalid") || !strings.Contains(out, "Certificate Name: example.com") {
		t.Errorf("%v\n%s", err, out)
	}
	third := ca.setFor(t, parseKey(t, first.Key), example)
	if got := drive(t, s, save, third); got != "3 False" {
		t.Errorf("certbot says %q", got)
	}
	if l, err = s.Lineage(example); err != nil {
		t.Fatal(err)
	}
	isLive(t, l, third, 3)
	_, err = l.Release(t.Context())
	must(t, err)
	if got := drive(t, s, "config, lineage = lineage_for('example.com')\nprint(lineage.autorenewal_is_enabled())", nil); got != "True" {
		t.Errorf("after release certbot's timer is on: %s", got)
	}
}

// A crash of ours between numbers and switch is finished by certbot as well, and what certbot's crash leaves is repaired by us.
func TestCrashesOfOneAreRepairedByTheOther(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	_, err := s.Create(t.Context(), example, ca.set(t, example), hooks)
	must(t, err)
	next := ca.set(t, example)
	crash := faulty(s, &failure{})
	dead := false
	crash.disk.step = func(op, path string) error {
		if dead = dead || op == "exchange"; dead {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	l, err := crash.Lineage(example)
	must(t, err)
	if _, err := l.Renew(t.Context(), next, nil); err == nil {
		t.Fatal("no crash")
	}
	if got := drive(t, s, "config, lineage = lineage_for('example.com')\nlineage.ensure_deployed()\nprint(lineage.current_version('cert'))", nil); got != "2" {
		t.Errorf("certbot deployed %s", got)
	}
	l, err = s.Lineage(example)
	must(t, err)
	isLive(t, l, next, 2)

	third := ca.set(t, example) // certbot dies in the middle of its switch
	drive(t, s, strings.Replace(save, "lineage.update_all_links_to(lineage.latest_common_version())", `
for kind, link in lineage._previous_symlinks():
    import os; os.symlink(lineage.current_target(kind), link)
lineage._update_link_to('cert', 3)
os.unlink(lineage.chain)
os._exit(0)`, 1), third)
	l, err = s.Lineage(example)
	must(t, err)
	if l.Damage == nil || !l.interrupted {
		t.Fatalf("certbot's crash is not seen: %v", l.Damage)
	}
	l, err = l.Repair(t.Context())
	must(t, err)
	isLive(t, l, third, 3)
}

func TestLockWithCertbot(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	l, err := s.Create(t.Context(), example, newAuthority(t).set(t, example), hooks)
	must(t, err)
	unlock, err := s.lock(t.Context())
	must(t, err)
	if out, err := certbot(t, s, "certificates"); err == nil || !strings.Contains(out, "Another instance of Certbot is already running") {
		t.Errorf("certbot did not see our lock: %v\n%s", err, out)
	}
	must(t, unlock())
	if out, err := certbot(t, s, "certificates"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	hold := func() (kill func(), done func()) {
		cmd := exec.Command(python, "-c", prepare+"l = lock.lock_dir(etc)\nprint('locked', flush=True)\nsys.stdin.read()\nl.release()", s.dir, filepath.Dir(s.dir))
		in, err := cmd.StdinPipe()
		must(t, err)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
			t.Fatal(line, err)
		}
		return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, func() { _ = in.Close(); _ = cmd.Wait() }
	}
	_, done := hold()
	short := faulty(s, &failure{})
	short.lockWait = 50 * time.Millisecond
	if _, err := short.lock(t.Context()); fault.CodeOf(err) != CodeLocked || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("certbot's lock: %v", err)
	}
	renewed := make(chan error)
	go func() {
		_, err := l.Update(context.Background(), func(c *Conf) error { return c.Set(section, "profile", "x") })
		renewed <- err
	}()
	done()
	must(t, <-renewed)
	kill, _ := hold()
	kill() // the file stays, the lock does not
	_, err = l.Update(t.Context(), func(c *Conf) error { return c.Set(section, "profile", "y") })
	must(t, err)
}

func TestAccountsWithCertbot(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	var ids []string
	for _, a := range []Account{{Key: newKey(t)}, {Key: rsaKey}, {Key: p384}} {
		a.Server, a.URI = server, "https://ca.test/acct/1"
		a, err := s.AddAccount(t.Context(), a)
		must(t, err)
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	got := drive(t, s, `
config = configuration.NamespaceConfig(config_for('--server', '`+server+`'))
st = account.AccountFileStorage(config)
found = st.find_all()
for a in found: assert st.load(a.id).regr.uri == 'https://ca.test/acct/1', a
print(json.dumps(sorted(a.id for a in found)))
`, nil)
	var theirs []string
	must(t, json.Unmarshal([]byte(got), &theirs))
	if !slices.Equal(theirs, ids) {
		t.Errorf("certbot found %q, want %q", theirs, ids)
	}
	// certbot's own accounts, RSA and EC, at another server
	other := "https://other.test/directory"
	got = drive(t, s, `
import josepy
from acme import messages
from cryptography.hazmat.primitives.asymmetric import rsa, ec
config = configuration.NamespaceConfig(config_for('--server', '`+other+`'))
st = account.AccountFileStorage(config)
class client: directory = object()
ids = []
for key in (josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048)), josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))):
    a = account.Account(messages.RegistrationResource(body={}, uri='https://other.test/1'), key)
    st.save(a, client)
    ids.append(a.id)
print(json.dumps(ids))
`, nil)
	must(t, json.Unmarshal([]byte(got), &theirs))
	for _, id := range theirs {
		if a, err := s.Account(other, id); err != nil || a.URI != "https://other.test/1" || a.Created.IsZero() || a.Host == "" {
			t.Errorf("certbot's account: %+v, %v", a, err)
		}
	}
}
