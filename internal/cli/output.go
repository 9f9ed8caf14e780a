package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wildcard/internal/fault"
	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

// output writes a file that a flag named.
func output(flag, path string, text []byte) error {
	if err := writeFile(path, text); err != nil {
		if inner, ok := errors.AsType[*fs.PathError](err); ok {
			err = inner.Err // which is of a name that only we know
		}
		return fault.Errorf(codeOutput, fault.Failed, "%s %s: %w", flag, path, err)
	}
	return nil
}

// writeFile writes a file whole or not at all, 0644. The name in between begins with a dot and has no ending, so that who
// reads all files of a folder passes it over.
func writeFile(path string, text []byte) error {
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
	return atomicfile.PutDurably("output", f, path, text, 0o644)
}
