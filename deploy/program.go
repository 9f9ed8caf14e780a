package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"wildcard/providers"
)

// programs lists the programs in the folder of a kind, sorted by name.
func (h *Hooks) programs(kind string) ([]string, error) {
	entries, err := os.ReadDir(h.dir(kind))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, providers.Errorf(CodeFailed, providers.Misconfigured, "%s hooks: %w", kind, err)
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

// program runs a program of the folder, unless somebody else could have changed it.
func (h *Hooks) program(ctx context.Context, kind, path string, environment []string) error {
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil {
		for _, p := range []string{resolved, filepath.Dir(resolved), filepath.Dir(path)} {
			if err = safe(p); err != nil {
				break
			}
		}
	}
	if err != nil {
		return providers.Errorf(CodeUnsafe, providers.Misconfigured, "%s hook %s is not run: %w", kind, path, err)
	}
	return h.start(ctx, kind, strconv.QuoteToASCII(path), []string{path}, environment) // whole: what differs may be at its end
}

// safe returns nil if nobody but root and we can change a file.
func safe(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return fmt.Errorf("%s: its owner is not known", path)
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d: chown root %s", path, stat.Uid, path)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others: chmod go-w %s", path, path)
	}
	return nil
}
