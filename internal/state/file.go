package state

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

// save puts a private file in its place, whole or not at all, and makes the folder that it is in, below ours, if need be. Each
// file has one writer at a time (the order lock, the ledger's lock).
func (s *State) save(path string, text []byte) error {
	if dir := filepath.Dir(path); dir != s.dir {
		err := failpoint.Do("state", "mkdir", func() error { return os.Mkdir(dir, 0o700) })
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	f, err := atomicfile.Create("state", path)
	if err != nil {
		return err
	}
	if err := atomicfile.PutDurably("state", f, path, text, 0o600); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a folder's own changes survive a loss of power.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := failpoint.Do("state", "fsync of folder", f.Sync); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}

// seal puts a checksum before a text.
func seal(text []byte) []byte { return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text) }

// unseal returns the text of a sealed line, and whether it is as it was written.
func unseal(line []byte) ([]byte, bool) {
	if len(line) < 9 || line[8] != ' ' {
		return nil, false
	}
	text := line[9:]
	return text, string(line[:8]) == fmt.Sprintf("%08x", crc32.ChecksumIEEE(text))
}

// exclusive keeps other goroutines and other processes out until unlock is called.
func (s *State) exclusive() (unlock func(), err error) {
	s.mu.Lock()
	release, err := s.lock()
	if err != nil {
		s.mu.Unlock()
		return nil, failed("%w", err)
	}
	return func() { release(); s.mu.Unlock() }, nil
}

// lock takes the ledger's lock, which the kernel drops when its holder ends, however that happens.
func (s *State) lock() (unlock func(), err error) {
	if err := failpoint.Hit("before ledger lock"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path("ledger.lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR { //nolint:errorlint // the system call's own
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return func() { _ = f.Close() }, nil
}
