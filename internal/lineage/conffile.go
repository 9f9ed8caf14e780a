package lineage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wildcard/internal/fault"
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

// onlyOurs is an error if a file, or a link itself, belongs to another user, or if others may write to the file.
func onlyOurs(path string, info fs.FileInfo) error {
	switch uid := info.Sys().(*syscall.Stat_t).Uid; {
	case uid != 0 && int(uid) != os.Geteuid():
		command := "chown root"
		if info.Mode()&fs.ModeSymlink != 0 {
			command = "chown -h root"
		}
		return &UnsafeError{fmt.Sprintf("%s belongs to user %d", path, uid), command, path}
	case info.Mode().IsRegular() && info.Mode().Perm()&0o022 != 0:
		return &UnsafeError{"others may write to " + path, "chmod go-w", path}
	}
	return nil
}

// safeFile follows the links at the end of a path and returns the file's own, without links in it. Every folder on the way, every
// link and the file must be root's or ours, and no other user may write to the file or to a
// folder that has a name of it.
func safeFile(path string) (string, error) {
	start := path
	for range 40 {
		parent, base := filepath.Split(path) // not cleaned: link/.. is not here
		dir, err := safeDir(parent)
		if err != nil {
			return "", missingTarget(parent, err)
		}
		path = filepath.Join(dir, base)
		info, err := os.Lstat(path)
		if err != nil {
			return "", missingTarget(path, err)
		}
		if err := onlyOurs(path, info); err != nil {
			return "", err
		}
		switch {
		case info.Mode().IsRegular():
			return path, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return "", fmt.Errorf("%s is not a file", path)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = dir + "/" + target
		}
		path = target
	}
	return "", &fs.PathError{Op: "open", Path: start, Err: syscall.ELOOP}
}

// missingTarget says of a link that leads nowhere what is missing, and is no [fs.ErrNotExist]: the lineage itself is there.
func missingTarget(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it leads to %s, which is not there", path)
	}
	return err
}
