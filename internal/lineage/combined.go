package lineage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"wildcard/internal/fault"
)

// WriteCombined writes key, certificate and chain into one file, as HAProxy and others want it: 0600, in one instant, also to
// another file system than the store's. A file that is there is replaced, not written into, so another name of it keeps what it
// has; its group and read bits go to the new one if it is ours alone. Refused, CodeUnsafe, are paths that a user other than
// root and us could redirect: a directory on the way, links followed, that belongs to others or that others may write to, and a
// link or directory at the path itself. Callers hold the lineage's [OrderLock].
func (s *Store) WriteCombined(path string, set Set) error {
	refuse := func(why error) error {
		return fault.Errorf(CodeUnsafe, fault.Misconfigured, "lineage: write combined file %s: %w", fault.Excerpt(path), why)
	}
	parent, base := filepath.Split(path) // not cleaned: link/.. is not here
	if !filepath.IsAbs(path) || base == "" || base == "." || base == ".." {
		return refuse(errors.New("not the absolute path of a file"))
	}
	dir, err := safeDir(parent)
	if err != nil {
		return refuse(err)
	}
	path = filepath.Join(dir, base)
	own := plain(0o600)
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return failed("write combined file", err)
	case !info.Mode().IsRegular():
		return refuse(errors.New("something other than a file is there"))
	default:
		stat := info.Sys().(*syscall.Stat_t)
		if stat.Nlink == 1 && int(stat.Uid) == os.Geteuid() {
			own.mode, own.gid = own.mode|stat.Mode&keyBits, int(stat.Gid)
		}
	}
	text := slices.Concat(set.Key, set.Cert, set.Chain)
	if len(set.Key) == 0 {
		return badSet(errors.New("no key"))
	}
	return failed("write combined file", s.disk.replace(path, text, own))
}

// safeDir follows a path and returns the directory without links in it. In every directory on the way in which a name is looked
// up, only root and we must be able to change names; in one with the sticky bit, such as /tmp, others cannot change ours. The
// last one, in which the file goes, has to be without others' writing at all.
func safeDir(path string) (string, error) { return follow(path, true) }

// follow is [safeDir], where the last directory may be one like the others unless it is to be closed.
func follow(path string, closed bool) (string, error) {
	at := "/"
	rest := strings.Split(strings.Trim(path, "/"), "/")
	for links := 0; len(rest) > 0; {
		if err := safe(at, false); err != nil {
			return "", err
		}
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > 40 {
			return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 && int(uid) != os.Geteuid() {
			return "", &UnsafeError{fmt.Sprintf("the link %s belongs to user %d", next, uid), "chown -h root", next}
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, safe(at, closed)
}

func safe(dir string, last bool) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return &UnsafeError{fmt.Sprintf("%s belongs to user %d, who could replace the file", dir, stat.Uid),
			"chown root", dir}
	case info.Mode().Perm()&0o022 != 0 && (last || info.Mode()&fs.ModeSticky == 0):
		return &UnsafeError{fmt.Sprintf("others may write to %s, and could replace the file", dir), "chmod go-w", dir}
	}
	return nil
}

// UnsafeError is why others could change what is read or written, and the command that ends it.
type UnsafeError struct{ why, command, path string }

func (e *UnsafeError) Error() string { return e.why + ": " + e.Fix() }

// Fix is the command.
func (e *UnsafeError) Fix() string { return e.command + " " + Quote(e.path) }
