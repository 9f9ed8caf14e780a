package state_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDocuments_NotReadNow: what cannot be read at this moment is an error and stays; only what is damaged is set aside.
func TestDocuments_NotReadNow(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		put   func(path string) error
		stays bool
	}{
		"the system says no": {func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) }, true}, // open fails
		"damaged":            {func(path string) error { return os.WriteFile(path, []byte("{}\n"), 0o600) }, false},
		"a link":             {func(path string) error { return os.Symlink("/dev/null", path) }, false},
		"a folder":           {func(path string) error { return os.Mkdir(path, 0o700) }, false},
	} {
		dir := t.TempDir()
		d := open(t, dir).Documents("clients")
		if err := d.Save("web1", 1); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "clients", "web1.json")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := test.put(path); err != nil {
			t.Fatal(err)
		}
		var n int
		ok, err := d.Read("web1", &n)
		if _, missing := os.Lstat(path); ok || (err != nil) != test.stays || (missing == nil) != test.stays {
			t.Errorf("%s: %t %v, in its place: %v", what, ok, err, missing)
		}
	}
}
