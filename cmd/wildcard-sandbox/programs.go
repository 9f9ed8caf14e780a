package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// ownPrograms are the programs of this module that people run in the sandbox.
func ownPrograms() []string {
	return []string{"wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook"}
}

// provide puts some of our programs into the folder's bin: links to those beside this program's own file; if there are none and
// the working directory is in a checkout of this module, it builds them. Otherwise they are those of PATH, if any.
func (p *program) provide(ctx context.Context, f folder, names []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own file: %w", err)
	}
	found := false
	for _, name := range names {
		beside := filepath.Join(filepath.Dir(self), name)
		if _, err := exec.LookPath(beside); err != nil {
			continue
		}
		if err := os.Symlink(beside, filepath.Join(f.bin(), name)); err != nil {
			return misconfigured("link program: %w", err)
		}
		found = true
	}
	if found {
		return nil
	}
	working, err := os.Getwd()
	if err != nil {
		return nil // removed under us: no checkout then
	}
	if module := checkout(working); module != "" {
		return p.build(ctx, module, f.bin(), names)
	}
	return nil
}

// checkout returns the nearest folder, dir or above it, that is the root of this program's own module, or "".
func checkout(dir string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for {
		file, err := os.Open(filepath.Join(dir, "go.mod"))
		if err == nil {
			defer file.Close()
			for lines := bufio.NewScanner(file); lines.Scan(); {
				if name, is := strings.CutPrefix(lines.Text(), "module "); is {
					if strings.TrimSpace(name) == info.Main.Path {
						return dir
					}
					return ""
				}
			}
			return ""
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// build builds those of the programs that the checkout has, stripped: what debuggers need takes longest to link.
func (p *program) build(ctx context.Context, module, bin string, names []string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin + string(filepath.Separator)}
	var there []string
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(module, "cmd", name)); err == nil && info.IsDir() {
			there = append(there, name)
			args = append(args, "./cmd/"+name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	p.say("building %s from %s", strings.Join(there, ", "), module)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	cmd.WaitDelay = 2 * time.Second // for what go has started, when a signal ends it
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}
