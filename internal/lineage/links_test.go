package lineage

import (
	"os"
	"path/filepath"
	"testing"

	"wildcard/internal/fault"
)

// moved puts a folder of the store on another volume, as it were, and a link in its place.
func moved(t *testing.T, s *Store, name, to string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	must(t, os.Rename(filepath.Join(s.dir, name), to))
	must(t, os.Symlink(to, filepath.Join(s.dir, name)))
}

// TestFolders_Links: report O5. live, archive and archive/NAME may be links, as for certbot; the links stay, and what is stored is where they
// lead and is found by those who open the files.
func TestFolders_Links(t *testing.T) {
	t.Parallel()
	for name, links := range map[string]map[string]string{
		"live and archive":              {"live": "volume/live", "archive": "volume/archive"},
		"live and archive, other names": {"live": "volume/le-live", "archive": "volume/le-archive"},
		"live alone":                    {"live": "volume/live"},
		"archive alone":                 {"archive": "volume/archive"},
		"archive of the name":           {"archive/example.com": "volume/example.com"},
		"renewal":                       {"renewal": "volume/renewal"},
		"all":                           {"live": "a/live", "archive": "b/archive", "renewal": "c/renewal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ca, s := newAuthority(t), open(t, dir)
			certbots(t, s, map[int]Set{1: ca.set(t, example)})
			for from, to := range links {
				moved(t, s, from, filepath.Join(dir, to))
			}
			must(t, s.Preflight(nil))
			l, err := s.Lineage(example)
			must(t, err)
			must(t, l.Adoptable())
			l, err = l.Adopt(t.Context(), settings)
			must(t, err)
			for range 2 {
				next := ca.set(t, example)
				l = renew(t, l, next)
				liveIs(t, l, next)
				if text, err := os.ReadFile(l.Path(key)); err != nil || string(text) != string(next.Key) {
					t.Errorf("what a server opens: %v", err)
				}
			}
			other, err := s.Create(t.Context(), "another", ca.set(t, "example.org"), settings)
			must(t, err)
			if _, err := os.ReadFile(other.Path(key)); err != nil {
				t.Error(err)
			}
			for from, to := range links {
				if at, err := os.Readlink(filepath.Join(s.dir, from)); err != nil || at != filepath.Join(dir, to) {
					t.Errorf("the link %s leads to %q: %v", from, at, err)
				}
			}
			must(t, os.RemoveAll(s.liveDir(example)))
			if l, err = s.Lineage(example); err != nil || l.Damage == nil {
				t.Fatalf("%v, %v", l.Damage, err)
			}
			l, err = l.Repair(t.Context())
			must(t, err)
			if l.NeedsRepair() {
				t.Error(l.Damage)
			}
			must(t, l.Delete(t.Context()))
		})
	}
}

// TestFolders_LinksNotSafe: where others can change what a link leads to, nothing is adopted or stored, and it is said before.
func TestFolders_LinksNotSafe(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"live", "archive", "archive/example.com"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, dir)
			certbots(t, s, map[int]Set{1: newAuthority(t).set(t, example)})
			moved(t, s, name, filepath.Join(dir, "volume", filepath.Base(name)))
			must(t, os.Chmod(filepath.Join(dir, "volume"), 0o777))
			before := tree(t, dir)
			l, err := s.Lineage(example)
			must(t, err)
			for what, err := range map[string]error{
				"adoptable": l.Adoptable(),
				"adopt":     func() error { _, err := l.Adopt(t.Context(), settings); return err }(),
			} {
				if fault.CodeOf(err) != CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured {
					t.Errorf("%s: %v", what, err)
				}
			}
			if name != "archive/example.com" {
				if err := s.Preflight(nil); fault.CodeOf(err) != CodeUnsafe {
					t.Errorf("check: %v", err)
				}
			}
			if after := tree(t, dir); len(before) != len(after) {
				t.Error("something was written")
			}
		})
	}
}
