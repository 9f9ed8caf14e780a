//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package conoha

import (
	"errors"
	"io"
	"os"
	"syscall"

	"wildcard/internal/system/failpoint"
)

// locking says that files can be locked and their owners told here.
const locking = true

// readOwn reads a regular file that is ours, closed to others and not too large.
func readOwn(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case !ok || int(stat.Uid) != os.Geteuid():
		return nil, errors.New("not ours")
	case info.Mode().Perm() != 0o600:
		return nil, errors.New("open to others")
	case info.Size() > most:
		return nil, errors.New("too large")
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// openLock opens a lock file, which stays for good.
func openLock(path string) (*os.File, error) {
	if err := failpoint.Hit("before cache lock"); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// tryLock takes the lock if it is free. It ends when f is closed.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
