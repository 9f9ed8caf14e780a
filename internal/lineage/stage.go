package lineage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stage is archive/NAME/.new-XXXX: a version in the making, written, synced and checked before it gets a number. The process
// that makes it holds a lock on the directory; one that no process holds was left by a crash.
type stage struct {
	dir   string
	hold  *os.File
	reuse string // what privkeyN.pem shall lead to; "" when the version has its own key
}

// newStage writes a set. old says what the new key gets from the key before it; reuse, when not empty, names the file in
// archive/NAME that holds the set's key already. prefix is newPrefix or firstPrefix.
func (s *Store) newStage(name, prefix string, set Set, old owner, reuse string) (_ *stage, err error) {
	st := &stage{dir: filepath.Join(s.archiveDir(name), prefix+random()), reuse: reuse}
	defer func() {
		if err != nil {
			s.drop(st)
		}
	}()
	if st.hold, err = s.makeHeld(st.dir); err != nil {
		return nil, err
	}
	data := map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), key: set.Key}
	for _, kind := range kinds {
		own := plain(0o644)
		if kind == key {
			if own = old; reuse != "" {
				continue
			}
		}
		if err := s.disk.create(filepath.Join(st.dir, kind+".pem"), data[kind], own); err != nil {
			return nil, err
		}
	}
	if err := s.disk.sync(st.dir); err != nil {
		return nil, err
	}
	return st, s.verify(name, st, set)
}

// verify reads back what was written and checks it as a reader would.
func (s *Store) verify(name string, st *stage, want Set) error {
	read := Set{Names: want.Names, Ended: want.Ended}
	keyPath := filepath.Join(st.dir, key+".pem")
	if st.reuse != "" {
		keyPath = filepath.Join(s.archiveDir(name), st.reuse)
	}
	var fullchain []byte
	for path, to := range map[string]*[]byte{filepath.Join(st.dir, "cert.pem"): &read.Cert,
		filepath.Join(st.dir, "chain.pem"):     &read.Chain,
		filepath.Join(st.dir, "fullchain.pem"): &fullchain, keyPath: &read.Key} {
		var err error
		if *to, _, err = readFile(path); err != nil {
			return err
		}
	}
	if string(fullchain) != string(want.Fullchain()) {
		return badSet(errors.New("what was written is not what is read back"))
	}
	return read.check(s.now())
}

// number gives the version the next number, greater than any that any kind has, and returns it. Links, not renames: until the
// last of them the number is incomplete, and the stage stays whole. What was linked before an error is taken back.
func (s *Store) number(name string, st *stage) (n int, err error) {
	dir := s.archiveDir(name)
	found, err := numbers(dir)
	if err != nil {
		return 0, err
	}
	for other := range found {
		n = max(n, other)
	}
	n++
	var made []string
	defer func() {
		if err != nil {
			for _, path := range made {
				err = errors.Join(err, s.disk.remove(path))
			}
		}
	}()
	for _, kind := range kinds {
		to := filepath.Join(dir, fileOf(kind, n))
		if kind == key && st.reuse != "" {
			err = s.disk.symlink(st.reuse, to)
		} else {
			err = s.disk.linkOrRename(filepath.Join(st.dir, kind+".pem"), to)
		}
		if err != nil {
			return 0, err
		}
		made = append(made, to)
	}
	return n, s.disk.sync(dir)
}

// drop removes a stage that is no longer needed, as far as that goes; the next writer sweeps what is left.
func (s *Store) drop(st *stage) {
	if err := s.removeStage(st.dir); err != nil {
		s.log.Debug("stage not removed", "error", err)
	}
	if st.hold != nil {
		_ = st.hold.Close() // a directory: nothing was written through it
	}
}

func (s *Store) removeStage(dir string) error {
	for _, kind := range kinds {
		if err := s.disk.remove(filepath.Join(dir, kind+".pem")); err != nil {
			return err
		}
	}
	return s.disk.remove(dir)
}

// sweepStages removes the stages in archive/NAME that a crash left; those that a process holds are none of them.
func (s *Store) sweepStages(name string) error {
	return s.sweepHeld(s.archiveDir(name), isStage, s.removeStage)
}

// makeHeld makes a folder that no other process sweeps as long as the file that is returned is open, which it may be beside an error.
func (s *Store) makeHeld(dir string) (*os.File, error) {
	if err := s.disk.mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	hold, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return hold, s.hold(hold)
}

func (s *Store) hold(dir *os.File) error {
	return s.disk.do("lock", dir.Name(), func() error { return unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
}

// sweepHeld removes the folders of a kind in dir that no process holds.
func (s *Store) sweepHeld(dir string, is func(fs.DirEntry) bool, remove func(string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if !is(entry) {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		hold, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the process that made it has removed it
		}
		if err != nil {
			return err
		}
		if s.hold(hold) == nil {
			err = remove(path)
		}
		if err := errors.Join(err, hold.Close()); err != nil {
			return err
		}
	}
	return nil
}
