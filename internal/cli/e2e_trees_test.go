//go:build e2e

package cli

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

// tree is a lineage in a form in which certbot, of some version, or an administrator left it. docs/migration.md has the same rows.
type tree struct {
	name     string
	names    []string // beside its own
	issue    []string // options with which it was made
	lines    []string // of [renewalparams] beside account and server; nil leaves what a hook of ours would have
	change   func(w *world, conf string)
	adopt    string // options of adopt, as docs/migration.md has them
	refused  string // what adopt says then; "" if it takes it over
	certbot  bool   // certbot cannot read it either
	accounts bool   // it is to be among several
}

// params is a tree with other [renewalparams].
func params(name, adopt string, lines ...string) tree {
	return tree{name: name, adopt: adopt, lines: lines}
}

// trees are what is tried. Forms of certbot's own versions are those of their sources and of published trees.
func trees() []tree {
	const conoha = "--provider conoha"
	text := func(change func(text string) string) func(*world, string) {
		return func(w *world, conf string) { w.rewrite(conf, change(w.read(conf))) }
	}
	refused := func(t tree, why string) tree { t.refused = why; return t }
	all := []tree{
		{name: "our hooks"},
		params("webroot", conoha, "authenticator = webroot", "webroot_path = /var/www/html,", "key_type = ecdsa", ""),
		{name: "webroot with a webroot_map, Japanese names and paths", adopt: conoha, names: []string{"日本語.example.com"}, lines: []string{"authenticator = webroot", "webroot_path = /var/www/日本語,", "key_type = ecdsa",
			"[[webroot_map]]", "日本語.example.com = /var/www/日本語", "example.com = /var/www/html", ""}},
		params("standalone with pre and post hooks", conoha, "authenticator = standalone", "pre_hook = true stop", "post_hook = true start", "key_type = ecdsa", ""),
		params("nginx, which reloads its server", conoha+" --deploy-hook true", "authenticator = nginx", "installer = nginx", "key_type = ecdsa", ""),
		refused(params("nginx, and no hook is given", conoha, "authenticator = nginx", "installer = nginx", "key_type = ecdsa", ""), "installer nginx"),
		params("apache with a renew hook", conoha, "authenticator = apache", "installer = apache", "renew_hook = true 'a, b' # all", "key_type = ecdsa", ""),
		params("dns-cloudflare", conoha, "authenticator = dns-cloudflare", "dns_cloudflare_credentials = /root/.secrets/cloudflare.ini", "dns_cloudflare_propagation_seconds = 60", "key_type = ecdsa", ""),
		params("dns-route53", conoha, "authenticator = dns-route53", "key_type = ecdsa", ""),
		params("dns-rfc2136 with a renewal before time", conoha, "authenticator = dns-rfc2136", "dns_rfc2136_credentials = /etc/letsencrypt/rfc2136.ini", "key_type = ecdsa", ""),
		params("a plugin of others, options as before certbot 1.7", conoha, "authenticator = certbot-dns-foo:dns-foo", "certbot_dns_foo:dns_foo_credentials = /root/foo.ini", "key_type = ecdsa", ""),
		params("manual with scripts of others", conoha, "authenticator = manual", "pref_challs = dns,http", "manual_auth_hook = /root/dns/au.sh aliyun add  # 絶対パス", "manual_cleanup_hook = /root/dns/au.sh aliyun del", "manual_public_ip_logging_ok = True", "key_type = ecdsa", ""),
		params("deploy_hook of certbot 5.3", conoha, "authenticator = dns-cloudflare", "deploy_hook = true new", "key_type = ecdsa", ""),
		params("profiles of certbot 4.1", conoha, "authenticator = dns-cloudflare", "preferred_profile = shortlived", "key_type = ecdsa", ""),
		params("all options of certbot 0.4", conoha, "  no_self_upgrade = False", "  authenticator = standalone", "  installer = none", "  manual_auth_hook = None", "  manual_cleanup_hook = None", "  pre_hook = None", "  apache_enmod = a2enmod",
			"  standalone_supported_challenges = \"tls-sni-01,http-01\"", "  reuse_key = False", "  rsa_key_size = 2048", "  autorenew = True", "  tls_sni_01_port = 443", "  logs_dir = /var/log/letsencrypt", "  configurator = None", ""),
		params("autorenew = False", conoha, "authenticator = webroot", "autorenew = False", "key_type = ecdsa", ""),
		params("preferred_chain", conoha, "authenticator = webroot", "preferred_chain = ISRG Root X1", "key_type = ecdsa", ""),
		{name: "RSA, the same key each time", issue: []string{"--key-type", "rsa-2048", "--reuse-key"}},
		{name: "ECDSA P-384", issue: []string{"--key-type", "ecdsa-p384"}},
		refused(params("ECDSA P-521", conoha, "authenticator = webroot", "key_type = ecdsa", "elliptic_curve = secp521r1", ""), "its elliptic_curve"),
		refused(params("must_staple", conoha, "authenticator = webroot", "must_staple = True", "key_type = ecdsa", ""), "must_staple"),
		refused(params("allow_subset_of_names", conoha, "authenticator = webroot", "allow_subset_of_names = True", "key_type = ecdsa", ""), "allow_subset_of_names"),
		{name: "an address beside the names", refused: "the address 203.0.113.7", change: func(w *world, conf string) {
			name := strings.TrimSuffix(filepath.Base(conf), ".conf")
			w.put(w.config("archive", name), 1, setWith(w.t, []string{name}, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("203.0.113.7")} }))
		}},
		{name: "lines that end in CR LF", adopt: conoha, change: text(func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") })},
		{name: "a BOM, comments, no end of the last line", adopt: conoha, change: text(func(text string) string {
			return "\ufeff" + strings.TrimSuffix(strings.ReplaceAll(text, "[renewalparams]\n", "[renewalparams]  # of ours\n# 更新\n\n"), "\n") + "  # the end"
		})},
		{name: "a key twice", certbot: true, refused: "lineage.conf", change: text(func(text string) string { return text + "authenticator = manual\n" })},
		{name: "a .conf that is a link", change: func(w *world, conf string) {
			kept := filepath.Join(w.dir, "kept.conf")
			if err := os.Rename(conf, kept); err != nil {
				w.t.Fatal(err)
			}
			if err := os.Symlink(kept, conf); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "a folder of archive that is a link", change: func(w *world, conf string) {
			archive, volume := w.config("archive", strings.TrimSuffix(filepath.Base(conf), ".conf")), filepath.Join(w.dir, "volume")
			if err := os.Rename(archive, volume); err != nil {
				w.t.Fatal(err)
			}
			if err := os.Symlink(volume, archive); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "no account, and one there", adopt: conoha, change: text(func(text string) string { return strings.Replace(text, "account = ", "account = # ", 1) })},
		{name: "no account, and several there", adopt: "--account ID", accounts: true, change: text(func(text string) string { return strings.Replace(text, "account = ", "account = # ", 1) })},
	}
	at := slices.IndexFunc(all, func(t tree) bool { return strings.HasPrefix(t.name, "dns-rfc2136") })
	all[at].change = text(func(text string) string {
		return strings.Replace(text, "[renewalparams]", "renew_before_expiry = 6 weeks\n[renewalparams]", 1)
	})
	return all
}

// asCertbot is what certbot 2.1.0 makes of each .conf: what it keeps about it, what options it would renew with, and where it leads.
const asCertbot = `
import sys, json, os, logging
from certbot import configuration
from certbot._internal import cli, storage, renewal
from certbot._internal.plugins import disco
logging.disable(logging.CRITICAL)
etc, base = sys.argv[1], sys.argv[2]
plugins = disco.PluginsRegistry.find_all()
cli.set_by_cli = lambda name: False # it asks the parser, which lacks the options of plugins that are not installed here
def config():
    return configuration.NamespaceConfig(cli.prepare_and_parse_args(plugins, ['renew', '--config-dir', etc, '--work-dir', base + '/work', '--logs-dir', base + '/logs']))
found = {}
for path in storage.renewal_conf_files(config()):
    name, c = os.path.basename(path)[:-5], config()
    try:
        l = renewal._reconstitute(c, path)
    except Exception as e:
        l, found['error of ' + name] = None, {'error': repr(e)}
    if l is None:
        found[name] = None
        continue
    found[name] = {
        'names': sorted(l.names()), 'version': l.latest_common_version(), 'autorenew': l.autorenewal_is_enabled(),
        'file': l.configfile.dict(), 'consistent': l._consistent(), 'lineage': l.lineagename,
        'options': {k: repr(v) for k, v in vars(c.namespace).items() if k != 'func'},
    }
json.dump(found, sys.stdout, sort_keys=True)
`

// certbotSees is what certbot reads of all lineages, in one process.
func (w *world) certbotSees() map[string]map[string]any {
	w.t.Helper()
	cmd := exec.Command("/usr/bin/python3", "-c", asCertbot, w.config(), w.dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("python: %v\n%s", err, errs.String())
	}
	var found map[string]map[string]any
	if err := json.Unmarshal(out, &found); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	return found
}

// documented fails the test unless docs/migration.md has these rows.
func documented(t *testing.T, all []tree) {
	t.Helper()
	page, err := os.ReadFile("../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| certbot's | options of `adopt` | |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for _, tree := range all {
		options, becomes := "", "taken over"
		if tree.adopt != "" {
			options = "`" + tree.adopt + "`"
		}
		if tree.refused != "" {
			becomes = "refused: " + tree.refused
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", tree.name, options, becomes))
	}
	if want := strings.Join(rows, "\n"); table != want {
		t.Errorf("docs/migration.md has\n%s, want\n%s", table, want)
	}
}

// atOnce does something with each tree that is to be taken over, or with each that is not, several at a time.
func (f *forest) atOnce(taken bool, do func(i int)) {
	var all sync.WaitGroup
	turns := make(chan struct{}, 6)
	for i := range f.all {
		if (f.all[i].refused == "") == taken {
			all.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				do(i)
			})
		}
	}
	all.Wait()
}

// forest has all trees in one configuration directory.
type forest struct {
	*world
	all   []tree
	id    string // of the account that they are of
	confs []string
}

func (f *forest) named(i int) string { return fmt.Sprintf("t%02d.example.com", i) }

// grow makes the trees.
func (f *forest) grow() {
	f.t.Helper()
	f.run("account", "register", "--agree-tos").exits(0)
	accounts, err := filepath.Glob(f.config("accounts", "*", "directory", "*"))
	if err != nil || len(accounts) != 1 {
		f.t.Fatalf("accounts: %q, %v", accounts, err)
	}
	f.id, f.confs = filepath.Base(accounts[0]), make([]string, len(f.all))
	for _, taken := range []bool{true, false} {
		f.atOnce(taken, func(i int) {
			name, tree := f.named(i), f.all[i]
			f.issue(slices.Concat(tree.issue, []string{name}, tree.names)...)
			f.run("release", "--yes", name).exits(0)
			conf := f.config("renewal", name+".conf")
			if tree.lines != nil {
				f.withParams(conf, tree.lines...)
			}
			if tree.change != nil {
				tree.change(f.world, conf)
			}
			f.confs[i] = conf
		})
	}
}

// adopt tries to take a tree over.
func (f *forest) adopt(i int, how string) said {
	options := strings.Fields(strings.ReplaceAll(f.all[i].adopt, "ID", f.id))
	return f.run(slices.Concat([]string{"adopt", how}, options, []string{f.named(i)})...)
}

// unchanged fails the test unless the directory is as it was.
func (f *forest) unchanged(was map[string]string) {
	f.t.Helper()
	is := f.tree(f.config())
	for path := range was {
		if is[path] != was[path] {
			f.t.Errorf("%s was changed", path)
		}
	}
	if len(is) != len(was) {
		f.t.Errorf("there are %d files, were %d", len(is), len(was))
	}
}

// TestAdopt_TreesOfCertbot: each tree is taken over whole or refused without a change; taken over, it is renewed; given back, certbot reads what
// it read, but for the new certificate. While it is ours, certbot leaves it alone and loses nothing of it.
func TestAdopt_TreesOfCertbot(t *testing.T) {
	t.Parallel()
	f := &forest{world: newWorldOf(t, acmetest.Options{Deviations: unproven}), all: trees()}
	documented(t, f.all)
	f.grow()
	before, sees, n := make([]string, len(f.all)), f.certbotSees(), 0
	for i, tree := range f.all {
		if before[i] = f.read(f.confs[i]); tree.refused == "" {
			n++
		}
		if read := sees[f.named(i)] != nil; read == tree.certbot {
			t.Errorf("%s: certbot reads %v", tree.name, sees[f.named(i)])
		}
	}
	untouched := f.tree(f.config())
	f.atOnce(false, func(i int) {
		for _, how := range []string{"--dry-run", "--yes"} {
			if got := f.adopt(i, how); got.code == 0 || !strings.Contains(got.stdout+got.stderr, f.all[i].refused) {
				t.Errorf("%s: %d\n%s%s", f.all[i].name, got.code, got.stdout, got.stderr)
			}
		}
	})
	f.unchanged(untouched)
	f.takeOver(untouched)
	f.run("renew", "--force", "--no-jitter").exits(78, fmt.Sprintf("%d renewed, 0 not due, 1 failed", n), "lineage.conf") // the one that cannot be read
	ours := f.certbotSees()
	f.atOnce(true, func(i int) {
		seen := ours[f.named(i)]
		if seen["autorenew"] != false || seen["version"] != 2.0 || seen["consistent"] != true {
			t.Errorf("%s: while it is ours certbot reads %v", f.all[i].name, seen)
		}
		f.run("release", "--yes", f.named(i)).exits(0)
	})
	again := f.certbotSees()
	for i, tree := range f.all {
		if got := f.read(f.confs[i]); got != before[i] {
			t.Errorf("%s: the .conf is\n%s, was\n%s", tree.name, got, before[i])
		}
		if want := sees[f.named(i)]; want != nil && tree.refused == "" {
			want["version"] = 2.0
		}
		if was, is := fmt.Sprint(sees[f.named(i)]), fmt.Sprint(again[f.named(i)]); was != is {
			t.Errorf("%s: certbot reads\n%s, it read\n%s", tree.name, is, was)
		}
	}
}

// takeOver takes over the trees that can be, those last that are to be among several accounts.
func (f *forest) takeOver(untouched map[string]string) {
	f.t.Helper()
	among := func(several bool, do func(i int)) {
		f.atOnce(true, func(i int) {
			if f.all[i].accounts == several {
				do(i)
			}
		})
	}
	among(false, func(i int) { f.adopt(i, "--dry-run").exits(0) })
	f.unchanged(untouched)
	among(false, func(i int) { f.adopt(i, "--yes").exits(0) })
	f.secondAccount(f.id)
	untouched = f.tree(f.config())
	among(true, func(i int) {
		f.run("adopt", "--yes", f.named(i)).exits(2, "--account")
		f.adopt(i, "--dry-run").exits(0)
	})
	f.unchanged(untouched)
	among(true, func(i int) { f.adopt(i, "--yes").exits(0) })
}
