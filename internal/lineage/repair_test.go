package lineage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

func TestRepair(t *testing.T) {
	t.Parallel()
	link := func(kind, target string) func(t *testing.T, s *Store) {
		return func(t *testing.T, s *Store) {
			must(t, os.Remove(filepath.Join(s.liveDir(example), kind+".pem")))
			must(t, os.Symlink(target, filepath.Join(s.liveDir(example), kind+".pem")))
		}
	}
	empty := func(t *testing.T, s *Store, kinds ...string) {
		for _, kind := range kinds {
			write(t, filepath.Join(s.archiveDir(example), kind+"9.pem"), "")
		}
	}
	for name, test := range map[string]struct {
		damage func(t *testing.T, s *Store)
		live   int    // version that is live after repair
		refuse string // code of the error instead
		fine   bool   // the live set is good all the same
	}{
		"dangling":      {link("cert", "../../archive/example.com/cert77.pem"), 2, "", false},
		"loop":          {link("privkey", "privkey.pem"), 2, "", false},
		"outside":       {link("privkey", "/etc/shadow"), 2, "", false},
		"other lineage": {link("chain", "../../archive/example.org/chain2.pem"), 2, "", false},
		"other kind":    {link("cert", "../../archive/example.com/fullchain2.pem"), 2, "", false},
		"mixed":         {link("privkey", "../../archive/example.com/privkey1.pem"), 2, "", false},
		"link is gone":  {func(t *testing.T, s *Store) { must(t, os.Remove(filepath.Join(s.liveDir(example), "chain.pem"))) }, 2, "", false},
		"live is gone":  {func(t *testing.T, s *Store) { must(t, os.RemoveAll(s.liveDir(example))) }, 2, "", false},
		"copied file": {func(t *testing.T, s *Store) {
			must(t, os.Remove(filepath.Join(s.liveDir(example), "cert.pem")))
			write(t, filepath.Join(s.liveDir(example), "cert.pem"), "copy")
		}, 2, "", false},
		"directory for a link": {func(t *testing.T, s *Store) {
			must(t, os.Remove(filepath.Join(s.liveDir(example), "cert.pem")))
			must(t, os.Mkdir(filepath.Join(s.liveDir(example), "cert.pem"), 0o755))
		}, 0, CodeDamaged, false},
		"live is a link": {func(t *testing.T, s *Store) {
			must(t, os.Rename(s.liveDir(example), s.liveDir("elsewhere")))
			must(t, os.Symlink("elsewhere", s.liveDir(example)))
		}, 0, CodeDamaged, false},
		"conf names other paths": {func(t *testing.T, s *Store) {
			text, err := os.ReadFile(s.confPath(example))
			must(t, err)
			write(t, s.confPath(example), strings.ReplaceAll(string(text), s.dir, "/elsewhere"))
		}, 0, CodeDamaged, false},
		"newest is half": {func(t *testing.T, s *Store) {
			write(t, filepath.Join(s.archiveDir(example), "fullchain2.pem"), "-----BEGIN")
		}, 1, "", false},
		"FIFO in archive": {func(t *testing.T, s *Store) {
			path := filepath.Join(s.archiveDir(example), "cert2.pem")
			must(t, os.Remove(path))
			must(t, unix.Mkfifo(path, 0o600))
		}, 1, "", false},
		"key leads out": {func(t *testing.T, s *Store) {
			path := filepath.Join(s.archiveDir(example), "privkey2.pem")
			must(t, os.Remove(path))
			must(t, os.Symlink("/etc/shadow", path))
		}, 1, "", false},
		"none is good": {func(t *testing.T, s *Store) {
			for _, file := range []string{"cert1.pem", "cert2.pem"} {
				write(t, filepath.Join(s.archiveDir(example), file), "")
			}
		}, 0, CodeDamaged, false},
		"empty newest": {func(t *testing.T, s *Store) { empty(t, s, "cert", "chain", "fullchain", "privkey") }, 2, "", true},
		"journal of certbot": {func(t *testing.T, s *Store) {
			for _, kind := range kinds {
				must(t, os.Symlink("../../archive/example.com/"+fileOf(kind, 1), filepath.Join(s.liveDir(example), "previous_"+kind+".pem")))
			}
		}, 2, "", true},
		"absolute links are fine": {func(t *testing.T, s *Store) {
			link("cert", filepath.Join(s.archiveDir(example), "cert2.pem"))(t, s)
		}, 2, "", true},
		"incomplete newest": {func(t *testing.T, s *Store) { empty(t, s, "cert", "privkey") }, 2, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca, s := newAuthority(t), open(t, t.TempDir())
			sets := []Set{{}, ca.set(t, example), ca.set(t, example)}
			renew(t, create(t, s, sets[1]), sets[2])
			test.damage(t, s)
			before := ls(t, s.archiveDir(example))
			l, err := s.Lineage(example)
			must(t, err)
			if fine := l.Damage == nil; fine != test.fine {
				t.Fatalf("damage: %v", l.Damage)
			}
			if !slices.Equal(ls(t, s.archiveDir(example)), before) {
				t.Error("reading changed something")
			}
			if _, err := l.Set(); !test.fine && fault.CodeOf(err) != CodeDamaged {
				t.Errorf("set: %v", err)
			}
			l, err = l.Repair(t.Context())
			if test.refuse != "" {
				if fault.CodeOf(err) != test.refuse || fault.ClassOf(err) != fault.Misconfigured {
					t.Errorf("repair: %v", err)
				}
				return
			}
			must(t, err)
			if l.NeedsRepair() || l.Version != test.live {
				t.Errorf("version %d, damage %v, pending %d, bad %v", l.Version, l.Damage, l.Pending, l.Bad)
			}
			liveIs(t, l, sets[test.live])
			if name == "copied file" {
				if text, err := os.ReadFile(filepath.Join(l.Dir(), "cert.pem.saved")); err != nil || string(text) != "copy" {
					t.Errorf("the copy is lost: %v", err)
				}
			}
			next := ca.set(t, example)
			l = renew(t, l, next)
			liveIs(t, l, next)
			found, err := numbers(s.archiveDir(example))
			must(t, err)
			for n := range found {
				if n > l.Version {
					t.Errorf("certbot would see %d above %d", n, l.Version)
				}
			}
		})
	}
}

// A file that cannot be read now is no damage: nothing is switched or set aside because of it.
func TestUnreadableIsNotDamaged(t *testing.T) {
	t.Parallel()
	for _, err := range []error{unix.EIO, unix.EMFILE, unix.EACCES, unix.ENOMEM} {
		if !unreadable(&os.PathError{Op: "open", Err: err}) {
			t.Error(err)
		}
	}
	for _, err := range []error{unix.ENOENT, unix.ELOOP, os.ErrInvalid, nil} {
		if unreadable(err) {
			t.Error(err)
		}
	}
}
