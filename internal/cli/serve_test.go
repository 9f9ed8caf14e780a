package cli

import (
	"context"
	"path/filepath"
	"testing"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/settings"
)

// serveDirs are the folders of a machine that has nothing yet.
func serveDirs(t *testing.T) settings.Directories {
	dir := t.TempDir()
	return settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}
}

// TestServe_TwoOfThem has a second server on the state of one that runs: it waits, and ends without having done anything.
func TestServe_TwoOfThem(t *testing.T) {
	t.Parallel()
	dirs := serveDirs(t)
	release, err := acmeserver.Claim(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it has waited for long enough
	second := &service{machine: &machine{dirs: dirs}, name: "acme.example.com"}
	if err := second.run(ctx, "127.0.0.1:0", ""); fault.CodeOf(err) != fault.CodeUnavailable {
		t.Errorf("it ran: %v", err)
	}
}
