package cli

import (
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// certified gives a certificate of certbot's other names.
func (w *world) certified(names []string, change func(*x509.Certificate)) {
	w.t.Helper()
	w.put(w.config("archive", "example.com"), 1, setWith(w.t, names, change))
}

// refuses has adopt refuse, as a dry run does, and change no file.
func (w *world) refuses(code int, args []string, texts ...string) {
	w.t.Helper()
	before := w.tree(w.config())
	for _, how := range []string{"--dry-run", "--yes"} {
		w.run(append([]string{"adopt", how, "example.com"}, args...)...).exits(code, texts...)
	}
	if after := w.tree(w.config()); !maps.Equal(after, before) {
		w.t.Errorf("changed:\n%s, was\n%s", after, before)
	}
}

// TestAdopt_ZoneElsewhere: report O7. A certificate with manual hooks of others, a name of which is in no zone of the accounts that are
// configured: the service is asked, and the advice works as it is given.
func TestAdopt_ZoneElsewhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		names []string
		hooks string // lines; AU is a script that is there
		next  string
	}{
		"auth hook alone":       {[]string{"www.other.test"}, "manual_auth_hook = AU", "--provider www.other.test=certbot-hook:AU example.com"},
		"both with an argument": {[]string{"*.other.test", "other.test"}, "manual_auth_hook = AU add\nmanual_cleanup_hook = AU del", "--provider 'other.test=certbot-hook:AU add,AU del' example.com"},
		"one name of two":       {[]string{"example.com", "www.other.test"}, "manual_auth_hook = AU", "--provider conoha --provider www.other.test=certbot-hook:AU example.com"},
		"a comma":               {[]string{"www.other.test"}, "manual_auth_hook = \"AU a,b c,d\"", "--provider 'www.other.test=certbot-hook:AU a,b c,d' example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.conoha.AddZone(w.conoha.AddAccount(conohatest.Account{Version: 2}).Tenant, "other.test") // in the DNS, and not ours
			fill := strings.NewReplacer("AU", w.hook("acme-dns-auth.py", "true")).Replace
			conf := w.ofCertbot("example.com")
			w.withParams(conf, "authenticator = manual", "pref_challs = dns-01,", fill(test.hooks), "key_type = ecdsa", "")
			w.certified(test.names, nil)
			w.refuses(78, nil, "zone.not-found", "wildcard adopt "+fill(test.next))
			w.refuses(78, []string{"--provider", "conoha"}, "zone.not-found")
			said := w.run("adopt", "--dry-run", "example.com").stderr
			_, command, _ := strings.Cut(said, "wildcard adopt ")
			words := lineage.Words(strings.SplitN(command, "\n", 2)[0])
			w.run(append([]string{"adopt", "--yes"}, words...)...).exits(0, "managed by wildcard from now on")
		})
	}
}

// TestAdopt_NoCredentials: of a service whose settings are missing, or refused, nothing is taken over.
func TestAdopt_NoCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ofCertbot("example.com")
	good := w.environ
	w.environ = slices.Clone(good)
	for i, v := range w.environ {
		if strings.HasPrefix(v, "CONOHA_API_PASSWORD=") {
			w.environ[i] = "CONOHA_API_PASSWORD=wrong"
		}
	}
	w.refuses(77, nil, "credentials.refused")
	w.environ = nil
	for _, v := range good {
		if !strings.HasPrefix(v, "CONOHA") {
			w.environ = append(w.environ, v)
		}
	}
	w.refuses(78, nil, "settings.missing")
	w.environ = good
	w.run("adopt", "--yes", "example.com").exits(0)
}

// TestAdopt_CAAsked: a CA that does not answer, that is none, or does not take the account any more, is none to promise renewals of.
func TestAdopt_CAAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf := w.ofCertbot("example.com")
	text := w.read(conf)
	accounts := w.config("accounts", hostOf(t, w.ca.DirectoryURL()))
	for server, exit := range map[string]int{"https://127.0.0.1:1/directory": 75, "https://api.buypass.com/acme/directory": 78} {
		w.rewrite(conf, strings.Replace(text, w.ca.DirectoryURL(), server, 1))
		to := w.config("accounts", hostOf(t, server))
		if _, path, _ := strings.Cut(server, "/acme/"); path != "" {
			to = filepath.Join(to, "acme")
		}
		if err := os.CopyFS(to, os.DirFS(accounts)); err != nil {
			t.Fatal(err)
		}
		w.refuses(exit, nil, "acme.")
	}
	w.rewrite(conf, text)
	if err := os.CopyFS(filepath.Join(w.dir, "kept"), os.DirFS(accounts)); err != nil {
		t.Fatal(err)
	}
	w.run("account", "deactivate", "--yes").exits(0)
	if err := os.CopyFS(accounts, os.DirFS(filepath.Join(w.dir, "kept"))); err != nil {
		t.Fatal(err)
	}
	w.refuses(77, nil, "acme.unauthorized")
}

func hostOf(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// TestAdopt_ServerOfV1: report O8. The server of the first protocol becomes certbot's of today, with the account that certbot uses for it:
// linked from one folder to the other, as certbot does (account.py, _symlink_to_account_dir), or only in the old one.
func TestAdopt_ServerOfV1(t *testing.T) {
	t.Parallel()
	for _, linked := range []bool{true, false} {
		w := newWorld(t)
		conf := w.ofCertbot("example.com", w.ca.DirectoryURL(), "https://acme-v01.api.letsencrypt.org/directory",
			"[renewalparams]\n", "[renewalparams]\ninstaller = none\n")
		account := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).Account
		for _, host := range []string{"acme-v01.api.letsencrypt.org", "acme-v02.api.letsencrypt.org"} {
			if err := os.MkdirAll(w.config("accounts", host), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		old := w.config("accounts", "acme-v01.api.letsencrypt.org", "directory")
		if err := os.Rename(w.config("accounts", hostOf(t, w.ca.DirectoryURL()), "directory"), old); err != nil {
			t.Fatal(err)
		}
		if linked {
			if err := os.Symlink(old, w.config("accounts", "acme-v02.api.letsencrypt.org", "directory")); err != nil {
				t.Fatal(err)
			}
		}
		before := w.read(conf)
		w.run("adopt", "--yes", "example.com").exits(0, "- server = https://acme-v01.api.letsencrypt.org/directory",
			"+ server = https://acme-v02.api.letsencrypt.org/directory", "the CA could not be asked")
		got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
		if got.Account != account || got.Server != "https://acme-v02.api.letsencrypt.org/directory" {
			t.Errorf("%+v", got)
		}
		w.run("release", "--yes", "example.com").exits(0)
		if w.read(conf) != before {
			t.Error("release has not given back what there was")
		}
	}
}

// TestAdopt_Account: report O9. The account that is found is written down, so that one that appears later changes nothing; of several,
// one has to be chosen.
func TestAdopt_Account(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"empty": "account =\n", "no line": "", "None": "account = None\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conf := w.ofCertbot("example.com")
			id := w.lineage("example.com").Conf.Params().Account
			w.rewrite(conf, strings.Replace(w.read(conf), "account = "+id+"\n", line, 1))
			w.run("adopt", "--dry-run", "example.com").exits(0, "+ account = "+id)
			w.run("adopt", "--yes", "example.com").exits(0)
			other := w.secondAccount(id)
			w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
			if got := w.lineage("example.com").Conf.Params().Account; got != id {
				t.Errorf("account %s, was %s", got, id)
			}
			w.run("release", "--yes", "example.com").exits(0)
			w.refuses(2, nil, "lineage.account-choice", id, other, "wildcard adopt --account ID example.com")
			w.refuses(78, []string{"--account", "ffff"}, "no account ffff")
			w.run("adopt", "--yes", "--account", other[:8], "example.com").exits(0, "+ account = "+other)
			w.run("renew", "--force", "--no-jitter").exits(0, "1 renewed")
		})
	}
}

// secondAccount registers another account at the CA beside the one that is there.
func (w *world) secondAccount(id string) (other string) {
	w.t.Helper()
	dir := w.config("accounts", hostOf(w.t, w.ca.DirectoryURL()), "directory")
	if err := os.Rename(filepath.Join(dir, id), filepath.Join(w.dir, id)); err != nil {
		w.t.Fatal(err)
	}
	w.run("account", "register", "--agree-tos").exits(0)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		w.t.Fatalf("%v, %v", entries, err)
	}
	if err := os.Rename(filepath.Join(w.dir, id), filepath.Join(dir, id)); err != nil {
		w.t.Fatal(err)
	}
	return entries[0].Name()
}

// TestAdopt_Addresses: report O14. A certificate for addresses is shown with them, and stays certbot's.
func TestAdopt_Addresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		names     []string
		addresses []string
	}{
		"beside a name":  {[]string{"example.com"}, []string{"203.0.113.7"}},
		"alone":          {nil, []string{"203.0.113.7"}},
		"alone, of IPv6": {nil, []string{"2001:db8::7", "203.0.113.7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot("example.com")
			w.certified(test.names, func(c *x509.Certificate) {
				for _, address := range test.addresses {
					c.IPAddresses = append(c.IPAddresses, net.ParseIP(address))
				}
			})
			all := strings.Join(append(test.names, test.addresses...), " ")
			w.run("list").exits(0, all)
			w.run("show", "example.com").exits(0, all)
			if got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).Names; strings.Join(got, " ") != all {
				t.Errorf("%q", got)
			}
			w.refuses(fault.Misconfigured.ExitCode(), nil, "adopt.impossible", "the address "+test.addresses[0], "certbot keeps it")
		})
	}
	w := newWorld(t)
	w.ofCertbot("example.com")
	w.certified([]string{"example.com"}, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.com"} })
	w.refuses(78, nil, "adopt.impossible", "other names than those of hosts")
}
