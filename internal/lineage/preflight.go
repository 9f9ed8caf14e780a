package lineage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

// What must be free before anything is ordered: a certificate that cannot be stored is a wasted one.
const (
	leastBytes  = 1 << 20
	leastInodes = 16
)

// Preflight finds out, before anything is ordered or created, whether a certificate could be stored: the directories that
// exist are directories, writable for us, and their file systems have 1 MiB and 16 inodes free, and no other user could change a
// .conf there ([Lineage.Unsafe]). Where nothing exists yet, the nearest directory above counts. One small file is written and removed
// again, since quotas show in no other way. Errors are CodeStore, CodeFull or CodeUnsafe, Misconfigured.
func (s *Store) Preflight() error { return s.everyDir(s.usable) }

// Check is [Store.Preflight] without the small file, so that nothing is written; it does not see quotas.
func (s *Store) Check() error { return s.everyDir(s.fit) }

// everyDir checks the directories of the store, or the nearest above them.
func (s *Store) everyDir(check func(dir string) error) error {
	unsure := s.closed()
	if fault.CodeOf(unsure) == CodeUnsafe {
		return unsure
	}
	for _, name := range []string{"", "live", "archive", "renewal"} {
		dir := filepath.Join(s.dir, name)
		if err := linkedDir(dir); fault.CodeOf(err) == CodeUnsafe && name != "" {
			return err
		}
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return fault.Errorf(CodeStore, fault.Misconfigured, "lineage: check %s: it must be a directory", dir)
		}
		for {
			err := check(dir)
			if errors.Is(err, fs.ErrNotExist) && dir != "/" {
				dir = filepath.Dir(dir)
				continue
			}
			if err != nil {
				return failed("check "+dir, err)
			}
			break
		}
	}
	return unsure
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

// usable reports whether a file can be written there, by writing one.
func (s *Store) usable(dir string) error {
	if err := s.fit(dir); err != nil {
		return err
	}
	probe := filepath.Join(dir, ".wildcard-probe-"+random())
	return errors.Join(s.disk.create(probe, make([]byte, 4096), plain(0o600)), s.disk.remove(probe))
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
