package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/doctor"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/system/subprocess"
	"wildcard/internal/testkit/acmetest"
	"wildcard/internal/testkit/executable"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// server is one as people have it: certificates in the usual place, credentials in a file, cron.
type server struct {
	*world
}

const domain = "example.com"

// newServer is a healthy machine with a certificate of ours.
func newServer(t *testing.T) *server {
	t.Helper()
	w := newWorldOf(t, acmetest.Options{Staging: true, Deviations: unproven, Meta: map[string]any{"caaIdentities": []string{"ca.example"}}})
	m := &server{world: w}
	m.timed()
	usual, text := m.etc("letsencrypt"), ""
	w.environ = slices.DeleteFunc(w.environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "CONOHA_") {
			text += name + "='" + value + "'\n"
		}
		return strings.HasPrefix(name, "CONOHA_") || name == "WILDCARD_CONFIG_DIR" || name == "PATH"
	})
	w.environ = append(w.environ, "WILDCARD_CONFIG_DIR="+usual, "PATH="+w.dir+"/usr/bin:"+os.Getenv("PATH"))
	m.write(m.envFile(), text, 0o600)
	m.issue(domain, "*."+domain)
	m.at(m.clock().Add(time.Hour)) // records of a run are not judged for a while
	return m
}

func (m *server) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *server) etc(elem ...string) string {
	return filepath.Join(append([]string{m.dir, "etc"}, elem...)...)
}

// le is a path in certbot's folder.
func (m *server) le(elem ...string) string {
	return m.etc(append([]string{"letsencrypt"}, elem...)...)
}

func (m *server) envFile() string { return m.le("conoha", ".env") }

func (m *server) write(path, text string, mode os.FileMode) {
	m.t.Helper()
	m.must(os.MkdirAll(filepath.Dir(path), 0o700))
	m.must(executable.WriteFile(path, []byte(text), mode))
	m.must(os.Chmod(path, mode))
}

// change rewrites a file.
func (m *server) change(path, before, after string) {
	m.t.Helper()
	text := m.read(path)
	if !strings.Contains(text, before) {
		m.t.Fatalf("%s has no %q", path, before)
	}
	m.must(os.WriteFile(path, []byte(strings.Replace(text, before, after, 1)), 0o600))
}

func (m *server) crontab() string { return m.etc("cron.d", "wildcard") }

func (m *server) store() *lineage.Store {
	m.t.Helper()
	store, err := lineage.Open(lineage.Options{ConfigDir: m.le(), RunDir: filepath.Join(m.dir, "run")})
	m.must(err)
	return store
}

// our is the certificate as it is.
func (m *server) our() *lineage.Lineage {
	m.t.Helper()
	l, err := m.store().Lineage(domain)
	m.must(err)
	return l
}

// settings changes what the certificate is renewed with.
func (m *server) settings(change func(c *lineage.Conf, s *lineage.Settings) error) {
	m.t.Helper()
	_, err := m.our().Update(m.t.Context(), func(c *lineage.Conf) error {
		s, _ := c.Settings()
		if err := change(c, &s); err != nil {
			return err
		}
		return c.SetSettings(s)
	})
	m.must(err)
}

func (m *server) state() *state.State {
	m.t.Helper()
	s, err := state.Open(filepath.Join(m.dir, "state"), nil)
	m.must(err)
	return s
}

// systemd makes the machine one of systemd's: units of these names are installed, and "enable --now" starts one.
func (m *server) systemd(units ...string) {
	m.t.Helper()
	m.must(os.MkdirAll(filepath.Join(m.dir, "run", "systemd", "system"), 0o755))
	script := "#!/bin/sh\nstate=" + m.dir + "/units\nmkdir -p $state\ncase \"$*\" in\n"
	for _, unit := range units {
		script += fmt.Sprintf("'is-enabled %[1]s') test -e $state/%[1]s && echo enabled || { echo disabled; false; } ;;\n"+
			"'is-active %[1]s') test -e $state/%[1]s && echo active || { echo inactive; false; } ;;\n'enable --now %[1]s') : >$state/%[1]s ;;\n", unit)
	}
	m.write(filepath.Join(m.dir, "usr", "bin", "systemctl"), script+"*) echo not-found; exit 4 ;;\nesac\n", 0o755)
}

// setup is one thing that is wrong with a machine.
type setup struct {
	name, code string
	breaks     func(m *server)
	fix        string          // what the advice has, for one that is no command
	do         func(m *server) // what a person does who reads it
	fresh      bool            // resolvers remember that there was no record
	says       string          // in the finding
}

// setups are machines as people have them, each with one thing that is wrong.
func setups() []setup {
	day := 24 * time.Hour
	hook := func(m *server, name string) string { return m.le("renewal-hooks", "deploy", name) }
	return []setup{
		{name: "credentials open to all", code: doctor.FoundSettings, breaks: func(m *server) { m.must(os.Chmod(m.envFile(), 0o644)) }},
		{name: "credentials open to a group", code: doctor.FoundSettings, breaks: func(m *server) { m.must(os.Chmod(m.envFile(), 0o640)) }},
		{name: "folder of the credentials open", code: doctor.FoundSettings, breaks: func(m *server) { m.must(os.Chmod(m.le("conoha"), 0o777)) }},
		{name: "no credentials", code: doctor.FoundSettings, breaks: func(m *server) { m.must(os.Rename(m.envFile(), m.envFile()+".away")) },
			fix: "wildcard providers conoha", do: func(m *server) { m.must(os.Rename(m.envFile()+".away", m.envFile())) }},
		{name: "half of the credentials", code: doctor.FoundSettings, says: "CONOHA_API_PASSWORD",
			breaks: func(m *server) { m.change(m.envFile(), "CONOHA_API_PASSWORD", "# CONOHA_API_PASSWORD") },
			fix:    "wildcard providers conoha", do: func(m *server) { m.change(m.envFile(), "# CONOHA_API_PASSWORD", "CONOHA_API_PASSWORD") }},
		{name: "a dollar in the credentials", code: doctor.FoundSettings, breaks: func(m *server) { m.change(m.envFile(), "CONOHA_API_PASSWORD='", "CONOHA_API_PASSWORD=\"$") },
			fix: "wildcard providers conoha", do: func(m *server) { m.change(m.envFile(), "CONOHA_API_PASSWORD=\"$", "CONOHA_API_PASSWORD='") }},
		{name: "a password that has changed", code: doctor.FoundLogin, breaks: func(m *server) { m.change(m.envFile(), "API_PASSWORD='", "API_PASSWORD='not ") },
			fix: "check user, password and tenant in ", do: func(m *server) { m.change(m.envFile(), "API_PASSWORD='not ", "API_PASSWORD='") }},
		{name: "the other generation's tenant", code: doctor.FoundLogin, breaks: func(m *server) { m.change(m.envFile(), "TENANT_ID='", "TENANT_ID='0") },
			fix: "check user, password and tenant in ", do: func(m *server) { m.change(m.envFile(), "TENANT_ID='0", "TENANT_ID='") }},
		{name: "an old password", code: doctor.FoundSecretsOld, breaks: func(m *server) {
			m.must(os.Chtimes(m.envFile(), time.Time{}, time.Now().AddDate(-3, 0, 0)))
		}, fix: "change the password at the service, then in ", do: func(m *server) { m.must(os.Chtimes(m.envFile(), time.Time{}, time.Now())) }},
		{name: "the units' secrets open", code: doctor.FoundSecretsOpen, breaks: func(m *server) {
			m.write(m.etc("default", "wildcard"), "CONOHA_API_PASSWORD='x'\n", 0o644)
		}},
		{name: "a private key open", code: doctor.FoundSecretsOpen, breaks: func(m *server) {
			m.must(errors.Join(os.Chmod(m.le("archive"), 0o755), os.Chmod(m.le("archive", domain, "privkey1.pem"), 0o644)))
		}},
		{name: "certbot's folder open", code: doctor.FoundUnsafe, breaks: func(m *server) { m.must(os.Chmod(m.le(), 0o777)) }},
		{name: "renewal open", code: doctor.FoundUnsafe, breaks: func(m *server) { m.must(os.Chmod(m.le("renewal"), 0o775)) }},
		{name: "a .conf open", code: doctor.FoundUnsafe, breaks: func(m *server) { m.must(os.Chmod(m.le("renewal", domain+".conf"), 0o666)) }},
		{name: "state open", code: doctor.FoundFolder, breaks: func(m *server) { m.must(os.Chmod(filepath.Join(m.dir, "state"), 0o755)) }},
		{name: "journal open", code: doctor.FoundFolder, breaks: func(m *server) { m.must(os.Chmod(filepath.Join(m.dir, "state", "journal"), 0o777)) }},
		{name: "run folder open", code: doctor.FoundFolder, breaks: func(m *server) { m.must(os.Chmod(filepath.Join(m.dir, "run"), 0o755)) }},
		{name: "run folder a file", code: doctor.FoundFolder, breaks: func(m *server) {
			m.must(os.RemoveAll(filepath.Join(m.dir, "run")))
			m.write(filepath.Join(m.dir, "run"), "", 0o600)
		}},
		{name: "a hook that all may change", code: doctor.FoundHookUnsafe, breaks: func(m *server) { m.write(hook(m, "reload it.sh"), "#!/bin/sh\n", 0o777) }},
		{name: "a hook from Windows", code: doctor.FoundHook, breaks: func(m *server) { m.write(hook(m, "it's.sh"), "#!/bin/sh\r\ntrue\r\n", 0o755) }},
		{name: "a hook without its right", code: doctor.FoundHook, breaks: func(m *server) {
			m.write(filepath.Join(m.dir, "my hook.sh"), "#!/bin/sh\n", 0o644)
			m.settings(func(_ *lineage.Conf, s *lineage.Settings) error {
				s.DeployHooks = []string{lineage.Quote(filepath.Join(m.dir, "my hook.sh"))}
				return nil
			})
		}},
		{name: "a hook that is gone", code: doctor.FoundHook, breaks: func(m *server) { m.must(os.Remove(filepath.Join(m.dir, "my hook.sh"))) },
			fix: "put it there, or correct the hook", do: func(m *server) { m.write(filepath.Join(m.dir, "my hook.sh"), "#!/bin/sh\n", 0o755) }},
		{name: "a hook whose interpreter is gone", code: doctor.FoundHook, breaks: func(m *server) { m.write(filepath.Join(m.dir, "my hook.sh"), "#!/opt/none\n", 0o755) },
			fix: "install it, or correct line 1", do: func(m *server) { m.write(filepath.Join(m.dir, "my hook.sh"), "#!/bin/sh\n", 0o755) }},
		{name: "nothing that renews", code: doctor.FoundTimerMissing, breaks: func(m *server) { m.must(os.Remove(m.crontab())) }},
		{name: "cron without a path", code: doctor.FoundCron, breaks: func(m *server) { m.change(m.crontab(), "/usr/local/bin/", "") }},
		{name: "cron with another program", code: doctor.FoundCron, breaks: func(m *server) { m.write(m.crontab(), "17 */6 * * * root /opt/wildcard renew\n", 0o644) }},
		{name: "cron without a user", code: doctor.FoundCron, breaks: func(m *server) { m.write(m.crontab(), "17 */6 * * * /usr/local/bin/wildcard renew\n", 0o644) }},
		{name: "cron from Windows", code: doctor.FoundCron, breaks: func(m *server) {
			m.write(m.crontab(), "17 */6 * * * root /usr/local/bin/wildcard renew\r\n", 0o644)
		}},
		{name: "cron whose last line does not end", code: doctor.FoundCron, breaks: func(m *server) {
			m.write(m.crontab(), "17 */6 * * * root /usr/local/bin/wildcard renew", 0o644)
		}},
		{name: "cron's file open", code: doctor.FoundCron, breaks: func(m *server) { m.must(os.Chmod(m.crontab(), 0o666)) }},
		{name: "cron's file with a dot", code: doctor.FoundCron, breaks: func(m *server) { m.must(os.Rename(m.crontab(), m.crontab()+".cron")) }},
		{name: "a link of the live set gone", code: doctor.FoundDamaged, breaks: func(m *server) { m.must(os.Remove(m.le("live", domain, "chain.pem"))) }},
		{name: "a link of the live set to nothing", code: doctor.FoundDamaged, breaks: func(m *server) {
			m.must(errors.Join(os.Remove(m.le("live", domain, "cert.pem")), os.Symlink("../../archive/"+domain+"/cert99.pem", m.le("live", domain, "cert.pem"))))
		}},
		{name: "a chain that is missing", code: doctor.FoundDamaged, breaks: func(m *server) {
			m.must(os.Remove(m.le("archive", domain, "chain1.pem")))
		}},
		{name: "a set that waits", code: doctor.FoundUnfinished, breaks: func(m *server) {
			for _, kind := range []string{"cert", "chain", "fullchain", "privkey"} {
				m.write(m.le("archive", domain, kind+"7.pem"), m.read(m.le("live", domain, kind+".pem")), 0o600)
			}
		}},
		{name: "autorenew, with certbot's timer", code: doctor.FoundSchedulers, breaks: func(m *server) {
			m.write(m.etc("cron.d", "certbot"), "1 2 * * * root /usr/bin/certbot renew\n", 0o644)
			m.write(filepath.Join(m.dir, "usr", "bin", "certbot"), "#!/bin/sh\n", 0o755)
			m.settings(func(c *lineage.Conf, _ *lineage.Settings) error { return c.Set("renewalparams", "autorenew", "True") })
		}},
		{name: "revoked", code: doctor.FoundRevoked, breaks: func(m *server) { m.run("revoke", "--yes", domain).exits(0) }},
		{name: "hooks that have not run", code: doctor.FoundDeploy, breaks: func(m *server) {
			m.settings(func(_ *lineage.Conf, s *lineage.Settings) error { s.Deploy = true; return nil })
		}},
		{name: "files without their .conf", code: doctor.FoundHalf, breaks: func(m *server) {
			m.must(os.MkdirAll(m.le("archive", "it's old.example"), 0o700))
			m.write(m.le("archive", "it's old.example", "cert1.pem"), "x", 0o600)
		}},
		{name: "a .conf that cannot be read", code: doctor.FoundUnreadable, breaks: func(m *server) { m.write(m.le("renewal", "broken.conf"), "[[[\n", 0o644) },
			fix: "look at renewal/broken.conf", do: func(m *server) { m.must(os.Remove(m.le("renewal", "broken.conf"))) }},
		{name: "a record of a run that died", code: doctor.FoundRecordStale, breaks: func(m *server) {
			owner, err := journal.Self()
			m.must(err)
			owner.StartTime++
			j, err := journal.Open(filepath.Join(m.dir, "state", "journal"), nil)
			m.must(err)
			_, err = j.Add(journal.Entry{Spec: "conoha", Fingerprint: m.fingerprint(), Zone: domain + ".", Domain: domain, FQDN: "_acme-challenge." + domain + ".",
				Value: strings.Repeat("a", 43), Owner: owner})
			m.must(err)
		}},
		{name: "a damaged journal", code: doctor.FoundJournal, breaks: func(m *server) {
			m.write(filepath.Join(m.dir, "state", "journal", "x y.json"), "{}", 0o600)
		}, fix: "look at it, then rm ", do: func(m *server) { m.must(os.Remove(filepath.Join(m.dir, "state", "journal", "x y.json"))) }},
		{name: "a record of another client's", code: doctor.FoundRecordForeign, breaks: func(m *server) {
			m.later(m.clock().Add(time.Hour))
			m.conoha.PutRecord(domain, "_acme-challenge."+domain, "TXT", "another's")
		}, fix: "delete it at the DNS service", do: func(m *server) { m.conoha.DeleteRecord(domain, "_acme-challenge."+domain, "TXT", "another's") }},
		{name: "CAA for another CA", fresh: true, code: doctor.FoundCAA, breaks: func(m *server) { m.conoha.PutRecord(domain, domain, "CAA", `0 issue "another.example"`) },
			fix: "add a record: ", do: func(m *server) {
				m.conoha.PutRecord(domain, domain, "CAA", `0 issue "ca.example"`)
				m.conoha.PutRecord(domain, domain, "CAA", `0 issuewild "ca.example"`)
			}},
		{name: "a zone of none of the accounts", code: doctor.FoundName, breaks: func(m *server) { m.provider(providers.Spec{Name: "conoha", Zone: "example.net"}) },
			fix: "wildcard plan", do: func(m *server) { m.provider(providers.Spec{Name: "conoha"}) }},
		{name: "a zone that is delegated elsewhere", code: doctor.FoundDelegation, breaks: func(m *server) { m.conoha.Delegate(domain, conohatest.OutsideName) },
			fix: "set the name servers at the registrar of ", do: func(m *server) { m.delegate() }},
		{name: "the account's files gone", code: doctor.FoundAccount, breaks: func(m *server) { m.must(os.RemoveAll(m.le("accounts"))) }},
		{name: "a profile that the CA has no more", code: doctor.FoundProfile, breaks: func(m *server) {
			m.settings(func(_ *lineage.Conf, s *lineage.Settings) error { s.Profile = "short"; return nil })
		}},
		{name: "a certificate that was refused", code: doctor.FoundHeld, breaks: func(m *server) {
			m.must(m.state().KeepRefused(domain, state.Refused{Time: m.clock(), Server: m.ca.DirectoryURL(), Domains: []string{domain, "*." + domain}, Reason: "other names"}, nil, nil))
		}, fix: "wildcard issue --force --cert-name example.com example.com '*.example.com'", do: func(m *server) {
			_, again, _ := strings.Cut(answerOf[doctorAnswer](m.run("doctor", "--json")).Findings[0].Fix, "order again: ")
			m.run(subprocess.Words(again)[1:]...).exits(0)
			m.later(m.clock().Add(time.Hour)) // records of a run are not judged for a while
		}},
		{name: "renew has not run for days", code: doctor.FoundLastRun, breaks: func(m *server) {
			m.must(m.state().ChangeWatch(func(s *state.Watch) { s.LastRun = m.clock().Add(-4 * day) }))
		}},
		{name: "a failed attempt", code: doctor.FoundAttempt, breaks: func(m *server) {
			m.must(m.state().Record(state.Attempt{Time: m.clock(), Lineage: domain, Server: m.ca.DirectoryURL(), Account: "x",
				Domains: []string{domain, "*." + domain}, Outcome: state.Failed, Ordered: true, Text: "no luck"}))
			m.later(m.clock().Add(day))
		}},
		{name: "overdue", code: doctor.FoundOverdue, breaks: func(m *server) { m.later(m.our().Leaf.NotAfter.Add(-10 * day)) }},
		{name: "expired", code: doctor.FoundExpired, breaks: func(m *server) { m.later(m.our().Leaf.NotAfter.Add(day)) }},
		{name: "a timer that is off", code: doctor.FoundTimerInactive, breaks: func(m *server) {
			m.must(os.Remove(m.crontab()))
			m.systemd("wildcard-renew.timer")
		}},
		{name: "timer and cron", code: doctor.FoundTimerDouble, breaks: func(m *server) {
			m.write(m.crontab(), "17 */6 * * * root /usr/local/bin/wildcard renew\n", 0o644)
		}, fix: "remove the line that runs wildcard renew from ", do: func(m *server) { m.must(os.Remove(m.crontab())) }},
	}
}

// later is a time at which something has just looked after the certificates.
func (m *server) later(now time.Time) {
	m.at(now)
	m.must(m.state().ChangeWatch(func(s *state.Watch) { s.LastRun = now }))
}

// fingerprint is the journal's of the account.
func (m *server) fingerprint() string {
	m.t.Helper()
	accounts, err := builtin.Registry().Open([]providers.Spec{{Name: "conoha"}}, builtin.Config{Settings: settings.Sources{ConfigDir: m.le()}, UserAgent: "test"})
	m.must(err)
	return accounts[0].Fingerprint
}

func (m *server) delegate() {
	m.conoha.Delegate(domain, "ns-a1.conoha.io.", "ns-a2.conoha.io.", "ns-a3.conoha.io.")
}

// provider is the DNS service that renewals use from now on.
func (m *server) provider(spec providers.Spec) {
	m.settings(func(_ *lineage.Conf, s *lineage.Settings) error { s.Providers = []providers.Spec{spec}; return nil })
}

// TestDoctor_BrokenSetups breaks one thing of a machine after the other: doctor names each, does not say that nothing is wrong, and what it
// advises works as it is pasted. Nothing is wrong then.
func TestDoctor_BrokenSetups(t *testing.T) {
	t.Parallel()
	all := setups()
	m := newServer(t)
	m.examined(t).exits(0, "Nothing is wrong.")
	for _, s := range all {
		if s.fresh {
			m = newServer(t)
		}
		if !t.Run(s.name, func(t *testing.T) { m.t = t; m.broken(t, s) }) {
			m = newServer(t)
		}
	}
}

func (m *server) examined(t *testing.T, args ...string) said {
	t.Helper()
	return m.run(append([]string{"doctor"}, args...)...)
}

func (m *server) broken(t *testing.T, s setup) {
	s.breaks(m)
	said := m.examined(t)
	answer := answerOf[doctorAnswer](m.examined(t, "--json"))
	if len(answer.Findings) == 0 || strings.Contains(said.stdout, "Nothing is wrong") && answer.Exit != 0 {
		t.Fatalf("not found:\n%s%s", said.stdout, said.stderr)
	}
	if codes := slices.Compact(findings(answer)); codes[0] != s.code || len(codes) > 1 {
		t.Errorf("found: %q, want %q\n%s", codes, s.code, said.stdout)
	}
	var done []string
	for _, f := range answer.Findings {
		if f.Code != s.code {
			continue
		}
		if !strings.Contains(f.What, s.says) || !strings.Contains(f.Fix, s.fix) {
			t.Errorf("%s > %s, want %s > %s", f.What, f.Fix, s.says, s.fix)
		}
		if s.do == nil && !slices.Contains(done, f.Fix) {
			done = append(done, f.Fix)
			m.paste(t, f.Fix)
		}
	}
	if s.do != nil {
		s.do(m)
	}
	if s.code == doctor.FoundAccount { // now that there is one, it is given to the certificate
		m.paste(t, answerOf[doctorAnswer](m.examined(t, "--json")).Findings[0].Fix)
	}
	if again := m.examined(t); again.code != 0 || !strings.Contains(again.stdout, "Nothing is wrong.") {
		t.Errorf("after the fix: exit status %d\n%s%s", again.code, again.stdout, again.stderr)
	}
}

// paste types what doctor advises. Paths of the machine that stand in no setting are below its root.
func (m *server) paste(t *testing.T, line string) {
	t.Helper()
	for _, path := range []string{"/etc/cron.d/", "/etc/default/"} {
		line = regexp.MustCompile(`(^| )`+path).ReplaceAllString(line, "${1}"+m.dir+path)
	}
	if self, err := os.Executable(); err == nil { // which is not below the root
		line = strings.ReplaceAll(line, self, "/usr/local/bin/wildcard")
	}
	if strings.HasPrefix(line, "wildcard ") && !strings.ContainsAny(line, ";|&") {
		got := m.run(subprocess.Words(line)[1:]...)
		if got.code != 0 {
			t.Errorf("%s: exit status %d\n%s%s", line, got.code, got.stdout, got.stderr)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", line)
	cmd.Env, cmd.Dir = m.environ, "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// TestDoctor_HealthySetups has three ways in which people renew, none of which is wrong: certbot with our hooks, ours with systemd's timer,
// ours in a container, whose variables have the credentials.
func TestDoctor_HealthySetups(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(m *server){
		"credentials written on Windows": func(m *server) {
			m.write(m.envFile(), "\ufeff"+strings.ReplaceAll(m.read(m.envFile()), "\n", "\r\n"), 0o600)
		},
		"certbot with hooks": func(m *server) {
			m.run("release", "--yes", domain).exits(0)
			conf := m.le("renewal", domain+".conf")
			text := m.read(conf)
			for _, hook := range []string{"auth", "cleanup"} {
				path := m.hook("wildcard-"+hook+"-hook", "")
				text = regexp.MustCompile(`(?m)^manual_`+hook+`_hook = .*`).ReplaceAllString(text, "manual_"+hook+"_hook = "+path)
			}
			m.write(conf, text, 0o644)
			m.write(m.le("renewal-hooks", "deploy", "reload"), "#!/bin/sh\n", 0o755)
			m.must(os.Remove(m.crontab()))
			m.write(m.etc("cron.d", "certbot"), "0 */12 * * * root test -x /usr/bin/certbot && certbot -q renew\n", 0o644)
			m.write(filepath.Join(m.dir, "usr", "bin", "certbot"), "#!/bin/sh\n", 0o755)
		},
		"ours with a timer": func(m *server) {
			m.must(os.Remove(m.crontab()))
			m.systemd("wildcard-renew.timer")
			m.write(filepath.Join(m.dir, "units", "wildcard-renew.timer"), "", 0o600)
			m.write(m.etc("default", "wildcard"), "HTTPS_PROXY=http://proxy.example.com:3128\n", 0o644)
		},
		"ours by a process that stays": func(m *server) {
			m.must(os.RemoveAll(m.etc("cron.d")))
			m.must(m.state().ChangeWatch(func(w *state.Watch) { w.LastRun, w.NextRun = m.clock(), m.clock().Add(6*time.Hour) }))
		},
		"ours in a container": func(m *server) {
			m.must(os.RemoveAll(m.etc("cron.d")))
			m.write(filepath.Join(m.dir, ".dockerenv"), "", 0o644)
			for line := range strings.Lines(strings.ReplaceAll(m.read(m.envFile()), "'", "")) {
				m.environ = append(m.environ, strings.TrimSpace(line))
			}
			m.must(os.RemoveAll(m.le("conoha")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newServer(t)
			arrange(m)
			answer := answerOf[doctorAnswer](m.examined(t, "--json").exits(0))
			if len(answer.Findings) > 0 {
				t.Errorf("%+v", answer.Findings)
			}
		})
	}
}
