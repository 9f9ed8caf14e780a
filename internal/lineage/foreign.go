package lineage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/safepath"
)

// build makes live/.wildcard-NAME with links to a version and all that live/NAME has besides. It returns what was
// foreign to us, by name. What cannot be kept is errNotLinkable.
func (s *Store) build(name string, n int, like fs.FileInfo) (map[string]fs.FileInfo, error) {
	live, hidden := s.liveDir(name), s.hiddenDir(name)
	if err := s.clear(hidden); err != nil {
		return nil, err
	}
	if err := s.disk.mkdir(hidden, 0o700); err != nil {
		return nil, err
	}
	if err := s.newLinks(hidden, "", name, n); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(live)
	if err != nil {
		return nil, err
	}
	foreign := map[string]fs.FileInfo{}
	for _, entry := range entries {
		as, err := nameBeside(entry)
		if err != nil {
			return nil, err
		}
		if as == "" {
			continue
		}
		if err := s.linkFile(filepath.Join(live, entry.Name()), filepath.Join(hidden, as)); err != nil {
			return nil, err
		}
		if foreign[as], err = os.Lstat(filepath.Join(hidden, as)); err != nil {
			return nil, err
		}
	}
	if err := s.copyAttributes(hidden, live, like); err != nil {
		return nil, err
	}
	return foreign, s.disk.sync(hidden)
}

// nameBeside returns the name that an entry of live/NAME has in the next directory, "" for none. Our links and certbot's journal
// of a switch (previous_KIND.pem) are made anew; a file where a link should be is kept beside the link.
func nameBeside(entry fs.DirEntry) (string, error) {
	name := entry.Name()
	if entry.IsDir() {
		return "", fmt.Errorf("%w: %s is a directory", errNotLinkable, name)
	}
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(name, ".pem"), "previous_"), ".wildcard-")
	if !slices.Contains(kinds[:], bare) || !strings.HasSuffix(name, ".pem") {
		return name, nil
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		return "", nil
	}
	return name + ".saved", nil
}

// linkFile gives a file, link or FIFO a second name: both directories hold the same one. What the system does not let us link
// (another file system, chattr +i, another's file) cannot be carried; a full disk is a failure.
func (s *Store) linkFile(from, to string) error {
	err := s.disk.link(from, to)
	if withoutLinks(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EMLINK) ||
		errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %w", errNotLinkable, err)
	}
	return err
}

// copyAttributes gives the directory owner, mode, ACL and extended attributes of another one.
func (s *Store) copyAttributes(path, model string, info fs.FileInfo) error {
	cannot := func(err error) error {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("%w: %w", errNotLinkable, err)
		}
		return err
	}
	dir, err := safepath.Change(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	stat := info.Sys().(*syscall.Stat_t)
	if err := s.disk.do("chown", path, func() error { return dir.Chown(int(stat.Uid), int(stat.Gid)) }); err != nil {
		return cannot(err)
	}
	if err := s.disk.do("chmod", path, func() error { return dir.Chmod(stat.Mode & 0o7777) }); err != nil {
		return cannot(err)
	}
	old, err := safepath.Hold(model)
	if err != nil {
		return err
	}
	defer old.Close()
	want, err := attributes(old.Path())
	if err != nil {
		return cannot(err)
	}
	have, err := attributes(dir.Path())
	if err != nil {
		return cannot(err)
	}
	for name, value := range want {
		if bytes.Equal(have[name], value) {
			continue
		}
		if err := s.disk.do("setxattr", path, func() error { return unix.Setxattr(dir.Path(), name, value, 0) }); err != nil {
			return cannot(err)
		}
	}
	for name := range have { // such as an ACL that the new directory got from live's default
		if _, ok := want[name]; !ok {
			if err := s.disk.do("removexattr", path, func() error { return unix.Removexattr(dir.Path(), name) }); err != nil {
				return cannot(err)
			}
		}
	}
	return nil
}

// attributes reads the extended attributes of what is held; a file system without them has none.
func attributes(path string) (map[string][]byte, error) {
	names, err := attribute(func(buf []byte) (int, error) { return unix.Listxattr(path, buf) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: path, Err: err}
	}
	all := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		if all[name], err = attribute(func(buf []byte) (int, error) { return unix.Getxattr(path, name, buf) }); err != nil {
			return nil, &fs.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
	}
	return all, nil
}

// attribute calls get with a buffer of the largest size that Linux allows for an attribute or a list of names (xattr(7)).
func attribute(get func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 64<<10)
	n, err := get(buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// syncForeign goes over the old directory once more after the exchange: what others put there, replaced or removed while the new
// one was being made happens in the new one too; what did not change since is left to the process at work in
// the new one. What fails is logged: the switch is done.
func (s *Store) syncForeign(old, live string, foreign map[string]fs.FileInfo) {
	entries, err := os.ReadDir(old)
	if err != nil {
		s.log.Warn("live directory not compared", "error", err)
		return
	}
	still := map[string]bool{}
	for _, entry := range entries {
		as, err := nameBeside(entry)
		if err != nil || as == "" {
			continue
		}
		still[as] = true
		from, to := filepath.Join(old, entry.Name()), filepath.Join(live, as)
		if unchanged(foreign[as], from) {
			continue
		}
		temporary := filepath.Join(live, ".wildcard-"+random())
		if err = s.linkFile(from, temporary); err == nil {
			err = s.disk.rename(temporary, to)
		}
		if err != nil {
			s.log.Warn("file not carried into the live directory", "path", from, "error", err)
		}
	}
	for name, was := range foreign {
		if path := filepath.Join(live, name); !still[name] && unchanged(was, path) {
			if err := s.disk.remove(path); err != nil {
				s.log.Warn("removed file came back", "error", err)
			}
		}
	}
}

// unchanged reports whether the file that was looked at is the one at path now.
func unchanged(was fs.FileInfo, path string) bool {
	info, err := os.Lstat(path)
	return err == nil && was != nil && os.SameFile(was, info)
}
