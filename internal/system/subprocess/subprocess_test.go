package subprocess_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/system/subprocess"
)

// What others can change, or put in its place, is not trusted.
func TestTrusted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(dir, path string) error
		want  string
	}{
		"good":         {func(string, string) error { return nil }, ""},
		"file":         {func(_, path string) error { return os.Chmod(path, 0o775) }, "chmod go-w"},
		"folder":       {func(dir, _ string) error { return os.Chmod(dir, 0o777) }, "chmod go-w"},
		"above":        {func(dir, _ string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, "chmod go-w"},
		"not runnable": {func(_, path string) error { return os.Chmod(path, 0o644) }, "chmod +x"},
		"gone":         {func(_, path string) error { return os.Remove(path) }, "no such file"},
		"a folder":     {func(_, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }, "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := filepath.Join(top, "above", "dir")
			path := filepath.Join(dir, "program")
			if err := errors.Join(os.Chmod(top, 0o700), os.MkdirAll(dir, 0o700), os.WriteFile(path, []byte("#!/bin/sh\n"), 0o600), os.Chmod(path, 0o755)); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(top, "link")
			if err := errors.Join(os.Symlink(path, link), test.spoil(dir, path)); err != nil {
				t.Fatal(err)
			}
			for _, p := range []string{path, link} {
				if _, err := subprocess.Trusted(p); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v", p, err)
				}
			}
		})
	}
}

// A command ends with its context, and with it whatever it has started.
func TestCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	pid := filepath.Join(t.TempDir(), "pid")
	c := subprocess.Command(ctx, []string{subprocess.Path, "PID=" + pid}, "/bin/sh", "-c", "sleep 60 & echo $! >$PID; wait")
	if err := c.Run(); err == nil || ctx.Err() == nil {
		t.Fatalf("%v", err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("what it started is still there")
}

// What a command leaves running does not hold us up.
func TestCommandLeavesADaemon(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	lines := &subprocess.Lines{To: &out, Prefix: "p: "}
	c := subprocess.Command(t.Context(), nil, "/bin/sh", "-c", "/bin/sleep 5 & printf 'one\\033[31m\\n\\ntwo'")
	c.Stdout = lines
	if err := c.Run(); !errors.Is(err, exec.ErrWaitDelay) || !c.ProcessState.Success() {
		t.Errorf("%v", err)
	}
	lines.End()
	if out.String() != "p: one [31m\np: \np: two\n" || lines.Last() != "two" {
		t.Errorf("%q, last %q", out.String(), lines.Last())
	}
}
