//go:build unix

package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wildcard/internal/system/failpoint"
)

// Read reads a regular file of at most limit bytes. It follows no link and does not wait on a FIFO.
func Read(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() > limit) {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("not a regular file of at most %d bytes", limit)}
	}
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return text, info, err
}

// Create makes the private file that is to take its place at path; one that a killed writer left there is removed.
// Its name is always the same, so that a crash leaves one file at most; a path has one writer at a time.
func Create(subject, path string) (*os.File, error) {
	next := temporary(path)
	if err := removeFile(subject, next); err != nil {
		return nil, err
	}
	if err := failpoint.Hit("before " + subject + " create"); err != nil {
		return nil, err
	}
	return os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
}

// Remove removes the file at path and what [Create] may have left beside it; there need not be either.
func Remove(subject, path string) error {
	return errors.Join(removeFile(subject, temporary(path)), removeFile(subject, path))
}

func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path))
}

func removeFile(subject, path string) error {
	err := failpoint.Do(subject, "remove", func() error { return os.Remove(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
