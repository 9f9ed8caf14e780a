package lineage

import (
	"io/fs"
	"maps"
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
			rewriteConf(t, s, s.dir, "/elsewhere")
		}, 0, CodeDamaged, false},
		"newest is half": {func(t *testing.T, s *Store) {
			write(t, filepath.Join(s.archiveDir(example), "fullchain2.pem"), "-----BEGIN")
		}, 3, "", false},
		"newest is half, its key too": {func(t *testing.T, s *Store) {
			write(t, filepath.Join(s.archiveDir(example), "fullchain2.pem"), "-----BEGIN")
			write(t, filepath.Join(s.archiveDir(example), "privkey2.pem"), "-----BEGIN")
		}, 1, "", false},
		"FIFO in archive": {func(t *testing.T, s *Store) {
			path := filepath.Join(s.archiveDir(example), "cert2.pem")
			must(t, os.Remove(path))
			must(t, unix.Mkfifo(path, 0o600))
		}, 3, "", false},
		"key leads out": {func(t *testing.T, s *Store) {
			path := filepath.Join(s.archiveDir(example), "privkey2.pem")
			must(t, os.Remove(path))
			must(t, os.Symlink("/etc/shadow", path))
		}, 1, "", false},
		"none is good": {func(t *testing.T, s *Store) {
			for _, file := range []string{"cert1.pem", "privkey2.pem"} {
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
			sets = append(sets, sets[2]) // what was live, stored anew
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

// certbots makes the lineage certbot's again, with these sets in archive, and live leading to number 1.
func certbots(t *testing.T, s *Store, sets map[int]Set) *Lineage {
	t.Helper()
	l := create(t, s, sets[1])
	for n, set := range sets {
		putVersion(t, s, n, set)
	}
	l, err := l.Release(t.Context())
	must(t, err)
	return l
}

// putVersion writes a set into archive as others do who give it a number.
func putVersion(t *testing.T, s *Store, n int, set Set) {
	t.Helper()
	must(t, os.MkdirAll(s.archiveDir(example), 0o755))
	for kind, text := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), key: set.Key} {
		must(t, os.WriteFile(filepath.Join(s.archiveDir(example), fileOf(kind, n)), text, 0o600))
	}
}

// plainLive puts files in the place of the links, as importers and web interfaces do.
func plainLive(t *testing.T, s *Store, set Set) {
	t.Helper()
	for kind, text := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), key: set.Key} {
		path := filepath.Join(s.liveDir(example), kind+".pem")
		must(t, os.Remove(path))
		must(t, os.WriteFile(path, text, 0o600))
	}
}

// What has a greater number is not newer for it: it is made live only if it does not end before, is valid and has the names (O1).
func TestRepair_OlderSetUnderHigherNumber(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	until := func(a *authority, days int, names ...string) Set {
		return a.setUntil(t, parseKey(t, a.set(t, example).Key), days, names...)
	}
	for name, test := range map[string]struct {
		put   map[int]Set
		live  int   // what live leads to after adoption and repair
		older []int // what is told of
	}{
		"ended, of another CA":         {map[int]Set{34: until(other, -100, example)}, 1, []int{34}},
		"ends sooner":                  {map[int]Set{34: until(ca, 30, example)}, 1, []int{34}},
		"two of them":                  {map[int]Set{2: until(ca, 30, example), 7: until(ca, -1, example)}, 1, []int{7, 2}},
		"valid from tomorrow":          {map[int]Set{2: until(ca, 91, example)}, 1, []int{2}},
		"of another name, valid later": {map[int]Set{2: until(ca, 88, "example.org")}, 1, []int{2}},
		"lacks a name":                 {map[int]Set{2: until(ca, 88, "*.example.com")}, 1, []int{2}},
		"newer":                        {map[int]Set{2: until(ca, 88, example)}, 2, nil},
		"newest in the middle":         {map[int]Set{2: until(ca, 30, example), 3: until(ca, 88, example), 4: until(ca, 87, example)}, 3, []int{4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			test.put[1] = until(ca, 85, example)
			l := certbots(t, s, test.put)
			l, err := l.Adopt(t.Context(), settings)
			must(t, err)
			for range 2 {
				var older []int
				for _, v := range l.Older {
					older = append(older, v.Number)
				}
				if l.Damage != nil || l.NeedsRepair() || l.Version != test.live || !slices.Equal(older, test.older) {
					t.Errorf("version %d, damage %v, pending %d, older %v", l.Version, l.Damage, l.Pending, older)
				}
				if l, err = l.Repair(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			most := 0
			for n := range test.put {
				most = max(most, n)
			}
			next := ca.set(t, example)
			isLive(t, renew(t, l, next), next, most+1)
		})
	}
}

// A live set that is damaged gives way to the good version that is valid longest, and to none that has ended (O1).
func TestRepair_LiveDamaged(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	until := func(days int) Set { return ca.setUntil(t, parseKey(t, ca.set(t, example).Key), days, example) }
	for name, test := range map[string]struct {
		put  map[int]Set
		live int // 0: refused
	}{
		"ended under a higher number":       {map[int]Set{1: until(20), 2: until(60), 34: until(-100)}, 2},
		"ends sooner under a higher number": {map[int]Set{1: until(60), 2: until(30)}, 1},
		"all have ended":                    {map[int]Set{1: until(-1), 2: until(-50)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			create(t, s, ca.set(t, example))
			for n, set := range test.put {
				putVersion(t, s, n, set)
			}
			must(t, os.RemoveAll(s.liveDir(example)))
			l, err := s.Lineage(example)
			must(t, err)
			l, err = l.Repair(t.Context())
			if test.live == 0 {
				if fault.CodeOf(err) != CodeDamaged {
					t.Errorf("repair: %v", err)
				}
				return
			}
			must(t, err)
			isLive(t, l, test.put[test.live], test.live)
		})
	}
}

// Where nothing has the names that were asked for since, what there is serves better than nothing.
func TestRepair_NoneHasTheNames(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	in := ca.set(t, example)
	create(t, s, in)
	l, err := s.Lineage(example)
	must(t, err)
	_, err = l.Update(t.Context(), func(c *Conf) error {
		settings, _ := c.Settings()
		settings.Domains = []string{example, "new." + example}
		return c.SetSettings(settings)
	})
	must(t, err)
	must(t, os.Remove(filepath.Join(s.liveDir(example), "chain.pem")))
	l, err = s.Lineage(example)
	must(t, err)
	l, err = l.Repair(t.Context())
	must(t, err)
	isLive(t, l, in, 1)
}

// A set that is in use in another form than certbot's is made good: it stays in use, under a number of its own (O2, O3).
func TestRepair_SetInAnotherForm(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	in, old := ca.set(t, example), other.setUntil(t, parseKey(t, other.set(t, example).Key), -100, example)
	archived := func(set Set, kinds map[string][]byte) func(t *testing.T, s *Store) {
		return func(t *testing.T, s *Store) {
			for kind, text := range kinds {
				write(t, filepath.Join(s.archiveDir(example), fileOf(kind, 1)), string(text))
			}
		}
	}
	for name, test := range map[string]struct {
		make  func(t *testing.T, s *Store)
		live  int
		saved bool
	}{
		"files newer than archive": {func(t *testing.T, s *Store) {
			putVersion(t, s, 1, old)
			plainLive(t, s, in)
		}, 2, true},
		"files newer than archive, another set under 9": {func(t *testing.T, s *Store) {
			putVersion(t, s, 1, old)
			putVersion(t, s, 9, ca.setUntil(t, parseKey(t, in.Key), 30, example))
			plainLive(t, s, in)
		}, 10, true},
		"files, archive is not there": {func(t *testing.T, s *Store) {
			plainLive(t, s, in)
			must(t, os.RemoveAll(s.archiveDir(example)))
		}, 1, true},
		"files that are in archive": {func(t *testing.T, s *Store) { plainLive(t, s, in) }, 1, true},
		"files without chain.pem": {func(t *testing.T, s *Store) {
			putVersion(t, s, 1, old)
			plainLive(t, s, in)
			must(t, os.Remove(filepath.Join(s.liveDir(example), "chain.pem")))
		}, 2, true},
		"links to files elsewhere": {func(t *testing.T, s *Store) {
			plainLive(t, s, in)
			must(t, os.RemoveAll(s.archiveDir(example)))
			must(t, os.Mkdir(filepath.Join(s.dir, "elsewhere"), 0o755))
			for _, kind := range kinds {
				to := filepath.Join(s.dir, "elsewhere", kind+".pem")
				must(t, os.Rename(filepath.Join(s.liveDir(example), kind+".pem"), to))
				must(t, os.Symlink(to, filepath.Join(s.liveDir(example), kind+".pem")))
			}
		}, 1, false},
		"chain in each file":           {archived(in, map[string][]byte{"cert": in.Fullchain(), "chain": in.Fullchain()}), 2, false},
		"chain in each file, doubled":  {archived(in, map[string][]byte{"cert": in.Fullchain(), "chain": in.Fullchain(), "fullchain": slices.Concat(in.Fullchain(), in.Fullchain())}), 2, false},
		"fullchain is the certificate": {archived(in, map[string][]byte{"fullchain": in.Cert}), 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			create(t, s, in)
			l, err := s.Lineage(example)
			must(t, err)
			_, err = l.Release(t.Context())
			must(t, err)
			test.make(t, s)
			before := tree(t, s.dir)
			l, err = s.Lineage(example)
			if err != nil || l.Damage == nil || l.Adoptable() != nil {
				t.Fatalf("damage %v, %v, %v", l.Damage, l.Adoptable(), err)
			}
			if after := tree(t, s.dir); !maps.Equal(before, after) {
				t.Error("reading changed something")
			}
			l, err = l.Adopt(t.Context(), settings)
			must(t, err)
			isLive(t, l, in, test.live)
			if saved := slices.Contains(ls(t, l.Dir()), "privkey.pem.saved"); saved != test.saved || l.NeedsRepair() || !l.Owned() {
				t.Errorf("saved %v, needs repair %v, ours %v", saved, l.NeedsRepair(), l.Owned())
			}
			if m := mode(t, filepath.Join(s.archiveDir(example), fileOf(key, test.live))); m != 0o600 {
				t.Errorf("the key has mode %o", m)
			}
		})
	}
}

// An adoption that is refused leaves the folder as it was, and says the same each time (O3).
func TestAdopt_RefusedChangesNothing(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, s *Store){
		"live is a link elsewhere": func(t *testing.T, s *Store) {
			must(t, os.Rename(s.liveDir(example), filepath.Join(s.dir, "elsewhere")))
			for _, kind := range kinds {
				path := filepath.Join(s.dir, "elsewhere", kind+".pem")
				must(t, os.Remove(path))
				must(t, os.Symlink(filepath.Join(s.archiveDir(example), fileOf(kind, 1)), path))
			}
			must(t, os.Symlink(filepath.Join(s.dir, "elsewhere"), s.liveDir(example)))
		},
		"directory for a link": func(t *testing.T, s *Store) {
			must(t, os.Remove(filepath.Join(s.liveDir(example), "cert.pem")))
			must(t, os.Mkdir(filepath.Join(s.liveDir(example), "cert.pem"), 0o755))
		},
		"nothing is good":    func(t *testing.T, s *Store) { write(t, filepath.Join(s.archiveDir(example), "privkey1.pem"), "") },
		"nothing is there":   func(t *testing.T, s *Store) { must(t, os.RemoveAll(s.archiveDir(example))) },
		"paths of elsewhere": func(t *testing.T, s *Store) { rewriteConf(t, s, s.dir, "/elsewhere") },
		"value not writable": func(t *testing.T, s *Store) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			certbots(t, s, map[int]Set{1: newAuthority(t).set(t, example)})
			damage(t, s)
			change := settings
			if name == "value not writable" {
				change = func(c *Conf) error { return c.Set(params, "renew_hook", "%(x)s") }
			}
			before := tree(t, s.dir)
			var said []string
			for range 2 {
				l, err := s.Lineage(example)
				must(t, err)
				if why := l.Adoptable(); (why == nil) != (name == "value not writable") {
					t.Errorf("adoptable: %v", why)
				}
				_, err = l.Adopt(t.Context(), change)
				if fault.ClassOf(err) != fault.Misconfigured && name != "value not writable" || err == nil {
					t.Errorf("adopt: %v", err)
				}
				said = append(said, err.Error())
			}
			if said[0] != said[1] {
				t.Errorf("said first %s, then %s", said[0], said[1])
			}
			if after := tree(t, s.dir); !maps.Equal(before, after) {
				t.Error("something changed")
			}
		})
	}
}

// tree is what is in a folder: contents of files, targets of links, modes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			must(t, err)
			text += " " + string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			must(t, err)
			text += " " + target
		}
		all[path] = text
		return nil
	}))
	return all
}

func rewriteConf(t *testing.T, s *Store, from, to string) {
	t.Helper()
	text, err := os.ReadFile(s.confPath(example))
	must(t, err)
	write(t, s.confPath(example), strings.ReplaceAll(string(text), from, to))
}
