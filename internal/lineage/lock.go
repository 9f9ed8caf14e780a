package lineage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/system/filelock"
)

// lockName is the file that certbot locks in its configuration directory while it runs (certbot/_internal/lock.py).
const lockName = ".certbot.lock"

// DefaultLockWait is how long a writer waits for certbot's lock.
const DefaultLockWait = 10 * time.Minute

// lock takes certbot's lock, and drops it when the function it returns is called. certbot uses POSIX record locks (lockf),
// with which open file description locks conflict, while flock(2) would be invisible to it; unlike POSIX locks, ours do not
// vanish when some other descriptor of the file is closed, and hold against other goroutines too.
//
// Waiting ends with ctx or after the store's LockWait: CodeLocked, Temporary.
func (s *Store) lock(ctx context.Context) (unlock func() error, err error) {
	wait, cancel := context.WithTimeoutCause(ctx, s.lockWait, errLockWait)
	defer cancel()
	select {
	case s.writer <- struct{}{}: // within this process no goroutine polls
	case <-wait.Done():
		return nil, locked(wait)
	}
	f, err := s.lockFile(wait)
	if err != nil {
		<-s.writer
		return nil, err
	}
	return func() error {
		defer func() { <-s.writer }()
		return s.unlock(f)
	}, nil
}

var errLockWait = errors.New("certbot, or another run of wildcard, has held the lock all that time")

func locked(wait context.Context) error {
	return fault.Errorf(CodeLocked, fault.Temporary, "lineage: lock: %w", context.Cause(wait))
}

func (s *Store) lockFile(wait context.Context) (*os.File, error) {
	path := filepath.Join(s.dir, lockName)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		f, err := s.tryLock(path)
		if err != nil {
			return nil, failed("lock", err)
		}
		if f != nil {
			return f, nil
		}
		select {
		case <-wait.Done():
			return nil, locked(wait)
		case <-time.After(pause):
		}
	}
}

// tryLock returns nil when another process has the lock. The one that drops it removes the file, so a lock counts only on the file
// that is at the path afterwards.
func (s *Store) tryLock(path string) (*os.File, error) {
	var f *os.File
	err := s.disk.do("lock", path, func() (err error) {
		// O_RDWR and O_NONBLOCK: opening a FIFO does not wait.
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "lock", Path: path, Err: errors.New("not a regular file; remove it")}
	}
	if err == nil && info.Mode().Perm()&0o600 != 0o600 {
		_ = s.disk.do("chmod", path, func() error { return f.Chmod(0o600) }) // under a strange umask; its maker can
	}
	if err == nil {
		err = s.disk.do("lock", path, func() error {
			return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		})
	}
	switch {
	case err == nil && filelock.IsAt(f, path):
		return f, nil
	case err == nil, errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES) && info != nil && info.Mode().IsRegular():
		return nil, f.Close()
	default:
		return nil, errors.Join(err, f.Close())
	}
}

func (s *Store) unlock(f *os.File) error {
	path := filepath.Join(s.dir, lockName)
	var err error
	if filelock.IsAt(f, path) { // removed before it is dropped: no process can lock it in between and believe that it counts
		err = s.disk.remove(path)
	}
	return failed("unlock", errors.Join(err, f.Close()))
}
