package cli

import (
	"os"
	"path/filepath"
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
