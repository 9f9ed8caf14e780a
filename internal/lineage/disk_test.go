package lineage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

func TestUmaskIsNotTrusted(t *testing.T) { // changes the process: not parallel, and no parallel test runs meanwhile
	for _, umask := range []int{0, 0o077, 0o777} {
		func() {
			ca, dir := newAuthority(t), t.TempDir()
			defer unix.Umask(unix.Umask(umask))
			s := open(t, dir)
			l := renew(t, create(t, s, ca.set(t, example)), ca.set(t, example))
			a, err := s.AddAccount(t.Context(), Account{Server: server, Key: newKey(t)})
			must(t, err)
			must(t, combine(s, filepath.Join(s.dir, "combined.pem"), ca.set(t, example)))
			account := "accounts/ca.test:14000/acme/directory/" + a.ID
			for path, want := range map[string]os.FileMode{
				"": 0o755, "live": 0o700, "archive": 0o700, "renewal": 0o755, "live/README": 0o644, "live/example.com": 0o755, "archive/example.com": 0o755,
				"live/example.com/README": 0o644, "archive/example.com/cert1.pem": 0o644, "archive/example.com/privkey1.pem": 0o600,
				"archive/example.com/privkey2.pem": 0o600, "archive/example.com/fullchain2.pem": 0o644, "renewal/example.com.conf": 0o644,
				"accounts": 0o700, account: 0o700, account + "/private_key.json": 0o400, account + "/regr.json": 0o644, "combined.pem": 0o600,
			} {
				if got := mode(t, filepath.Join(l.store.dir, path)); got != want {
					t.Errorf("umask %o: %s has mode %o, want %o", umask, path, got, want)
				}
			}
		}()
	}
}

func TestModesThatTheAdministratorGaveSurvive(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	path := func() string { return filepath.Join(s.archiveDir(example), fileOf(key, l.Version)) }
	must(t, os.Chmod(path(), 0o640))
	gid := os.Getegid()
	if os.Geteuid() == 0 {
		gid = 1234
		must(t, os.Chown(path(), -1, gid))
	}
	l = renew(t, l, ca.set(t, example))
	var stat unix.Stat_t
	must(t, unix.Lstat(path(), &stat))
	if stat.Mode&0o777 != 0o640 || int(stat.Gid) != gid {
		t.Errorf("mode %o, group %d; want 640, %d", stat.Mode&0o777, stat.Gid, gid)
	}
	must(t, os.Chmod(path(), 0o667))
	must(t, os.Chmod(s.confPath(example), 0o640))
	l, err := l.Renew(t.Context(), ca.set(t, example), func(c *Conf) error { return c.Set(section, "profile", "x") })
	must(t, err)
	if got := mode(t, path()); got != 0o664 {
		t.Errorf("certbot makes 0600 | 0667 & 0074 = 0664 of it, not %o", got)
	}
	if got := mode(t, s.confPath(example)); got != 0o640 {
		t.Errorf("the .conf has mode %o", got)
	}
	if unix.Lsetxattr(path(), accessACL, acl(), 0) == nil {
		l = renew(t, l, ca.set(t, example))
		if got, err := attributes(path()); err != nil || string(got[accessACL]) != string(acl()) {
			t.Errorf("the key's ACL is %x: %v", got[accessACL], err)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Preflight(nil))
	must(t, s.PreflightAccount("https://ca.test/dir"))
	if got := ls(t, dir); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	l := create(t, s, newAuthority(t).set(t, example))
	must(t, s.Preflight(l))
	if got := append(ls(t, s.dir), ls(t, filepath.Join(s.dir, "archive"))...); len(got) != 4 {
		t.Errorf("left %q", got)
	}
	for name, fsys := range map[string]unix.Statfs_t{
		"bytes":  {Bavail: 255, Bsize: 4096, Files: 100, Ffree: 100},
		"inodes": {Bavail: 1 << 20, Bsize: 4096, Files: 100, Ffree: 15},
	} {
		if err := failed("check", enough(fsys)); fault.CodeOf(err) != CodeFull || fault.ClassOf(err) != fault.Misconfigured {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, enough(unix.Statfs_t{Bavail: 256, Bsize: 4096, Files: 100, Ffree: 16}))
	must(t, enough(unix.Statfs_t{Bavail: 256, Bsize: 4096})) // btrfs
	must(t, os.Rename(filepath.Join(s.dir, "live"), filepath.Join(s.dir, "l")))
	must(t, os.Symlink("l", filepath.Join(s.dir, "live")))
	must(t, s.Preflight(nil))
	must(t, os.Chmod(filepath.Join(s.dir, "l"), 0o777))
	if err := s.Preflight(nil); fault.CodeOf(err) != CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured {
		t.Errorf("live is a link to what others may change: %v", err)
	}
}

// What fails when a certificate, a renewal or an account is stored fails beforehand too, by the same call in the same folder (O20).
func TestPreflight_AsStoring(t *testing.T) {
	t.Parallel()
	ca, dir := newAuthority(t), t.TempDir()
	l := create(t, open(t, dir), ca.set(t, example))
	account := func(s *Store) error {
		_, err := s.AddAccount(t.Context(), Account{Server: "https://ca.test/dir", URI: "https://ca.test/1", Key: ca.key})
		return err
	}
	jobs := map[string]struct {
		store, before func(s *Store) error
	}{
		"certificate": {func(s *Store) error {
			_, err := s.Create(t.Context(), "b.test", ca.set(t, "b.test"), settings)
			return err
		}, func(s *Store) error { return s.Preflight(nil) }},
		"renewal": {func(s *Store) error {
			l, err := s.Lineage(example)
			must(t, err)
			_, err = l.Renew(t.Context(), ca.set(t, example), func(c *Conf) error { return c.Set(section, "renew_at", random()) })
			return err
		}, func(s *Store) error { return s.Preflight(l) }},
		"account": {account, func(s *Store) error { return s.PreflightAccount("https://ca.test/dir") }},
	}
	for name, job := range jobs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ops := map[string]bool{}
			watched := open(t, t.TempDir())
			watched.disk.step = func(op, _ string) error { ops[op] = true; return nil }
			if name == "renewal" {
				create(t, watched, ca.set(t, example))
				clear(ops)
			}
			must(t, job.store(watched))
			if len(ops) < 8 {
				t.Errorf("only %v", ops)
			}
			for op := range ops {
				for _, cause := range []error{unix.EDQUOT, unix.EROFS, unix.EACCES, unix.EOPNOTSUPP, unix.EIO} {
					if op == "look" || op == "exchange" && cause == unix.EOPNOTSUPP || op == "rename" && cause == unix.EOPNOTSUPP {
						continue // the first is no change, the others have another way
					}
					broken := open(t, t.TempDir())
					broken.disk.flush = unsynced
					if name == "renewal" {
						create(t, broken, ca.set(t, example))
					}
					broken.disk.step = func(made, _ string) error {
						if made == op && (op != "link" || cause != unix.EOPNOTSUPP) {
							return cause
						}
						return nil
					}
					err := job.before(broken)
					if stored := job.store(broken); (stored == nil) != (err == nil) && op != "remove" { // what it leaves when storing is only logged
						t.Errorf("%s: %v: storing says %v, before it %v", op, cause, stored, err)
					}
					if err != nil && cause != unix.EIO && fault.ClassOf(err) != fault.Misconfigured {
						t.Errorf("%s: %v: %v is of another class", op, cause, err)
					}
				}
			}
		})
	}
}

// A probe that a crash left is removed by the next one, and one that is at work is not.
func TestPreflight_ProbeLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, newAuthority(t).set(t, example))
	left, held := filepath.Join(s.dir, "live", probePrefix+"1"), filepath.Join(s.dir, "live", probePrefix+"2")
	must(t, os.MkdirAll(filepath.Join(left, "one"), 0o700))
	must(t, os.Symlink("cert1.pem", filepath.Join(left, "one", "cert.pem")))
	hold, err := s.makeHeld(held)
	must(t, err)
	defer hold.Close()
	must(t, s.Preflight(nil))
	if got := ls(t, filepath.Join(s.dir, "live")); !slices.Equal(got, []string{probePrefix + "2", "README", example}) {
		t.Errorf("live has %q", got)
	}
}

// Many at once, each with a store of its own as each process has one, are not in each other's way.
func TestPreflight_ManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, open(t, dir), newAuthority(t).set(t, example))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				s := open(t, dir)
				s.disk.flush = unsynced
				if err := s.Preflight(nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// A file system without hard links: versions get their numbers by renames, and a failure leaves what was.
func TestNumber_NoHardLinks(t *testing.T) {
	t.Parallel()
	for _, errno := range []error{unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.EXDEV} {
		ca, s := newAuthority(t), open(t, t.TempDir())
		renames := 0
		s.disk.step = func(op, path string) error {
			if op == "link" {
				return errno
			}
			if op == "rename" && filepath.Base(path) == "fullchain2.pem" {
				if renames++; renames == 1 {
					return unix.EIO
				}
			}
			return nil
		}
		must(t, s.Preflight(nil))
		first, second := ca.set(t, example), ca.set(t, example)
		l := create(t, s, first)
		isLive(t, l, first, 1)
		if _, err := l.Renew(t.Context(), second, nil); !errors.Is(err, unix.EIO) {
			t.Errorf("%v: %v", errno, err)
		}
		l, err := s.Lineage(example)
		must(t, err)
		isLive(t, l, first, 1)
		isLive(t, renew(t, l, second), second, 2)
		clean(t, s, 0)
	}
}

// Data is synced before a file gets its name, and the directory afterwards; what is read back is what was synced.
func TestOrderOfSteps(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	var steps []string
	s.disk.step = func(op, path string) error {
		path = strings.TrimPrefix(path, s.dir+"/")
		if i := strings.Index(path, ".new-"); i >= 0 {
			path = path[:i] + "NEW" + strings.TrimPrefix(path[i:], path[i:i+len(".new-")+16])
		}
		steps = append(steps, op+" "+path)
		return nil
	}
	_, err := l.Renew(t.Context(), ca.set(t, example), func(c *Conf) error { return c.Set(section, "profile", "x") })
	must(t, err)
	at := 0
	for _, want := range []string{
		"create archive/example.com/NEW/privkey.pem", "chown archive/example.com/NEW/privkey.pem", "chmod archive/example.com/NEW/privkey.pem",
		"write archive/example.com/NEW/privkey.pem", "fsync archive/example.com/NEW/privkey.pem", "close archive/example.com/NEW/privkey.pem",
		"fsync archive/example.com/NEW", "lock .certbot.lock",
		"fsync renewal/.wildcard-example.com.conf.new", "rename renewal/example.com.conf", "fsync renewal",
		"link archive/example.com/cert2.pem", "link archive/example.com/privkey2.pem", "fsync archive/example.com",
		"symlink live/.wildcard-example.com/privkey.pem", "fsync live/.wildcard-example.com", "exchange live/example.com", "fsync live",
		"remove .certbot.lock", "remove archive/example.com/NEW",
	} {
		for at < len(steps) && steps[at] != want {
			at++
		}
	}
	if at == len(steps) {
		t.Errorf("not in order:\n%s", strings.Join(steps, "\n"))
	}
}

// combine writes the combined file of a set.
func combine(s *Store, path string, set Set) error {
	text, err := set.Combined()
	if err != nil {
		return err
	}
	return s.Export(path, text)
}

func TestCombined(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	set := ca.set(t, example)
	dir := t.TempDir()
	path := filepath.Join(dir, "site.pem")
	must(t, combine(s, path, set))
	text, err := os.ReadFile(path)
	if err != nil || string(text) != string(set.Key)+string(set.Fullchain()) || mode(t, path) != 0o600 {
		t.Errorf("%v, mode %o", err, mode(t, path))
	}
	must(t, os.Chmod(path, 0o640))
	must(t, combine(s, path, set))
	if mode(t, path) != 0o640 {
		t.Errorf("the group's bit is lost: %o", mode(t, path))
	}
	victim := filepath.Join(dir, "victim")
	write(t, victim, "victim")
	must(t, os.Remove(path))
	must(t, os.Link(victim, path))
	must(t, combine(s, path, set))
	if text, _ := os.ReadFile(victim); string(text) != "victim" || mode(t, path) != 0o600 {
		t.Errorf("written through a hard link: %q, mode %o", text, mode(t, path))
	}
	shared := filepath.Join(dir, "shared")
	must(t, os.MkdirAll(filepath.Join(shared, "own"), 0o755))
	must(t, os.Chmod(shared, 0o777))
	sticky := filepath.Join(dir, "sticky")
	must(t, os.MkdirAll(filepath.Join(sticky, "own"), 0o755))
	must(t, os.Chmod(sticky, 0o777|os.ModeSticky))
	must(t, os.Symlink(victim, filepath.Join(dir, "planted")))
	must(t, os.Symlink(dir, filepath.Join(dir, "dir")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	refused := []string{"relative.pem", dir + "/", dir + "/planted", dir + "/dir", shared + "/x.pem", shared + "/own/x.pem", sticky + "/x.pem",
		dir + "/site.pem/x.pem", dir + "/loop/x.pem", dir + "/absent/x.pem"}
	if os.Geteuid() == 0 {
		theirs := filepath.Join(dir, "theirs")
		must(t, os.Mkdir(theirs, 0o755))
		must(t, os.Chown(theirs, 1234, -1))
		must(t, os.Symlink(dir, filepath.Join(dir, "their-link")))
		must(t, os.Lchown(filepath.Join(dir, "their-link"), 1234, -1))
		refused = append(refused, theirs+"/x.pem", dir+"/their-link/x.pem")
	}
	for _, path := range refused {
		if err := combine(s, path, set); fault.CodeOf(err) != CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{dir + "/dir/x.pem", sticky + "/own/x.pem", dir + "/dir/../" + filepath.Base(dir) + "/y.pem"} {
		must(t, combine(s, path, set))
	}
	if text, _ := os.ReadFile(victim); string(text) != "victim" {
		t.Error("the victim was written")
	}
}

// Where renameat2 knows no flags, what must be free is looked at, and the rename is a plain one.
func TestRenameNew_NoFlags(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP} {
		dir := t.TempDir()
		refused := map[string]bool{}
		d := &disk{flush: unsynced, step: func(op, path string) error {
			if op == "rename" && !refused[path] {
				refused[path] = true
				return refusal
			}
			return nil
		}}
		at := func(name string) string { return filepath.Join(dir, name) }
		write(t, at("file"), "x")
		must(t, os.Mkdir(at("folder"), 0o700))
		must(t, os.Symlink("nowhere", at("dangling")))
		must(t, os.Mkdir(at("empty"), 0o700))
		must(t, d.renameNew(at("file"), at("file2")))
		must(t, d.renameNew(at("folder"), at("folder2")))
		for _, taken := range []string{"file2", "dangling", "empty"} {
			if err := d.renameNew(at("folder2"), at(taken)); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%v: %s: %v", refusal, taken, err)
			}
		}
		if got := ls(t, dir); !slices.Equal(got, []string{"dangling", "empty", "file2", "folder2"}) {
			t.Errorf("%v: %q", refusal, got)
		}
	}
}

// TestPreflight_OpenFolders: a certificate whose .conf others could change would be one that is never renewed, so it is said before it is
// ordered. Folders that are not there yet are made for us alone, also in one with the sticky bit.
func TestPreflight_OpenFolders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path string // below the folder of the test
		mode os.FileMode
		want string // in place of the path
	}{
		"as certbot makes them":       {"etc/renewal", 0o755, ""},
		"ours alone":                  {"etc", 0o700, ""},
		"renewal for a group":         {"etc/renewal", 0o775, "chmod go-w "},
		"renewal for all, sticky":     {"etc/renewal", 0o777 | os.ModeSticky, "chmod go-w "},
		"all of it for all":           {"etc", 0o777, "chmod go-w "},
		"sticky, nothing there yet":   {".", 0o777 | os.ModeSticky, ""},
		"for all, nothing there yet":  {".", 0o777, "chmod go-w "},
		"sticky, no renewal there":    {"etc", 0o777 | os.ModeSticky, ""},
		"archive is no place of ours": {"etc/archive", 0o755, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, test.path)
			must(t, os.MkdirAll(path, 0o755))
			must(t, os.Chmod(path, test.mode))
			s := open(t, dir)
			for what, err := range map[string]error{"certificate": s.Preflight(nil)} {
				unsafe := fault.CodeOf(err) == CodeUnsafe && fault.ClassOf(err) == fault.Misconfigured
				if (test.want == "") != (err == nil) || err != nil && (!unsafe || !strings.Contains(err.Error(), test.want+path)) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if test.want == "" { // as Unsafe sees it afterwards
				must(t, create(t, s, newAuthority(t).set(t, example)).Unsafe())
			}
		})
	}
}
