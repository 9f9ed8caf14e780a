package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"wildcard/internal/fault"
)

// programs lists the programs in the folder of a kind, sorted by name.
func (h *Hooks) programs(kind string) ([]string, error) {
	entries, err := os.ReadDir(h.dir(kind))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Errorf(CodeFailed, fault.Misconfigured, "%s hooks: %w", kind, err)
	}
	var programs []string
	for _, entry := range entries {
		path := filepath.Join(h.dir(kind), entry.Name())
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 && !strings.HasSuffix(entry.Name(), "~") {
			programs = append(programs, path)
		}
	}
	return programs, nil
}

// startProgram runs a program of the folder, unless another user could have changed it.
func (h *Hooks) startProgram(ctx context.Context, kind, path string, environment []string) error {
	if problem := problemOf(path); problem != nil && problem.Code == CodeUnsafe {
		return problem.refusal(kind, path)
	}
	return h.start(ctx, kind, strconv.QuoteToASCII(path), []string{path}, environment) // whole: what differs may be at its end
}
