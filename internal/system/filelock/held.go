package filelock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
)

// mostHolder is how many bytes a holder may say of itself.
const mostHolder = 200

// Held is a set of locks that are held for minutes: each key has a file of its own, so none waits for another, and the file says
// who has it.
type Held struct{ dir, name string }

// NewHeld returns locks whose files are NAME-HASH.lock in dir, a private folder ([settings.PrivateDir]) that is made when it is
// needed. A file goes with its lock.
func NewHeld(dir, name string) *Held { return &Held{dir, name} }

// Lock waits for its turn at a key and returns what ends it; it ends with the process, too. Threads and processes keep each
// other out. holder says who we are, for those who wait for us; busy, if not nil, is told once who we wait for. Errors:
// CodeUnavailable (Temporary) when ctx ends before, CodeState if there are no locks to be had in the folder.
func (h *Held) Lock(ctx context.Context, key, holder string, busy func(holder string)) (unlock func(), err error) {
	hash := sha256.Sum256([]byte(key))
	name := h.name + "-" + hex.EncodeToString(hash[:8]) + ".lock"
	file, err := openLock(h.dir, name)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		err := failpoint.Do("lock", "take", func() error {
			return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		})
		switch {
		case err == nil && IsAt(file, filepath.Join(h.dir, name)):
			_ = write(file, holder[:min(len(holder), mostHolder)])
			return func() { h.release(file, name) }, nil
		case err == nil: // the one before has removed it
			_ = file.Close()
			if file, err = openLock(h.dir, name); err != nil {
				return nil, err
			}
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			_ = file.Close()
			return nil, fault.Errorf(fault.CodeState, fault.Misconfigured, "lock: %w", err)
		case busy != nil && errors.Is(err, syscall.EWOULDBLOCK):
			text, _ := io.ReadAll(io.NewSectionReader(file, 0, mostHolder))
			if len(text) > 0 || n >= 2 { // the holder may be about to write it
				busy(string(text))
				busy = nil
			}
		}
		select {
		case <-time.After(50*time.Millisecond + rand.N(50*time.Millisecond)):
		case <-ctx.Done():
			_ = file.Close()
			return nil, fault.Errorf(fault.CodeUnavailable, fault.Temporary,
				"another process has not done yet: %w", context.Cause(ctx))
		}
	}
}

// IsAt reports whether an open file is still the one at a path: a lock on one that was removed keeps no later one out.
func IsAt(file *os.File, path string) bool {
	own, err := file.Stat()
	there, thereErr := os.Lstat(path)
	return err == nil && thereErr == nil && os.SameFile(own, there)
}

// release removes the file of a lock that is held, and ends the lock. A file that cannot be removed says that nothing holds it. Where the
// file was deleted by others (/run may be), the one that is there now is another holder's.
func (h *Held) release(file *os.File, name string) {
	path := filepath.Join(h.dir, name)
	if IsAt(file, path) && failpoint.Do("lock", "remove", func() error { return os.Remove(path) }) != nil {
		_ = write(file, "")
	}
	_ = file.Close()
}

// write makes a lock file say who has it, which is a hint for people.
func write(file *os.File, holder string) error {
	return failpoint.Do("lock", "write", func() error {
		if err := file.Truncate(0); err != nil {
			return err
		}
		_, err := file.WriteAt([]byte(holder), 0)
		return err
	})
}

// openLock opens a lock file, which is made if it is not there.
func openLock(dir, name string) (*os.File, error) {
	if err := settings.PrivateDir(dir); err != nil {
		return nil, err
	}
	if err := failpoint.Hit("before lock"); err != nil {
		return nil, fault.Errorf(fault.CodeState, fault.Misconfigured, "lock: %w", err)
	}
	const flags = os.O_RDWR | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_CLOEXEC | syscall.O_NONBLOCK
	file, err := os.OpenFile(filepath.Join(dir, name), flags, 0o600)
	if err != nil {
		return nil, fault.Errorf(fault.CodeState, fault.Misconfigured, "lock: %w", err)
	}
	return file, nil
}
