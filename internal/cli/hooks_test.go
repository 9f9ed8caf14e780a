package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/doctor"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/executable"
)

// N1: a deploy hook that could not be run, or that another user could change, is refused before anything is ordered or kept, for a new
// certificate and for one that is there; plan says so too, and doctor where it comes to be so later.
func TestDeployHook_ExaminedWhenGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := func(name string, mode os.FileMode) string {
		path := filepath.Join(w.dir, name)
		executable.Write(t, path, "#!/bin/sh\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, plain, open := hook("good.sh", 0o755), hook("plain.sh", 0o644), hook("open.sh", 0o777)
	given := map[string]string{
		filepath.Join(w.dir, "none.sh") + " now": "[hook.unusable]", "no-such-reload nginx": "[hook.unusable]", plain: "[hook.unusable]",
		"exec " + plain: "[hook.unusable]", open: "[hook.unsafe]", "A=b " + open + " && true": "[hook.unsafe]",
	}
	all := func() {
		t.Helper()
		before := w.tree(w.dir)
		for command, code := range given {
			for _, args := range [][]string{{"issue", "--agree-tos"}, {"issue", "--agree-tos", "--dry-run"}, {"issue", "--force", "--agree-tos"}, {"plan", "--agree-tos"}} {
				w.run(append(args, "--deploy-hook", "true", "--deploy-hook", command, "*.example.com")...).exits(78, code, `hook "`+command[:8])
			}
		}
		for path, text := range w.tree(w.dir) {
			if !strings.Contains(path, "/state/") && !strings.Contains(path, "/run/") && before[path] != text {
				t.Errorf("%s was changed", path)
			}
		}
	}
	all()
	w.orders(0)
	w.run("issue", "--agree-tos", "--deploy-hook", plain, "*.example.com").exits(78, "next:  chmod +x "+plain)
	w.run("issue", "--agree-tos", "--deploy-hook", open, "*.example.com").exits(78, "next:  chmod go-w "+open)
	w.issue("--deploy-hook", good, "--deploy-hook", "cd / && true", "*.example.com")
	all()
	w.orders(1)

	w.run("plan", "*.example.com").exits(0)
	if err := os.Chmod(good, 0o777); err != nil {
		t.Fatal(err)
	}
	w.run("plan", "*.example.com").exits(0, "hook "+good+" would fail", "chmod go-w "+good)
	w.run("doctor").exits(78, "[hook.unsafe]", "chmod go-w "+good)
	w.at(due(w.lineage("example.com")))
	w.run("renew", "--no-jitter").exits(78, "[hook.unsafe]", "chmod go-w "+good)
	w.run("list").exits(0, "deploy hooks have not succeeded yet")
	if err := os.Remove(good); err != nil {
		t.Fatal(err)
	}
	w.run("doctor").exits(78, "[hook.unusable]", good+" is not there")
	hook("good.sh", 0o755)
	w.run("renew", "--no-jitter").exits(0)
}

// N25: a hook that ran is told of once, with the time that it took, by issue and by renew, and shown later; one that failed, once as that.
func TestHooks_RunsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad, folder := w.hook("good.sh", "exit 0"), w.hook("bad.sh", "exit 3"), w.config("renewal-hooks", "post")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	executable.Write(t, filepath.Join(folder, "all.sh"), "#!/bin/sh\n")
	lines := func(got said, path string) int { return strings.Count(got.stderr, path+`" was run, in `) }
	got := w.run("issue", "--agree-tos", "--deploy-hook", good, "--deploy-hook", bad, "*.example.com").exits(1)
	if lines(got, good) != 1 || lines(got, "all.sh") != 1 || lines(got, bad) != 0 || strings.Count(got.stderr, "exit status 3") != 1 {
		t.Errorf("issue said:\n%s", got.stderr)
	}
	if _, err := w.lineage("example.com").Update(t.Context(), func(c *lineage.Conf) error {
		p := c.Params()
		p.PreHook, p.PostHook = good+" pre", "true"
		return c.SetParams(p)
	}); err != nil {
		t.Fatal(err)
	}
	w.issue("*.example.net")
	at := due(w.lineage("example.com"))
	w.at(at)
	got = w.run("renew", "--no-jitter").exits(1)
	for _, line := range []string{`pre hook "` + good + ` pre" was run`, `deploy hook "` + good + `" was run`, `post hook "true" was run`, `post hook "` + folder + `/all.sh" was run`} {
		if strings.Count(got.stderr, line) != 1 {
			t.Errorf("not once %s:\n%s", line, got.stderr)
		}
	}
	w.run("show", "example.com").exits(0, "hooks run", "deploy hook "+good+": succeeded", "deploy hook "+bad+": failed: exit status 3", "post hook true: succeeded")
	shown := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).HookRuns
	if len(shown) != 5 || shown[0].Kind != "pre" || shown[0].Time.Before(at.Add(-time.Hour)) {
		t.Errorf("%+v", shown)
	}
	if other := answerOf[showAnswer](w.run("show", "--json", "example.net").exits(0)).HookRuns; len(other) != 1 || other[0].Command != folder+"/all.sh" {
		t.Errorf("%+v", other)
	}
	executable.Write(t, bad, "#!/bin/sh\n")
	if got = w.run("renew", "--quiet").exits(0); got.stderr != "" {
		t.Errorf("--quiet said %s", got.stderr)
	}
	if got = w.run("renew").exits(0); strings.Contains(got.stderr, "was run") {
		t.Errorf("nothing ran, and it said:\n%s", got.stderr)
	}
	w.run("show", "example.com").exits(0, "deploy hook "+bad+": succeeded")
	w.run("delete", "--yes", "example.com").exits(0)
	w.issue("*.example.com")
	if again := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).HookRuns; len(again) != 1 {
		t.Errorf("of the certificate that was deleted: %+v", again)
	}
}

// O13: deploy_hook of certbot 5.3 and later is run and shown, alone and beside renew_hook, under which older ones have the same; a hook
// that is given takes the place of both.
func TestAdopt_DeployHookKey(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"deploy_hook = echo new >> OUT":                                        "new\n",
		"renew_hook = echo same >> OUT\ndeploy_hook = echo same >> OUT":        "same\n",
		"deploy_hook = echo new >> OUT\nrenew_hook = echo old >> OUT":          "old\nnew\n",
		"deploy_hook = None\nrenew_hook = echo old >> OUT":                     "old\n",
		"deploy_hook = '''sh -c \"echo a, b\" >> OUT # c'''\npost_hook = true": "a, b\n",
	} {
		w := newWorld(t)
		out := filepath.Join(w.dir, "out")
		w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\n"+strings.ReplaceAll(lines, "OUT", out)+"\n")
		before := len(answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).DeployHooks)
		w.run("adopt", "--yes", "example.com").exits(0)
		w.run("renew", "--force", "--no-jitter").exits(0)
		if got := w.read(out); got != want {
			t.Errorf("%s: ran %q, want %q", lines, got, want)
		}
		n := strings.Count(want, "\n")
		if after := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).DeployHooks; before != n || len(after) != n {
			t.Errorf("%s: %d hooks shown before, %q after, want %d", lines, before, after, n)
		}
		w.issue("--deploy-hook", "true", "example.com")
		if got := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0)).DeployHooks; len(got) != 1 || got[0] != "true" {
			t.Errorf("%s: given one, it has %q", lines, got)
		}
	}
}

// machineFile writes a file of the machine, below its root.
func (w *world) machineFile(path, text string) {
	w.t.Helper()
	path = filepath.Join(w.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	mode := os.FileMode(0o644)
	if strings.Contains(path, "cron.daily/") {
		mode = 0o755 // a program
	}
	if err := executable.WriteFile(path, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

// usualPlace has the world's certificates where certbot looks for them by itself.
func (w *world) usualPlace() {
	w.t.Helper()
	w.machineFile("etc/hostname", "here\n")
	if err := os.Symlink(filepath.Join(w.dir, "etc", "letsencrypt"), w.config()); err != nil {
		w.t.Fatal(err)
	}
	for i, entry := range w.environ {
		if strings.HasPrefix(entry, "WILDCARD_CONFIG_DIR=") {
			w.environ[i] = "WILDCARD_CONFIG_DIR=" + filepath.Join(w.dir, "etc", "letsencrypt")
		}
	}
	if err := os.Mkdir(filepath.Join(w.dir, "etc", "letsencrypt"), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// O11, O12: hooks in cli.ini and on the lines that start certbot are named by adopt and by doctor, and run after a renewal of ours as
// they did after certbot's, in the place of those of the .conf.
func TestAdopt_HooksOutside(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		conf  string // lines of [renewalparams]
		ran   string
	}{
		"cli.ini":         {map[string]string{"etc/letsencrypt/cli.ini": "# certbot\ndeploy-hook = echo deployed >> OUT\npre-hook = echo before >> OUT\npost-hook = echo after >> OUT\n"}, "", "before\ndeployed\nafter\n"},
		"user's cli.ini":  {map[string]string{".config/letsencrypt/cli.ini": "renew-hook = \"echo deployed >> OUT\"\n"}, "", "deployed\n"},
		"over the .conf":  {map[string]string{"etc/letsencrypt/cli.ini": "deploy-hook = echo new >> OUT\n"}, "renew_hook = echo old >> OUT\ndeploy_hook = echo old >> OUT\npost_hook = echo after >> OUT\n", "new\nafter\n"},
		"cron.daily":      {map[string]string{"etc/cron.daily/certbot": "#!/bin/sh\ncertbot renew -q --deploy-hook \"echo deployed >> OUT\"\n"}, "", "deployed\n"},
		"a unit":          {map[string]string{"etc/systemd/system/certbot.service.d/hook.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/certbot -q renew --post-hook 'echo after >> OUT'\n"}, "", "after\n"},
		"sysconfig":       {map[string]string{"etc/sysconfig/certbot": "POST_HOOK=\"--post-hook 'echo after >> OUT'\"\nDEPLOY_HOOK=\"--deploy-hook 'echo deployed >> OUT'\"\n"}, "", "deployed\nafter\n"},
		"two schedulers":  {map[string]string{"etc/crontab": "0 0 * * * root certbot renew --deploy-hook 'echo one >> OUT'\n", "var/spool/cron/root": "0 0 * * * certbot renew --deploy-hook 'echo two >> OUT'\n"}, "", "one\ntwo\n"},
		"another's":       {map[string]string{"etc/crontab": "0 0 * * * root certbot renew --cert-name other.test --deploy-hook 'echo no >> OUT'\n", "etc/letsencrypt/cli.ini": "deploy-hook = echo yes >> OUT\n"}, "", "yes\n"},
		"its installer's": {map[string]string{"etc/letsencrypt/cli.ini": "installer = nginx\ndeploy-hook = echo deployed >> OUT\n"}, "", "deployed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.usualPlace()
			out := filepath.Join(w.dir, "out")
			w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\n# so\n"+strings.ReplaceAll(test.conf, "OUT", out))
			for path, text := range test.files {
				w.machineFile(path, strings.ReplaceAll(text, "OUT", out))
			}
			before := w.tree(w.config("renewal"))
			said := w.run("adopt", "--dry-run", "example.com").exits(0, "which is carried over")
			for path := range test.files {
				if name == "another's" && path == "etc/crontab" {
					continue
				}
				if !strings.Contains(said.stdout, path) {
					t.Errorf("%s is not named:\n%s", path, said.stdout)
				}
				if found := w.run("doctor"); !strings.Contains(found.stdout, path) {
					t.Errorf("doctor does not name %s:\n%s", path, found.stdout)
				}
			}
			for path, text := range w.tree(w.config("renewal")) {
				if before[path] != text {
					t.Errorf("%s was changed", path)
				}
			}
			w.run("adopt", "--yes", "example.com").exits(0, "which is carried over")
			w.run("renew", "--force", "--no-jitter").exits(0)
			if got := w.read(out); got != test.ran {
				t.Errorf("ran %q, want %q", got, test.ran)
			}
			w.run("release", "--yes", "example.com").exits(0)
			for path, text := range w.tree(w.config("renewal")) {
				if before[path] != text {
					t.Errorf("%s was\n%s\nand is after the release\n%s", path, before[path], text)
				}
			}
		})
	}
}

// O10, O11, O12: what cannot be carried over is refused by its name, and nothing is changed.
func TestAdopt_OutsideRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		conf  string
		said  []string
	}{
		"an installer":             {map[string]string{"usr/bin/systemctl": ""}, "installer = nginx\npre_hook = true\n# post_hook = service nginx start\n", []string{"installer nginx", "pre_hook true", "wildcard adopt --deploy-hook 'systemctl reload-or-restart nginx' example.com"}},
		"another installer":        {nil, "installer = certbot-haproxy:haproxy\n", []string{"installer certbot-haproxy:haproxy", "--deploy-hook"}},
		"an installer of cli.ini":  {map[string]string{"etc/letsencrypt/cli.ini": "installer = apache\n", "bin/systemctl": ""}, "", []string{"installer apache", "apache2"}},
		"two post hooks":           {map[string]string{"etc/cron.d/a": "0 0 * * * root certbot renew --post-hook one\n", "etc/cron.d/b": "0 0 * * * root certbot renew --post-hook two\n"}, "", []string{"post_hook", "etc/cron.d/b", "two"}},
		"a container":              {map[string]string{"etc/crontab": "0 0 * * * root docker run -v /etc/letsencrypt:/etc/letsencrypt certbot/certbot renew --deploy-hook 'nginx -s reload'\n"}, "", []string{"etc/crontab", "renew_hook", "nginx -s reload"}},
		"no directory hooks":       {map[string]string{"etc/letsencrypt/cli.ini": "no-directory-hooks = true\n", "etc/letsencrypt/renewal-hooks/deploy/x": "#!/bin/sh\n"}, "", []string{"cli.ini", "no-directory-hooks"}},
		"stapling of cli.ini":      {map[string]string{"etc/letsencrypt/cli.ini": "must-staple = true\n"}, "", []string{"must_staple"}},
		"a hook that is not there": {nil, "", []string{"hook.unusable"}},
		"a script's variable":      {map[string]string{"etc/cron.daily/certbot": "#!/bin/sh\n. /etc/default/web\ncertbot renew --deploy-hook \"systemctl reload $SERVICE\"\n"}, "", []string{"etc/cron.daily/certbot", "$SERVICE", "not known"}},
		"one in braces":            {map[string]string{"etc/cron.d/certbot": "0 0 * * * root certbot renew --post-hook 'scp $RENEWED_LINEAGE/*.pem ${BACKUP_HOST}:/etc/ssl'\n"}, "", []string{"etc/cron.d/certbot", "$BACKUP_HOST"}},
		"one of a shell's":         {map[string]string{"etc/cron.d/certbot": "0 0 * * * root certbot renew --pre-hook \"sh -c 'service \\$WEB stop'\"\n"}, "", []string{"pre_hook", "$WEB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.usualPlace()
			w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\n# so\n"+test.conf)
			for path, text := range test.files {
				w.machineFile(path, text)
				if strings.Contains(path, "renewal-hooks") {
					executable.Write(t, filepath.Join(w.dir, path), text)
				}
			}
			args := []string{"example.com"}
			if name == "a hook that is not there" {
				args = append(args, "--deploy-hook", "/no/such reload")
			}
			before := w.tree(w.config())
			for _, how := range []string{"--dry-run", "--yes"} {
				w.run(append([]string{"adopt", how}, args...)...).exits(78, test.said...)
			}
			for path, text := range w.tree(w.config()) {
				if before[path] != text {
					t.Errorf("%s was changed", path)
				}
			}
		})
	}
}

// O12: what a scheduler runs when certbot has ended is named, with the option that has it run.
func TestAdopt_CommandAfterCertbot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.usualPlace()
	w.ofCertbot("example.com")
	w.machineFile("etc/cron.d/certbot", "0 0 * * * root certbot renew -q && systemctl reload nginx\n")
	w.run("adopt", "--dry-run", "example.com").exits(0, "etc/cron.d/certbot runs systemctl reload nginx when certbot has ended", "--deploy-hook")
	got := answerOf[adoptAnswer](w.run("adopt", "--dry-run", "--json", "example.com").exits(0))
	if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "systemctl reload nginx") {
		t.Errorf("%q", got.Notes)
	}
}

// TestDoctor_ScriptAfterCertbot: of a script whose lines mean something together alone, no line becomes a hook of its own.
func TestDoctor_ScriptAfterCertbot(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"certbot renew -q\nif [ $? -eq 0 ]; then systemctl reload nginx; fi\n",
		"certbot renew -q\ncd /opt\n./deploy.sh\n",
		"certbot renew -q\nfor d in /etc/letsencrypt/live/*; do cat \"$d/fullchain.pem\" > /etc/haproxy/$(basename $d).pem; done\n",
	} {
		w := newWorld(t)
		w.usualPlace()
		w.ofCertbot("example.com")
		w.machineFile("etc/cron.daily/certbot", "#!/bin/sh\n"+text)
		w.run("adopt", "--yes", "--deploy-hook", "true", "example.com").exits(0)
		found := false
		for _, f := range answerOf[doctorAnswer](w.run("doctor", "--json")).Findings {
			if f.Code == doctor.FoundHookOutside {
				found = true
				if !strings.Contains(f.Fix, "into a program") || !strings.Contains(f.Fix, "--deploy-hook /PATH/OF/THE/PROGRAM ") {
					t.Errorf("%s: %s", text, f.Fix)
				}
			}
		}
		if !found {
			t.Errorf("%s: not told", text)
		}
	}
}

// TestDoctor_CommandAfterCertbot: what a scheduler runs when certbot has ended does not run after renewals of ours. Doctor says so, and its
// command, as it is pasted, has renewals run all of it beside the hooks that are there. Of certbot's own certificates there is nothing to say.
func TestDoctor_CommandAfterCertbot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ path, text, ran string }{
		"cron":         {"etc/cron.d/certbot", "0 0 * * * root certbot renew -q && echo 'it is after' >> OUT\n", "own\nit is after\n"},
		"two commands": {"etc/crontab", "0 0 * * * root certbot renew -q; echo one >> OUT; echo two >> OUT\n", "own\none\ntwo\n"},
		"a unit":       {"etc/systemd/system/certbot.service", "[Service]\nExecStart=/usr/bin/certbot -q renew\nExecStartPost=/bin/sh -c 'echo post >> OUT'\n", "own\npost\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.usualPlace()
			out := filepath.Join(w.dir, "out")
			conf := w.ofCertbot("example.com")
			w.machineFile(test.path, strings.ReplaceAll(test.text, "OUT", out))
			outside := func() (fixes []string) {
				for _, f := range answerOf[doctorAnswer](w.run("doctor", "--json")).Findings {
					if f.Code == doctor.FoundHookOutside {
						fixes = append(fixes, f.Fix)
					}
				}
				return fixes
			}
			if got := outside(); len(got) != 0 {
				t.Errorf("of certbot's own: %q", got)
			}
			w.run("adopt", "--yes", "--deploy-hook", "echo own >> "+out, "example.com").exits(0)
			got := outside()
			if len(got) != 1 || !strings.HasPrefix(got[0], "wildcard issue --cert-name example.com --deploy-hook ") {
				t.Fatalf("%q\n%s", got, w.read(conf))
			}
			w.run(lineage.Words(got[0])[1:]...).exits(0)
			if again := outside(); len(again) != 0 {
				t.Errorf("after the fix: %q", again)
			}
			w.run("renew", "--force", "--no-jitter").exits(0)
			if got := w.read(out); !strings.HasSuffix(got, test.ran) {
				t.Errorf("ran %q, want %q", got, test.ran)
			}
		})
	}
}

// TestDoctor_HookOutsideQuoted: the line that doctor gives for a .conf is read there as what it was, by certbot's rules.
func TestDoctor_HookOutsideQuoted(t *testing.T) {
	t.Parallel()
	for ini, value := range map[string]string{
		"systemctl reload nginx": "systemctl reload nginx",
		`"echo a, b # c"`:        "echo a, b # c",
		`sh -c 'echo "a"' x`:     `sh -c 'echo "a"' x`,
		"'\"/opt/my hook\" a'":   `"/opt/my hook" a`,
		"echo 更新, 終了":            "echo 更新, 終了",
		"date +%(x)s":            "", // certbot would replace it
	} {
		w := newWorld(t)
		w.usualPlace()
		w.issue("example.com")
		w.machineFile("etc/letsencrypt/cli.ini", "deploy-hook = "+ini+"\n")
		found := answerOf[doctorAnswer](w.run("doctor", "--json")).Findings
		at := slices.IndexFunc(found, func(f findingLine) bool { return f.Code == doctor.FoundHookOutside })
		if at < 0 {
			t.Fatalf("%s: %v", ini, found)
		}
		line, ok := strings.CutPrefix(found[at].Fix, "for a certificate of ours, put renew_hook = ")
		if ok != (value != "") {
			t.Errorf("%s: %s", ini, found[at].Fix)
			continue
		}
		if !ok {
			continue
		}
		line = "renew_hook = " + strings.TrimSuffix(line, " right below [renewalparams] in its renewal/NAME.conf")
		conf := w.config("renewal", "example.com.conf")
		w.rewrite(conf, strings.Replace(w.read(conf), "[renewalparams]\n", "[renewalparams]\n"+line+"\n", 1))
		if got := w.lineage("example.com").Conf.Params().DeployHook; got != value {
			t.Errorf("%s: %q is read of %s", ini, got, line)
		}
		if said := w.run("doctor"); strings.Contains(said.stdout, "hook.outside") {
			t.Errorf("%s: after the fix\n%s", ini, said.stdout)
		}
	}
}

// O10: a hook that does what certbot's installer did is taken, and has run after the renewal.
func TestAdopt_InstallerWithHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := filepath.Join(w.dir, "out")
	w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\ninstaller = nginx\npre_hook = echo stopped >> "+out+"\n", "authenticator = manual", "authenticator = standalone")
	w.run("adopt", "--yes", "--provider", "conoha", "example.com").exits(78, "installer nginx", "adopt.impossible")
	w.run("adopt", "--yes", "--provider", "conoha", "--deploy-hook", "echo started >> "+out, "example.com").exits(0, "installer nginx reloads its server")
	w.run("renew", "--force", "--no-jitter").exits(0)
	if got := w.read(out); got != "stopped\nstarted\n" {
		t.Errorf("ran %q", got)
	}
	for _, none := range []string{"None", "null"} {
		w := newWorld(t)
		w.ofCertbot("example.com", "[renewalparams]\n", "[renewalparams]\ninstaller = "+none+"\n")
		w.run("adopt", "--yes", "example.com").exits(0)
	}
}

// O17: a hook that stands where it is none to certbot is not run here either, and adopt and doctor say so.
func TestAdopt_HookMisplaced(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ top, end, said string }{
		"webroot_map": {"", "[[webroot_map]]\nexample.com = /var/www\nrenew_hook = touch OUT\n", "renew_hook stands below [[webroot_map]]: to certbot it is a webroot and no hook"},
		"another":     {"", "[[other]]\na = b\ndeploy_hook = touch OUT\n", "deploy_hook stands below [[other]]"},
		"ari":         {"", "[acme_renewal_info]\nari_retry_after = 2026-11-23T12:00:00\npost_hook = touch OUT\n", "post_hook stands below [acme_renewal_info]"},
		"top":         {"renew_hook = touch OUT\n", "", "renew_hook stands above [renewalparams]"},
	} {
		w := newWorld(t)
		conf := w.ofCertbot("example.com")
		out := filepath.Join(w.dir, "out")
		w.rewrite(conf, strings.ReplaceAll(test.top+w.read(conf)+test.end, "OUT", out))
		if found := w.run("doctor"); !strings.Contains(found.stdout, test.said) || !strings.Contains(found.stdout, "hook.misplaced") {
			t.Errorf("%s: doctor says\n%s", name, found.stdout)
		}
		w.run("adopt", "--dry-run", "example.com").exits(0, test.said)
		w.run("adopt", "--yes", "example.com").exits(0, test.said)
		w.run("doctor").exits(1, test.said)
		w.run("renew", "--force", "--no-jitter").exits(0)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}
