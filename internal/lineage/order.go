package lineage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// OrderLock says that one process, and one goroutine of it, is renewing a lineage.
type OrderLock struct{ file *os.File }

// LockOrder takes the lock that keeps two runs from ordering the same lineage at once; the lineage need not exist yet. It does
// not wait: when another run has the lock, the error is CodeLocked, Temporary, and names that run's process. The lock is on a
// file in the run directory, which is never removed; the kernel drops it when its holder ends, however that happens.
func (s *Store) LockOrder(name string) (*OrderLock, error) {
	if _, err := ParseName(name); err != nil {
		return nil, err
	}
	if err := s.disk.mkdir(s.runDir, 0o700); err != nil {
		return nil, failed("lock "+name, err)
	}
	which := sha256.Sum256([]byte(s.dir)) // several configuration directories may share one run directory
	path := filepath.Join(s.runDir, "lineage-"+name+"-"+hex.EncodeToString(which[:4])+".lock")
	var f *os.File
	err := s.disk.do("lock", path, func() (err error) {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		return err
	})
	if err != nil {
		return nil, failed("lock "+name, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file; remove it", path)
	}
	if err == nil && info.Mode().Perm()&0o600 != 0o600 {
		_ = s.disk.do("chmod", path, func() error { return f.Chmod(0o600) }) // under a strange umask; its maker can
	}
	if err == nil {
		err = s.disk.do("lock", path, func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // only a hint
		_ = f.Close()                                  // nothing was written
		return nil, fault.Errorf(CodeLocked, fault.Temporary, "lineage: lock %s: another run is at work on it (process %s)",
			name, fault.Excerpt(strings.TrimSpace(string(holder))))
	}
	if err != nil {
		return nil, errors.Join(failed("lock "+name, err), f.Close())
	}
	_ = s.disk.do("write", path, func() error { // the number is a hint for people
		_ = f.Truncate(0)
		_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
		return err
	})
	return &OrderLock{f}, nil
}

// Unlock drops the lock.
func (l *OrderLock) Unlock() error { return failed("unlock", l.file.Close()) }
