package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
