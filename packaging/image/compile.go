package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// compile builds a program for an architecture, at the top of the repository. No path, time or state of this machine gets into it; the
// commit does.
func compile(ctx context.Context, top string, of recipe, architecture string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, of.name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=",
		"-o", out, "wildcard/cmd/"+of.name)
	cmd.Dir = filepath.Join(top, of.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build %s for %s: %w", of.name, architecture, err)
	}
	return os.ReadFile(out)
}
