package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
