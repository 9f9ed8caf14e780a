package lineage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// OrderLock says that one process, and one goroutine of it, is renewing a lineage.
type OrderLock struct {
	file *os.File
	disk *disk
}

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
		busy := &BusyError{Process: holder(f)}
		_ = f.Close() // nothing was written
		return nil, fault.Errorf(CodeLocked, fault.Temporary, "lineage: lock %s: %w", name, busy)
	}
	if err != nil {
		return nil, errors.Join(failed("lock "+name, err), f.Close())
	}
	_ = s.disk.do("write", path, func() error { // the number is a hint for people
		_ = f.Truncate(0)
		_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
		return err
	})
	return &OrderLock{f, s.disk}, nil
}

// BusyError is the cause of LockOrder's error when another run has the lock.
type BusyError struct{ Process int } // its number; 0 if it is not known

func (e *BusyError) Error() string {
	if e.Process == 0 {
		return "another run is at work on it"
	}
	return fmt.Sprintf("another run is at work on it (process %d)", e.Process)
}

// holder is the process that a lock's file names, a hint for people; 0 if it names none. A run writes its number when it has the lock,
// which another run may see before.
func holder(f *os.File) int {
	for range 10 {
		text := make([]byte, 20)
		n, _ := f.ReadAt(text, 0)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n]))); err == nil && pid > 0 {
			return pid
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0
}

// Unlock drops the lock. Closing alone is not enough: a process that another thread starts at this moment has a copy of the
// descriptor until it has become its program, and with it the lock (flock(2)).
func (l *OrderLock) Unlock() error {
	err := l.disk.do("unlock", l.file.Name(), func() error { return unix.Flock(int(l.file.Fd()), unix.LOCK_UN) })
	return failed("unlock", errors.Join(err, l.file.Close()))
}
