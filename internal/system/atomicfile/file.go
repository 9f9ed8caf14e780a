// Package atomicfile has files take their places whole or not at all: who reads at a path sees the old file or the new one, whatever
// happens to the writer. The caller makes the new file, in the folder where it is to be, since whose names and what rights it may
// have differs from one kind to the next. Subjects name the fail points (package failpoint).
package atomicfile

import (
	"errors"
	"io/fs"
	"os"

	"wildcard/internal/system/failpoint"
)

// Put writes text to a new file and puts it at path. A machine that loses its power may lose both the old and the new. If
// something fails, the new file is removed.
func Put(subject string, f *os.File, path string, text []byte) error {
	return put(subject, f, path, write(subject, f, text))
}

// PutDurably is [Put] of a file with the given mode, whatever the umask says, whose text is on the disk before it is in its place.
func PutDurably(subject string, f *os.File, path string, text []byte, mode fs.FileMode) error {
	return put(subject, f, path, errors.Join(
		write(subject, f, text),
		failpoint.Do(subject, "chmod", func() error { return f.Chmod(mode) }),
		failpoint.Do(subject, "fsync", f.Sync),
	))
}

func write(subject string, f *os.File, text []byte) error {
	return failpoint.Do(subject, "write", func() error { _, err := f.Write(text); return err })
}

// put ends the writing, of which err came, and renames the file or removes it.
func put(subject string, f *os.File, path string, err error) error {
	err = errors.Join(err, failpoint.Do(subject, "close", f.Close))
	if err == nil {
		err = failpoint.Do(subject, "rename", func() error { return os.Rename(f.Name(), path) })
	}
	if err == nil {
		return nil
	}
	removeErr := failpoint.Do(subject, "remove", func() error { return os.Remove(f.Name()) })
	if errors.Is(removeErr, fs.ErrNotExist) {
		removeErr = nil
	}
	return errors.Join(err, removeErr)
}
