package lineage

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/safepath"
)

// disk makes every change to the file system. Each is one step, named by what it does and to which path; tests fail or stop at
// each of them.
type disk struct {
	step  func(op, path string) error // nil outside tests
	flush func(*os.File) error        // (*os.File).Sync outside tests
}

func (d *disk) do(op, path string, f func() error) error {
	if d.step != nil {
		if err := d.step(op, path); err != nil {
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
	}
	err := failpoint.Do("lineage", op, f)
	if errno, ok := err.(unix.Errno); ok { //nolint:errorlint // only a bare one lacks what it is about
		return &fs.PathError{Op: op, Path: path, Err: errno}
	}
	return err
}

// mkdir makes one directory; the umask has no say in its mode. It is no error when there is a directory already.
func (d *disk) mkdir(path string, mode fs.FileMode) error {
	err := d.do("mkdir", path, func() error { return os.Mkdir(path, 0o700) })
	if errors.Is(err, fs.ErrExist) {
		return realDir(path)
	}
	if err != nil {
		return err
	}
	dir, err := safepath.Change(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return d.do("chmod", path, func() error { return dir.Chmod(uint32(mode.Perm())) })
}

// realDir is an error unless path is a directory and no link to one.
func realDir(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: unix.ENOTDIR}
	}
	return err
}

// owner is what a new file gets beyond its bytes.
type owner struct {
	mode     uint32
	uid, gid int    // -1: as the system gives them
	acl      []byte // system.posix_acl_access; nil for none
}

func plain(mode uint32) owner { return owner{mode: mode, uid: -1, gid: -1} }

const accessACL = "system.posix_acl_access"

// create writes a new file, synced; it never opens one that is there.
func (d *disk) create(path string, data []byte, o owner) (err error) {
	var f *os.File
	err = d.do("create", path, func() error {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			_ = f.Close() // the error that is returned came first
		}
	}()
	if o.uid >= 0 || o.gid >= 0 {
		if err := d.do("chown", path, func() error { return f.Chown(o.uid, o.gid) }); err != nil {
			return err
		}
	}
	if err := d.do("chmod", path, func() error { return unix.Fchmod(int(f.Fd()), o.mode) }); err != nil {
		return err
	}
	if o.acl != nil {
		if err := d.do("setxattr", path, func() error {
			return unix.Fsetxattr(int(f.Fd()), accessACL, o.acl, 0)
		}); err != nil {
			return err
		}
	}
	half := data[:len(data)/2] // as on a disk that fills up
	if err := d.do("write", path, func() error { _, err := f.Write(half); return err }); err != nil {
		return err
	}
	if err := d.do("write", path, func() error { _, err := f.Write(data[len(half):]); return err }); err != nil {
		return err
	}
	if err := d.do("fsync", path, func() error { return d.flush(f) }); err != nil {
		return err
	}
	closed = true
	return d.do("close", path, f.Close)
}

// replace puts a file in place of what is at path, in one instant: temporary file, fsync, rename, fsync of the directory. The
// temporary name is always the same, so that a crash leaves one file at most; callers hold a lock.
func (d *disk) replace(path string, data []byte, o owner) error {
	next := temporary(path)
	err := d.remove(next)
	if err == nil {
		err = d.create(next, data, o)
	}
	if err == nil {
		err = d.rename(next, path)
	}
	if err != nil {
		return errors.Join(err, d.remove(next))
	}
	return d.sync(filepath.Dir(path))
}

func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), ".wildcard-"+filepath.Base(path)+".new")
}

// sync makes the entries of a directory durable.
func (d *disk) sync(dir string) error {
	return d.do("fsync", dir, func() error {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		return errors.Join(d.flush(f), f.Close())
	})
}

func (d *disk) link(from, to string) error {
	return d.do("link", to, func() error { return unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, to, 0) })
}

// linkOrRename gives a file a second name, or, where the file system has no hard links (FUSE, some of CIFS and AFS), another one.
func (d *disk) linkOrRename(from, to string) error {
	err := d.link(from, to)
	if withoutLinks(err) {
		return d.renameNew(from, to)
	}
	return err
}

// withoutLinks reports whether an error is that of a file system that cannot give a file a second name, or not in another directory
// (link(2)).
func withoutLinks(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) ||
		errors.Is(err, unix.EXDEV)
}

func (d *disk) symlink(target, path string) error {
	return d.do("symlink", path, func() error { return os.Symlink(target, path) })
}

func (d *disk) rename(from, to string) error {
	return d.do("rename", to, func() error { return os.Rename(from, to) })
}

// renameNew renames to a name that must be free. Where the file system cannot see to that itself, certbot's lock, which the callers
// hold, has to be enough.
func (d *disk) renameNew(from, to string) error {
	err := d.do("rename", to, func() error {
		return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	})
	if !withoutFlags(err) {
		return err
	}
	switch _, there := os.Lstat(to); {
	case there == nil:
		return &fs.PathError{Op: "rename", Path: to, Err: unix.EEXIST}
	case !errors.Is(there, fs.ErrNotExist):
		return there
	}
	return d.rename(from, to)
}

// withoutFlags reports whether an error is that of a file system whose renameat2 knows no flags: NFS, ZFS before 2.2, GlusterFS, 9p
// and most of FUSE say EINVAL (renameat2(2)), old kernels ENOSYS.
func withoutFlags(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}

func (d *disk) exchange(a, b string) error {
	return d.do("exchange", b, func() error {
		return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	})
}

// notExchanged reports whether two directories cannot be exchanged where they are.
func notExchanged(err error) bool {
	return withoutFlags(err) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EBUSY)
}

// remove removes a file, link or empty directory; one that is not there is no error.
func (d *disk) remove(path string) error {
	err := d.do("remove", path, func() error { return os.Remove(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// mostFile is more than any file of a lineage or account has, in bytes.
const mostFile = 1 << 20

func readFile(path string) ([]byte, fs.FileInfo, error) { return atomicfile.Read(path, mostFile) }

func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
