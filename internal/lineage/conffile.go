package lineage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

// confFile is where the .conf of a lineage is: renewal/NAME.conf, or, where that is a link, the file that it leads to, without links
// in its path. certbot follows such links, and the lines of the file run as root, so it is read only if no user but root and us can
// change where it leads or what is there; else CodeUnsafe.
func (s *Store) confFile(name string) (string, error) {
	path := s.confPath(name)
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, err
	}
	file, err := safeFile(path)
	if err != nil {
		return "", fault.Errorf(CodeUnsafe, fault.Misconfigured,
			"lineage: read %s: %s is a link, and is not followed: %w", name, path, err)
	}
	return file, nil
}

// Unsafe is why no line of a lineage's .conf may be run, nil if they may: another user could change the file, or the folders that it is
// in, or that none can is not known (CodeUnsafe). It is shown all the same. One that was deleted meanwhile has no lines.
func (l *Lineage) Unsafe() error {
	path := l.store.confPath(l.Name)
	_, err := safeFile(path)
	if err == nil {
		return nil
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fault.Errorf(CodeUnsafe, fault.Misconfigured,
		"lineage: use renewal/%s.conf, whose hooks would be run: %w", l.Name, err)
}

// safeFile is where a file is, without links in its path. No other user may be able to change it, or to make names beside it.
func safeFile(path string) (string, error) {
	found, err := safepath.Look(path, safepath.ClosedFile)
	return found.Path, missingTarget(err)
}

// missingTarget says of a link that leads nowhere what is missing, and is no [fs.ErrNotExist]: the lineage itself is there.
func missingTarget(err error) error {
	if missing, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it leads to %s, which is not there", missing.Path)
	}
	return err
}
