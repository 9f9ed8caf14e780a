package safepath_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/system/safepath"
	"wildcard/internal/testkit/takeover"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOpen_Attacked: what another user can exchange is never said to be ours, and never read.
func TestOpen_Attacked(t *testing.T) {
	t.Parallel()
	evil := false
	takeover.Each(t, takeover.File{Good: "good", Evil: "evil", Mode: 0o600}, func(path string) error {
		if _, err := safepath.Look(path, safepath.File); err == nil {
			return nil
		}
		f, err := safepath.Open(path, safepath.File)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(f)
		evil = evil || string(text) == "evil"
		return errors.Join(err, f.Close())
	}, func() bool { return evil })
}

// TestLook_Healthy: what administrators and packages have is accepted, and leads to where the kernel leads.
func TestLook_Healthy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"usr/bin", "etc/alternatives", "letsencrypt/renewal", "sticky/own", "group"} {
		must(t, os.MkdirAll(at(name), 0o755))
	}
	for _, name := range []string{"usr/bin/real", "letsencrypt/renewal/a.conf", "sticky/own/file", "sticky/file", "group/key", "two"} {
		must(t, os.WriteFile(at(name), nil, 0o640))
	}
	must(t, os.Chmod(at("sticky"), 0o777|os.ModeSticky))
	must(t, os.Chmod(at("group"), 0o750|os.ModeSetgid)) // ssl-cert's
	must(t, os.Link(at("two"), at("names")))
	for link, target := range map[string]string{
		"bin": "usr/bin", "etc/alternatives/tool": "/usr/../" + at("bin") + "/real", "usr/bin/tool": "../../etc/alternatives/tool",
		"config": at("letsencrypt"), "sticky/link": "own/file", "slash": "usr/bin//",
	} {
		must(t, os.Symlink(target, at(link)))
	}
	for path, last := range map[string]safepath.Last{
		"bin/tool": safepath.ClosedFile, "usr/bin/real": safepath.ClosedFile, "config/renewal/a.conf": safepath.ClosedFile,
		"config/../letsencrypt/renewal/a.conf": safepath.ClosedFile, "bin/../../etc/alternatives/tool": safepath.File,
		"sticky/own/file": safepath.ClosedFile, "sticky/file": safepath.File, "sticky/link": safepath.File, "group/key": safepath.ClosedFile,
		"names": safepath.ClosedFile, "config": safepath.ClosedDir, "slash/": safepath.ClosedDir, "sticky": safepath.Dir,
		"sticky/own/": safepath.ClosedDir, "./usr//bin/./real": safepath.File,
	} {
		path = dir + "/" + path // not cleaned: bin/.. is usr
		want, err := filepath.EvalSymlinks(path)
		must(t, err)
		found, err := safepath.Look(path, last)
		if err != nil || found.Path != want {
			t.Errorf("%s: %s, %v; want %s", path, found.Path, err, want)
		}
		info, err := os.Stat(path)
		if must(t, err); !os.SameFile(info, found.Info) {
			t.Errorf("%s is another file than %s", path, found.Path)
		}
	}
	for _, path := range []string{"/", "/bin/sh", "/proc/self/status", "/usr/bin/env"} { // usr-merge, alternatives, magic links
		last := safepath.File
		if path == "/" {
			last = safepath.Dir
		}
		if _, err := safepath.Look(path, last); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	t.Run("relative", func(t *testing.T) {
		if found, err := safepath.Look("testdata/../safepath_test.go", safepath.File); err == nil { // there is no testdata
			t.Errorf("%s", found.Path)
		}
		if _, err := safepath.Look("safepath_test.go", safepath.File); err != nil {
			t.Error(err)
		}
	})
}

// TestLook_NotThere: what is no file, or does not lead anywhere, is told from what is not safe.
func TestLook_NotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	must(t, os.Symlink("loop", dir+"/loop"))
	must(t, os.Symlink("none", dir+"/dangling"))
	must(t, syscall.Mkfifo(dir+"/fifo", 0o600))
	for path, want := range map[string]error{
		"none": fs.ErrNotExist, "none/file": fs.ErrNotExist, "dangling": fs.ErrNotExist, "loop": syscall.ELOOP, "file/x": syscall.ENOTDIR,
		"file/..": syscall.ENOTDIR, "file/": syscall.ENOTDIR,
	} {
		if _, err := safepath.Look(dir+"/"+path, safepath.File); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"", "fifo"} {
		_, err := safepath.Open(dir+"/"+path, safepath.File)
		if _, ok := errors.AsType[*safepath.KindError](err); !ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := safepath.Look(dir+"/file", safepath.Dir); !errors.Is(err, syscall.ENOTDIR) {
		t.Error(err)
	}
}

// TestLook_Fix: the command ends what it is for.
func TestLook_Fix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := dir + "/it's mine/file"
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, nil, 0o600))
	for _, spoil := range []func(){
		func() { must(t, os.Chmod(path, 0o666)) },
		func() { must(t, os.Chmod(filepath.Dir(path), 0o777)) },
		func() { must(t, os.Chmod(dir, 0o770)) },
	} {
		spoil()
		_, err := safepath.Look(path, safepath.File)
		unsafe, ok := errors.AsType[*safepath.Error](err)
		if !ok || !strings.HasSuffix(err.Error(), ": "+unsafe.Fix()) || !strings.HasPrefix(unsafe.Fix(), "chmod go-w ") {
			t.Fatal(err)
		}
		if err := exec.CommandContext(t.Context(), "/bin/sh", "-c", unsafe.Fix()).Run(); err != nil {
			t.Errorf("%s: %v", unsafe.Fix(), err)
		}
		if _, err := safepath.Look(path, safepath.File); err != nil {
			t.Error(err)
		}
	}
}

// TestChange_Exchanged: a folder that another user puts in the place of the one that was made keeps its mode, as does what a link
// leads to.
func TestChange_Exchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/made", 0o700))
	must(t, os.Mkdir(dir+"/victim", 0o700))
	must(t, os.Symlink("victim", dir+"/link"))
	if _, err := safepath.Change(dir + "/link"); err == nil {
		t.Error("a link was followed")
	}
	made, err := safepath.Change(dir + "/made")
	must(t, err)
	defer made.Close()
	must(t, os.Rename(dir+"/made", dir+"/moved"))
	must(t, os.Symlink("victim", dir+"/made"))
	must(t, made.Chmod(0o755))
	must(t, made.Chown(-1, os.Getegid()))
	for name, want := range map[string]fs.FileMode{"moved": 0o755, "victim": 0o700} {
		if info, err := os.Stat(dir + "/" + name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if os.Geteuid() == 0 {
		must(t, os.Chown(dir+"/victim", 4711, -1))
		if _, err := safepath.Change(dir + "/victim"); err == nil {
			t.Error("another user's folder is held for change")
		}
	}
}
