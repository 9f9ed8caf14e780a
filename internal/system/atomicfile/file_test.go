package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"wildcard/internal/system/atomicfile"
)

func TestPut(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(f *os.File, path string) error{
		"Put": func(f *os.File, path string) error { return atomicfile.Put("test", f, path, []byte("new")) },
		"PutDurably": func(f *os.File, path string) error {
			return atomicfile.PutDurably("test", f, path, []byte("new"), 0o640)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			create := func() *os.File {
				f, err := os.CreateTemp(dir, ".new-*")
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(create(), path); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil || string(text) != "new" {
				t.Errorf("%q, %v", text, err)
			}
			info, err := os.Stat(path)
			if want := map[string]fs.FileMode{"Put": 0o600, "PutDurably": 0o640}[name]; err != nil || info.Mode() != want {
				t.Errorf("%v, %v, want %v", info.Mode(), err, want)
			}

			if err := put(create(), dir); err == nil { // a folder's place cannot be taken
				t.Error("took a folder's place")
			}
			f := create()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := put(f, path); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("a file that cannot be written: %v", err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// What is no plain file of the size that is meant is not read, nor waited for; a folder of ours may be any user's to fill.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(in("file"), []byte("0123456789"), 0o600), os.Symlink("file", in("link")), os.Mkdir(in("folder"), 0o700),
		syscall.Mkfifo(in("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if text, info, err := atomicfile.Read(in("file"), 10); string(text) != "0123456789" || err != nil || info.Size() != 10 {
		t.Errorf("%q, %v", text, err)
	}
	if _, _, err := atomicfile.Read(in("file"), 9); err == nil {
		t.Error("read a file that is too large")
	}
	for _, name := range []string{"link", "folder", "fifo"} {
		if _, _, err := atomicfile.Read(in(name), 10); err == nil {
			t.Errorf("read a %s", name)
		}
	}
	if _, _, err := atomicfile.Read(in("none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A writer that was killed leaves one file, which is in no writer's way and goes with the file itself.
func TestCreate_FileLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	left, err := atomicfile.Create("test", path)
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	f, err := atomicfile.Create("test", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Put("test", f, path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	again, err := atomicfile.Create("test", path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for range 2 {
		if err := atomicfile.Remove("test", path); err != nil {
			t.Error(err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("left: %v, %v", files, err)
	}
}
