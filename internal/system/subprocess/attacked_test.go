package subprocess_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"wildcard/internal/system/subprocess"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/takeover"
)

// TestRun_Attacked: no program runs that another user put in the place of ours, whichever way.
func TestRun_Attacked(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	script := "#!/bin/sh\n: >" + mark + "\n"
	takeover.Each(t, takeover.File{Good: "#!/bin/sh\n", Evil: script, Mode: 0o755}, func(path string) error {
		return subprocess.Call{Path: path, Output: &subprocess.Lines{}, Limit: time.Minute}.Run(t.Context())
	}, func() bool { _, err := os.Stat(mark); return err == nil })
}

// TestTrusted_Interpreter: the program that a first line names is as able to do everything as the script, one script after the other.
func TestTrusted_Interpreter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	executable.Write(t, dir+"/own", "#!/bin/sh\n")
	executable.Write(t, dir+"/open", "#!/bin/sh\n")
	if err := os.Chmod(dir+"/open", 0o777); err != nil {
		t.Fatal(err)
	}
	executable.Write(t, dir+"/by-own", "#!"+dir+"/own x\n")
	executable.Write(t, dir+"/by-open", "#! "+dir+"/open\n")
	executable.Write(t, dir+"/by-both", "#!"+dir+"/by-open\n")
	for name, safe := range map[string]bool{"own": true, "by-own": true, "by-open": false, "by-both": false} {
		if _, err := subprocess.Trusted(dir + "/" + name); (err == nil) != safe {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRun_Link: a program knows by which name it was called, as those of several names do, and is run from where it is.
func TestRun_Link(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink("/bin/sh", dir+"/name"); err != nil {
		t.Fatal(err)
	}
	c, err := subprocess.Program(t.Context(), nil, dir+"/name", "-c", `echo "$0"`)
	if err != nil {
		t.Fatal(err)
	}
	at, err := filepath.EvalSymlinks("/bin/sh")
	if text, runErr := c.Output(); err != nil || runErr != nil || c.Path != at || string(text) != dir+"/name\n" {
		t.Errorf("%s, %q: %v, %v", c.Path, text, err, runErr)
	}
}

// TestRun_NoFirstLine: a script without a "#!" line is run by the shell under the shell's own name, by which BusyBox and bash go.
func TestRun_NoFirstLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	executable.Write(t, dir+"/hook", "tr '\\0' '\\n' </proc/$$/cmdline | head -n 1 >"+dir+"/name\n")
	call := subprocess.Call{Path: dir + "/hook", Environ: []string{"PATH=/usr/bin:/bin"}, Output: &subprocess.Lines{}, Limit: time.Minute}
	if err := call.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if name, err := os.ReadFile(dir + "/name"); err != nil || string(name) != "/bin/sh\n" {
		t.Errorf("run as %q: %v", name, err)
	}
}
