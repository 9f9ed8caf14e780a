package deploy_test

import (
	"os"
	"path/filepath"
	"testing"

	"wildcard/internal/deploy"
	"wildcard/internal/testkit/takeover"
)

// TestDeploy_Attacked: neither a program of the folders nor one of a command line is run that another user could exchange.
func TestDeploy_Attacked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mark := filepath.Join(dir, "mark")
	link := filepath.Join(dir, "renewal-hooks", "deploy", "hook")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	hooks := &deploy.Hooks{ConfigDir: dir}
	takeover.Each(t, takeover.File{Good: "#!/bin/sh\n", Evil: "#!/bin/sh\n: >" + mark + "\n", Mode: 0o755}, func(path string) error {
		_ = os.Remove(link)
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		return hooks.Deploy(t.Context(), dir, nil, []string{link + " x"})
	}, func() bool { _, err := os.Stat(mark); return err == nil })
}
