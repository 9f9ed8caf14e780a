package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
