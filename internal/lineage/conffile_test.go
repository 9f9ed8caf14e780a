package lineage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/takeover"
)

// linked makes a lineage and moves its .conf elsewhere, with links that lead there one after the other, the first one from its place:
// as administrators do who keep such files in a repository (certbot#3953).
func linked(t *testing.T, how ...string) (s *Store, ca *authority, file string) {
	t.Helper()
	ca, s = newAuthority(t), open(t, t.TempDir())
	create(t, s, ca.set(t, example))
	elsewhere := filepath.Join(s.dir, "..", filepath.Base(s.dir)+"-kept")
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	for _, dir := range []string{"a", "b", "c"} {
		must(t, os.MkdirAll(filepath.Join(elsewhere, dir), 0o755))
	}
	file = filepath.Clean(filepath.Join(elsewhere, "a", "site.conf"))
	must(t, os.Rename(s.confPath(example), file))
	at := s.confPath(example)
	for i, target := range how {
		target = strings.ReplaceAll(strings.ReplaceAll(target, "KEPT", elsewhere), "REL", "../../"+filepath.Base(elsewhere))
		must(t, os.Symlink(target, at))
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		if at = target; i == len(how)-1 && filepath.Clean(at) != file {
			t.Fatalf("the links lead to %s, not to %s", at, file)
		}
	}
	return s, ca, file
}

// TestConfFile_Link: report O25. A .conf that is a link to a file of root's, or ours, is read, and changes go to the file: the link
// stays, and so do mode and the file's other name.
func TestConfFile_Link(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]string{
		"absolute":           {"KEPT/a/site.conf"},
		"relative":           {"REL/a/site.conf"},
		"link to a link":     {"REL/b/x.conf", "../c/y", "KEPT/a/site.conf"},
		"dots and two bars":  {"REL/b/..//a/./site.conf"},
		"relative to a link": {"KEPT/b/x.conf", "../a/site.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ca, file := linked(t, how...)
			must(t, os.Chmod(file, 0o640))
			leads, err := os.Readlink(s.confPath(example))
			must(t, err)
			l, err := s.Lineage(example)
			must(t, err)
			second := ca.set(t, example)
			isLive(t, renew(t, l, second), second, 2)
			l, err = l.Update(t.Context(), func(c *Conf) error { return c.Set(section, "env_file", "/root/x.env") })
			must(t, err)
			l, err = l.Release(t.Context())
			must(t, err)
			l, err = l.Adopt(t.Context(), settings)
			must(t, err)
			text, err := os.ReadFile(file)
			must(t, err)
			if !l.Owned() || string(text) != string(l.Conf.Bytes()) || mode(t, file) != 0o640 {
				t.Errorf("mode %o:\n%s", mode(t, file), text)
			}
			if now, err := os.Readlink(s.confPath(example)); err != nil || now != leads {
				t.Errorf("the link leads to %q, %v", now, err)
			}
			if left := ls(t, filepath.Dir(file)); len(left) != 1 {
				t.Errorf("beside the file: %q", left)
			}
			if names, err := s.Names(); err != nil || len(names) != 1 {
				t.Errorf("%q, %v", names, err)
			}
			must(t, l.Delete(t.Context()))
			if _, err := os.Stat(file); err != nil {
				t.Errorf("delete removes the link alone: %v", err)
			}
		})
	}
}

// TestConfFile_LinkNotSafe: a link of which another user could change where it leads, or what is there, is not followed, to read or
// to write; the error names it and whose it is, and is not that there is no such certificate.
func TestConfFile_LinkNotSafe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, s *Store, file string)
		want  string
	}{
		"file that others write": {func(t *testing.T, _ *Store, file string) { must(t, os.Chmod(file, 0o666)) }, "others may write to"},
		"folder that others write": {func(t *testing.T, _ *Store, file string) {
			must(t, os.Chmod(filepath.Dir(file), 0o777))
		}, "others may write to"},
		"leads nowhere": {func(t *testing.T, _ *Store, file string) { must(t, os.Remove(file)) }, "is not there"},
		"leads in a circle": {func(t *testing.T, s *Store, file string) {
			must(t, os.Remove(file))
			must(t, os.Symlink(s.confPath(example), file))
		}, "too many levels"},
		"leads to a folder": {func(t *testing.T, _ *Store, file string) {
			must(t, os.Remove(file))
			must(t, os.Mkdir(file, 0o755))
		}, "is not a file"},
	}
	if os.Geteuid() == 0 {
		own := func(path func(s *Store, file string) string) func(*testing.T, *Store, string) {
			return func(t *testing.T, s *Store, file string) { must(t, os.Lchown(path(s, file), 1234, -1)) }
		}
		tests["another's link"] = struct {
			spoil func(t *testing.T, s *Store, file string)
			want  string
		}{own(func(s *Store, _ string) string { return s.confPath(example) }), "belongs to user 1234"}
		tests["another's file"] = struct {
			spoil func(t *testing.T, s *Store, file string)
			want  string
		}{own(func(_ *Store, file string) string { return file }), "belongs to user 1234"}
		tests["another's folder"] = struct {
			spoil func(t *testing.T, s *Store, file string)
			want  string
		}{own(func(_ *Store, file string) string { return filepath.Dir(file) }), "belongs to user 1234"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ca, file := linked(t, "KEPT/a/site.conf")
			before, err := s.Lineage(example)
			must(t, err)
			test.spoil(t, s, file)
			_, err = s.Lineage(example)
			if fault.CodeOf(err) != CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured ||
				!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), s.confPath(example)+" is a link") {
				t.Errorf("read: %v", err)
			}
			if _, err := before.Renew(t.Context(), ca.set(t, example), nil); fault.CodeOf(err) != CodeUnsafe {
				t.Errorf("renew: %v", err)
			}
			if names, err := s.Names(); err != nil || len(names) != 1 {
				t.Errorf("%q, %v", names, err)
			}
		})
	}
}

// TestUnsafe_EveryReason: whatever keeps it from being known that no other user can change a .conf, no line of it is run; a link of
// another user's is named with the command that ends it. That the lineage was deleted meanwhile is no such reason.
func TestUnsafe_EveryReason(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, s *Store)
		want  string
	}{
		"a folder": {func(t *testing.T, s *Store) {
			must(t, os.Remove(s.confPath(example)))
			must(t, os.Mkdir(s.confPath(example), 0o755))
		}, "is not a file"},
		"leads nowhere": {func(t *testing.T, s *Store) {
			must(t, os.Remove(s.confPath(example)))
			must(t, os.Symlink("none", s.confPath(example)))
		}, "is not there"},
		"folder in a circle": {func(t *testing.T, s *Store) {
			must(t, os.RemoveAll(filepath.Join(s.dir, "renewal")))
			must(t, os.Symlink("renewal", filepath.Join(s.dir, "renewal")))
		}, "too many levels"},
		"deleted": {func(t *testing.T, s *Store) { must(t, os.Remove(s.confPath(example))) }, ""},
	}
	if os.Geteuid() == 0 {
		tests["another's link to the folder"] = struct {
			spoil func(t *testing.T, s *Store)
			want  string
		}{func(t *testing.T, s *Store) {
			renewal := filepath.Join(s.dir, "renewal")
			must(t, os.Rename(renewal, renewal+"-kept"))
			must(t, os.Symlink(renewal+"-kept", renewal))
			must(t, os.Lchown(renewal, 1234, -1))
		}, "belongs to user 1234: chown -h root "}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			l := create(t, s, newAuthority(t).set(t, example))
			must(t, l.Unsafe())
			test.spoil(t, s)
			switch err := l.Unsafe(); {
			case test.want == "":
				must(t, err)
			case fault.CodeOf(err) != CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured ||
				!strings.Contains(err.Error(), test.want):
				t.Errorf("%v", err)
			}
		})
	}
}

// TestReaders_Attacked: no line is taken from a .conf, and no key or combined file goes, where another user could exchange it.
func TestReaders_Attacked(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ca := newAuthority(t)
	l := create(t, s, ca.set(t, example))
	takeover.Each(t, takeover.File{Good: "a = b\n", Evil: "renew_hook = evil\n", Mode: 0o600}, func(path string) error {
		must(t, os.RemoveAll(s.confPath(example)))
		must(t, os.Symlink(path, s.confPath(example)))
		if l.Unsafe() == nil {
			return nil
		}
		_, err := s.confFile(example)
		return err
	}, func() bool { return false })
}
