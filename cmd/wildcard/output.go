package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wildcard/failpoint"
	"wildcard/providers"
)

// output writes a file that a flag named.
func output(flag, path string, text []byte) error {
	if err := writeFile(path, text); err != nil {
		if inner, ok := errors.AsType[*fs.PathError](err); ok {
			err = inner.Err // which is of a name that only we know
		}
		return providers.Errorf(codeOutput, providers.Failed, "%s %s: %w", flag, path, err)
	}
	return nil
}

// writeFile writes a file whole or not at all, 0644. The name in between begins with a dot and has no ending, so that who
// reads all files of a folder passes it over.
func writeFile(path string, text []byte) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w and is no regular file", fs.ErrExist)
	}
	if err := failpoint.Hit("before output create"); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".wildcard-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = failpoint.Do("output", "remove", func() error { return os.Remove(f.Name()) })
		}
	}()
	err = failpoint.Do("output", "write", func() error { _, err := f.Write(text); return err })
	err = errors.Join(err, failpoint.Do("output", "chmod", func() error { return f.Chmod(0o644) }), failpoint.Do("output", "fsync", f.Sync), failpoint.Do("output", "close", f.Close))
	if err != nil {
		return err
	}
	return failpoint.Do("output", "rename", func() error { return os.Rename(f.Name(), path) })
}
