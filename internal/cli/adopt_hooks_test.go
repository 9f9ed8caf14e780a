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
