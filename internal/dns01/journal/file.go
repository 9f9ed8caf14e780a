package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/failpoint"
)

const (
	suffix    = ".json"
	newPrefix = ".new-"
	mostEntry = 64 << 10
)

func (j *Journal) path(e Entry) string { return filepath.Join(j.dir, e.ID+suffix) }

// write puts an entry in its place, whole or not at all.
func (j *Journal) write(e Entry) error {
	f, err := j.place(e)
	if f != nil {
		unlock(f)
	}
	return err
}

// place puts an entry in its place, whole or not at all, and returns its file, open and locked, if it is there. It may be there
// and not be durable: the error says so.
func (j *Journal) place(e Entry) (*os.File, error) {
	text, err := encode(e)
	if err != nil {
		return nil, failed(err)
	}
	f, err := j.create()
	if err != nil {
		return nil, failed(err)
	}
	err = failpoint.Do("journal", "write", func() error { _, err := f.Write(text); return err })
	if err == nil {
		err = failpoint.Do("journal", "fsync", f.Sync)
	}
	if err == nil {
		err = failpoint.Do("journal", "rename", func() error { return os.Rename(f.Name(), j.path(e)) })
	}
	if err != nil {
		_ = f.Close()
		_ = failpoint.Do("journal", "remove", func() error { return os.Remove(f.Name()) })
		return nil, failed(err)
	}
	return f, j.sync()
}

// create makes a file that is to become an entry. Its random name keeps any two writers apart, and its lock, which goes
// away with the writer, says that a process is still at it.
func (j *Journal) create() (*os.File, error) {
	if err := failpoint.Hit("before journal create"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(j.dir, newPrefix+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW,
		0o600)
	if err != nil {
		return nil, err
	}
	if err := failpoint.Do("journal", "chmod", func() error { return f.Chmod(0o600) }); err != nil { // a umask may take the owner's own bits away
		_ = f.Close()
		_ = failpoint.Do("journal", "remove", func() error { return os.Remove(f.Name()) })
		return nil, err
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // without locks, a minute must do (removeStale)
	return f, nil
}

// sync makes the folder's own changes survive a loss of power.
func (j *Journal) sync() error {
	dir, err := os.Open(j.dir)
	if err != nil {
		return failed(err)
	}
	defer dir.Close()
	if err := failpoint.Do("journal", "fsync of folder", dir.Sync); err != nil && !errors.Is(err, unix.EINVAL) { // some file systems cannot
		return failed(err)
	}
	return nil
}

// read reads one entry.
func (j *Journal) read(path string) (Entry, error) {
	f, err := j.open(path)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostEntry))
	if err != nil {
		return Entry{}, err
	}
	e, err := decode(text)
	if err == nil && e.ID+suffix != filepath.Base(path) {
		err = errors.New("it is the entry of another file")
	}
	return e, err
}

// open opens a regular file of ours and nothing else. It follows no link, and does not wait for a FIFO's other end.
func (j *Journal) open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("it is a link")
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("it is no regular file (%s)", info.Mode().Type())
	case !j.owns(info):
		err = fmt.Errorf("it belongs to another user (user %d)", info.Sys().(*syscall.Stat_t).Uid)
	case info.Size() > mostEntry:
		err = fmt.Errorf("it is larger than %d bytes", mostEntry)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removeStale removes a file that became no entry because its writer is dead: no process holds its lock. Between a file's making
// and its locking much less than a minute passes; if not, that writer's rename fails and it creates no record.
func (j *Journal) removeStale(path string) error {
	f, err := j.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || j.now().Sub(info.ModTime()) < time.Minute {
		return err
	}
	err = failpoint.Do("journal", "lock", func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	return failpoint.Do("journal", "remove", func() error { return os.Remove(path) })
}
