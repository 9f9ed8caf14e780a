package lineage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

// Combined is key, certificate and chain in one, as HAProxy and others want it.
func (s Set) Combined() ([]byte, error) {
	if len(s.Key) == 0 {
		return nil, badSet(errors.New("no key"))
	}
	return slices.Concat(s.Key, s.Cert, s.Chain), nil
}

// Export writes a file with a key in it for a server: 0600, in one instant, also to
// another file system than the store's. A file that is there is replaced, not written into, so another name of it keeps what it
// has; its group and read bits go to the new one if it is ours alone. Refused, CodeUnsafe, are paths that a user other than
// root and us could redirect: a directory on the way, links followed, that belongs to others or that others may write to, and a
// link or directory at the path itself. Callers hold the lineage's [OrderLock].
func (s *Store) Export(path string, text []byte) error {
	refuse := func(why error) error {
		return fault.Errorf(CodeUnsafe, fault.Misconfigured, "lineage: write file %s: %w", fault.Excerpt(path), why)
	}
	parent, base := filepath.Split(path) // not cleaned: link/.. is not here
	if !filepath.IsAbs(path) || base == "" || base == "." || base == ".." {
		return refuse(errors.New("not the absolute path of a file"))
	}
	dir, err := safepath.Look(parent, safepath.ClosedDir)
	if err != nil {
		return refuse(err)
	}
	path = filepath.Join(dir.Path, base)
	own := plain(0o600)
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return failed("write file", err)
	case !info.Mode().IsRegular():
		return refuse(errors.New("something other than a file is there"))
	default:
		stat := info.Sys().(*syscall.Stat_t)
		if stat.Nlink == 1 && int(stat.Uid) == os.Geteuid() {
			own.mode, own.gid = own.mode|stat.Mode&keyBits, int(stat.Gid)
		}
	}
	return failed("write file", s.disk.replace(path, text, own))
}
