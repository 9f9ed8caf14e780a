package lineage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/system/filelock"
	"wildcard/internal/system/safepath"
)

// What must be free before anything is ordered: a certificate that cannot be stored is a wasted one.
const (
	leastBytes  = 1 << 20
	leastInodes = 16
)

// Preflight finds out, before anything is ordered or created, whether a certificate could be stored, by doing what storing does: in each of
// its folders, or the nearest one above, with the same calls, on what is removed again. l is the lineage that it is for, nil for a
// new one. Where all of that went well a minute ago, only room and permissions are looked at. No other user may be able to change a
// .conf there ([Lineage.Unsafe]). Errors are CodeStore, CodeFull or CodeUnsafe, Misconfigured.
func (s *Store) Preflight(l *Lineage) error {
	unsure := s.closed()
	if fault.CodeOf(unsure) == CodeUnsafe {
		return unsure
	}
	places, err := s.places(l)
	for _, p := range places {
		if err == nil {
			err = s.preflight(p)
		}
	}
	return cmp.Or(err, unsure)
}

// PreflightAccount is [Store.Preflight] for an account at a server: one that cannot be stored is not to be registered.
func (s *Store) PreflightAccount(server string) error {
	dir, err := s.accountsDir(server)
	if err != nil {
		return err
	}
	if err := s.preflight(place{"lock", s.dir, s.tryLocking}); err != nil {
		return err
	}
	return s.preflight(place{"account", dir, s.tryAccount})
}

// place is a folder that is written to, and what is done there.
type place struct {
	what, dir string
	try       func(probe string) error // in a folder of its own
}

func (s *Store) places(l *Lineage) ([]place, error) {
	archive, key := filepath.Join(s.dir, "archive"), plain(0o600)
	if l != nil && l.Owned() {
		archive = s.archiveDir(l.Name)
		var err error
		if key, err = l.keyOwner(); err != nil {
			return nil, failed("check "+archive, err)
		}
	}
	return []place{
		{"lock", s.dir, s.tryLocking},
		{"live", filepath.Join(s.dir, "live"), s.trySwitch},
		{"archive", archive, func(probe string) error { return s.tryVersion(probe, key) }},
		{"renewal", filepath.Join(s.dir, "renewal"), s.tryReplace},
	}, nil
}

// preflight tries a place.
func (s *Store) preflight(p place) error {
	if err := linkedDir(p.dir); fault.CodeOf(err) == CodeUnsafe && p.dir != s.dir {
		return err
	}
	for {
		info, err := os.Stat(p.dir)
		_, there := os.Lstat(p.dir)
		if err == nil && !info.IsDir() || errors.Is(err, fs.ErrNotExist) && there == nil { // a link to nothing
			return fault.Errorf(CodeStore, fault.Misconfigured, "lineage: check %s: it must be a directory", p.dir)
		}
		if err == nil {
			err = s.fit(p.dir)
		}
		if errors.Is(err, fs.ErrNotExist) && p.dir != "/" {
			p.dir = filepath.Dir(p.dir)
			continue
		}
		if err == nil {
			err = s.tryOnce(p)
		}
		return failed("check "+p.dir, err)
	}
}

// triedFor is for how long a try that went well is not made again, so that many certificates of one run cost one.
const triedFor = time.Minute

// tried is when a place was tried ([Store.Preflight]), by what it is for and where it is.
type tried struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (s *Store) tryOnce(p place) error {
	s.tried.mu.Lock()
	defer s.tried.mu.Unlock()
	what := p.what + p.dir
	if at, ok := s.tried.at[what]; ok && s.now().Sub(at).Abs() < triedFor {
		return nil
	}
	err := s.probe(p)
	if err == nil {
		s.tried.at[what] = s.now()
	}
	return err
}

const probePrefix = ".wildcard-probe-"

// probe makes a folder in p.dir, tries what is to be tried in it, and removes it, with those that a crash left.
func (s *Store) probe(p place) (err error) {
	if err := s.sweepHeld(p.dir, isProbe, s.removeProbe); err != nil {
		s.log.Debug("earlier probes not removed", "error", err)
	}
	var probe string
	var hold *os.File
	for range 10 { // another process may sweep it before it is held
		probe = filepath.Join(p.dir, probePrefix+random())
		hold, err = s.makeHeld(probe)
		swept := errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EAGAIN)
		if err == nil && filelock.IsAt(hold, probe) || err != nil && !swept {
			break
		}
		_ = hold.Close() // a directory
	}
	if hold != nil {
		defer hold.Close()
	}
	if err == nil {
		err = p.try(probe)
	}
	return errors.Join(err, s.removeProbe(probe))
}

// removeProbe removes a probe with all that the tries make in it.
func (s *Store) removeProbe(probe string) error {
	entries, err := os.ReadDir(probe)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, s.clear(filepath.Join(probe, entry.Name())))
		}
	}
	return errors.Join(err, s.clear(probe))
}

// tryLocking is what [Store.lock] does.
func (s *Store) tryLocking(probe string) error {
	f, err := s.tryLock(filepath.Join(probe, lockName))
	if err != nil {
		return err
	}
	return f.Close()
}

// trySwitch is what [Store.firstLive] and [Store.switchTo] do.
func (s *Store) trySwitch(probe string) error {
	one, two := filepath.Join(probe, "one"), filepath.Join(probe, "two")
	for _, dir := range []string{one, two} {
		if err := s.disk.mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := s.disk.symlink("cert1.pem", filepath.Join(dir, "cert.pem")); err != nil {
			return err
		}
	}
	err := s.disk.exchange(one, two)
	if notExchanged(err) {
		next := filepath.Join(one, "next.pem")
		if err = s.disk.symlink("cert2.pem", next); err == nil {
			err = s.disk.rename(next, filepath.Join(one, "cert.pem"))
		}
	}
	if err == nil {
		err = s.disk.renameNew(one, filepath.Join(probe, "three"))
	}
	if err == nil {
		err = s.disk.sync(probe)
	}
	return err
}

// tryVersion is what [Store.newStage] and [Store.number] do, with the owner that a key is to have.
func (s *Store) tryVersion(probe string, key owner) error {
	for name, own := range map[string]owner{"cert.pem": plain(0o644), "privkey.pem": key} {
		from := filepath.Join(probe, name)
		if err := s.disk.create(from, make([]byte, 4096), own); err != nil {
			return err
		}
		if err := s.disk.linkOrRename(from, from+".1"); err != nil {
			return err
		}
	}
	return s.disk.sync(probe)
}

// tryReplace is what becomes of a .conf.
func (s *Store) tryReplace(probe string) error {
	path := filepath.Join(probe, "conf")
	for range 2 {
		if err := s.disk.replace(path, make([]byte, 4096), plain(0o644)); err != nil {
			return err
		}
	}
	return nil
}

// tryAccount is what [Store.writeAccount] does.
func (s *Store) tryAccount(probe string) error {
	stage := filepath.Join(probe, "stage")
	err := s.disk.mkdir(stage, 0o700)
	if err == nil {
		err = s.disk.create(filepath.Join(stage, "private_key.json"), make([]byte, 4096), plain(0o400))
	}
	if err == nil {
		err = s.disk.renameNew(stage, filepath.Join(probe, "account"))
	}
	if err == nil {
		err = s.disk.sync(probe)
	}
	return err
}

// closed is an error if another user could change a .conf of a lineage that is made now, as [Lineage.Unsafe] would find afterwards: then
// it could not be renewed. Directories that are not there yet are made for us alone, so a sticky bit above them is enough.
func (s *Store) closed() error {
	dir, last := filepath.Join(s.dir, "renewal"), safepath.ClosedDir
	for {
		_, err := safepath.Look(dir, last)
		if errors.Is(err, fs.ErrNotExist) && dir != "/" {
			dir, last = filepath.Dir(dir), safepath.Dir
			continue
		}
		if _, ok := errors.AsType[*safepath.Error](err); ok {
			return fault.Errorf(CodeUnsafe, fault.Misconfigured,
				"lineage: make renewal/NAME.conf, whose hooks would be run: %w", err)
		}
		return failed("check "+dir, err)
	}
}

// fit reports whether there is room, and whether we may write.
func (s *Store) fit(dir string) error {
	var fsys unix.Statfs_t
	if err := unix.Statfs(dir, &fsys); err != nil {
		return &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if fsys.Flags&unix.ST_RDONLY != 0 {
		return &fs.PathError{Op: "statfs", Path: dir, Err: unix.EROFS}
	}
	if err := enough(fsys); err != nil {
		return err
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "access", Path: dir, Err: err}
	}
	return nil
}

// enough compares what is free to us; a file system that counts no inodes (btrfs) has Files 0.
func enough(fsys unix.Statfs_t) error {
	if free := fsys.Bavail * uint64(fsys.Bsize); free < leastBytes {
		return fmt.Errorf("%d KiB are free, 1024 are needed: %w", free>>10, unix.ENOSPC)
	}
	if fsys.Files != 0 && fsys.Ffree < leastInodes {
		return fmt.Errorf("%d inodes are free, %d are needed: %w", fsys.Ffree, leastInodes, unix.ENOSPC)
	}
	return nil
}

func isProbe(entry fs.DirEntry) bool {
	return entry.IsDir() && strings.HasPrefix(entry.Name(), probePrefix)
}
