package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/lineage"
	"wildcard/internal/testkit/executable"
)

// O27: hooks that would fail at the first renewal are told of when a certificate is taken over, and by a dry run.
func TestAdopt_DefectiveHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	own := filepath.Join(w.dir, "own.sh")
	executable.Write(t, own, "\xef\xbb\xbf#!/bin/sh\ntrue\n")
	if _, err := w.lineage("example.com").Update(t.Context(), func(c *lineage.Conf) error { return c.Set("renewalparams", "renew_hook", own) }); err != nil {
		t.Fatal(err)
	}
	w.run("release", "--yes", "example.com").exits(0)
	folder := w.config("renewal-hooks", "deploy")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	executable.Write(t, filepath.Join(folder, "reload.sh"), "#!/bin/sh\r\ntrue\r\n")
	for _, args := range [][]string{{"--dry-run"}, {"--yes"}} {
		w.run(append([]string{"adopt", "example.com"}, args...)...).exits(0, "reload.sh: line 1 ends in CR", own+" begins with a BOM")
	}
	w.run("renew", "--force", "--no-jitter").exits(1, "hook.failed", "line 1 ends in CR")
	executable.Write(t, filepath.Join(folder, "reload.sh"), "true\n")
	executable.Write(t, own, "true\n")
	w.run("renew", "--no-jitter").exits(0)
}

// advised runs the command that a refusal advises, as it is given.
func (w *world) advised(refused said, with ...string) said {
	w.t.Helper()
	_, command, found := strings.Cut(refused.stderr, "wildcard adopt ")
	if !found {
		w.t.Fatalf("no command is advised:\n%s", refused.stderr)
	}
	command = strings.NewReplacer(with...).Replace(strings.SplitN(command, "\n", 2)[0])
	return w.run(append([]string{"adopt", "--yes"}, lineage.Words(command)...)...)
}

// Review, finding 6: what a refusal advises has all that the command had that was refused, and is taken.
func TestAdopt_AdviceWorks(t *testing.T) {
	t.Parallel()
	for _, authenticator := range []string{"nginx", "standalone"} {
		w := newWorld(t)
		w.ofCertbot("example.com", "authenticator = manual", "authenticator = "+authenticator, "[renewalparams]\n", "[renewalparams]\ninstaller = nginx\n")
		args := []string{"adopt", "--provider", "example.com=conoha", "--provider", "conoha", "--extra-wait", "3", "--ca-cache", "0", "example.com"}
		w.advised(w.run(args...).exits(78, "installer nginx", "--provider example.com=conoha --provider conoha --extra-wait 3 --ca-cache 0")).exits(0)
		if s, _ := w.lineage("example.com").Conf.Settings(); len(s.Providers) != 2 || s.ExtraWait != "3" || s.CACache != "0" {
			t.Errorf("%+v", s)
		}
	}
	w := newWorld(t)
	conf := w.ofCertbot("example.com", "authenticator = manual", "authenticator = standalone")
	id := w.lineage("example.com").Conf.Params().Account
	w.rewrite(conf, strings.Replace(w.read(conf), "account = "+id+"\n", "", 1))
	w.secondAccount(id)
	said := w.run("adopt", "--provider", "conoha", "--deploy-hook", "echo 'a b'", "example.com").exits(2, "lineage.account-choice")
	w.advised(said, "--account ID", "--account "+id).exits(0)
	if s, _ := w.lineage("example.com").Conf.Settings(); len(s.DeployHooks) != 1 || s.DeployHooks[0] != "echo 'a b'" {
		t.Errorf("%+v", s)
	}
}

// Review, finding 13: the hook that is advised for certbot's installer is a command of this machine.
func TestAdopt_InstallersServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		installer string
		files     []string // of the machine
		advised   string
	}{
		"nginx":                    {"nginx", []string{"usr/bin/systemctl"}, "systemctl reload-or-restart nginx"},
		"nginx without systemd":    {"nginx", []string{"usr/sbin/nginx"}, "nginx -s reload"},
		"apache of Debian":         {"apache", []string{"bin/systemctl", "lib/systemd/system/apache2.service"}, "systemctl reload-or-restart apache2"},
		"apache of Red Hat":        {"apache", []string{"usr/bin/systemctl", "usr/lib/systemd/system/httpd.service"}, "systemctl reload-or-restart httpd"},
		"apache of openSUSE":       {"apache", []string{"usr/bin/systemctl", "usr/sbin/httpd", "usr/lib/systemd/system/apache2.service"}, "systemctl reload-or-restart apache2"},
		"a unit of one's own":      {"apache", []string{"usr/bin/systemctl", "usr/sbin/apache2", "etc/systemd/system/httpd.service"}, "systemctl reload-or-restart httpd"},
		"apache by its program":    {"apache", []string{"usr/bin/systemctl", "usr/sbin/httpd"}, "systemctl reload-or-restart httpd"},
		"apache that is not there": {"apache", []string{"usr/bin/systemctl"}, "systemctl reload-or-restart apache2"},
		"apache without systemd":   {"apache", []string{"usr/sbin/httpd", "usr/sbin/apachectl"}, "apachectl graceful"},
		"another":                  {"haproxy", []string{"usr/bin/systemctl"}, "systemctl reload-or-restart SERVER"},
		"another without systemd":  {"haproxy", []string{"usr/sbin/service"}, "service SERVER reload"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\ninstaller = "+test.installer+"\n")
			for _, path := range test.files {
				path = filepath.Join(w.dir, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				executable.Write(t, path, "#!/bin/sh\n")
			}
			for i, entry := range w.environ {
				if strings.HasPrefix(entry, "PATH=") {
					w.environ[i] = "PATH=" + filepath.Join(w.dir, "usr/bin") + ":" + filepath.Join(w.dir, "usr/sbin") + ":" + filepath.Join(w.dir, "bin")
				}
			}
			said := w.run("adopt", "--dry-run", "example.com").exits(78, "next:  wildcard adopt --deploy-hook '"+test.advised+"' example.com\n")
			w.advised(said).exits(0)
		})
	}
}

// Review, finding 18: a hook that renewals would refuse to run is refused before anything is taken over, with what ends it.
func TestAdopt_UnsafeHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.hook("own.sh", "true")
	w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\npost_hook = "+own+" now\n")
	folder := w.config("renewal-hooks", "deploy")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(folder, "all.sh")
	executable.Write(t, all, "#!/bin/sh\n")
	for _, path := range []string{own, all, folder} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		w.refuses(78, nil, "hook.unsafe", "next:  chmod go-w "+path)
		w.shell("chmod go-w " + path)
	}
	w.run("adopt", "--yes", "example.com").exits(0)
	w.run("renew", "--force", "--no-jitter").exits(0)
}
