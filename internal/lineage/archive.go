package lineage

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// kinds are the four files of a version (storage.py, ALL_FOUR), in the order in which they get their numbers: certbot takes a
// number as good once all four have it, so the key comes last.
var kinds = [4]string{"cert", "chain", "fullchain", "privkey"}

const key = "privkey"

var numberForm = regexp.MustCompile(`^(cert|chain|fullchain|privkey)([0-9]+)\.pem$`)

// mostNumber is more versions than there will be; a greater number in archive is refused before it overflows.
const mostNumber = 1_000_000_000

// numbers lists, for each version number found in a directory, the kinds that have it. Another spelling of a number, such as
// cert01.pem, counts for certbot too (storage.py, available_versions).
func numbers(dir string) (map[int][]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	found := map[int][]string{}
	for _, entry := range entries {
		m := numberForm.FindStringSubmatch(entry.Name())
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil || n > mostNumber {
			return nil, fmt.Errorf("%s has a number that is too great", filepath.Join(dir, entry.Name()))
		}
		if !slices.Contains(found[n], m[1]) {
			found[n] = append(found[n], m[1])
		}
	}
	return found, nil
}

// complete returns the numbers that all four kinds have, greatest first: certbot takes the first of them as the newest.
func complete(found map[int][]string) []int {
	var all []int
	for n, have := range found {
		if len(have) == len(kinds) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

func fileOf(kind string, n int) string { return fmt.Sprintf("%s%d.pem", kind, n) }

// keyFile returns the name of the file that holds a version's key: certbot's --reuse-key makes privkeyN.pem a relative link to
// an older one (storage.py, save_successor). A link to anything else is damage, and is not followed.
func keyFile(dir string, n int) (string, error) {
	name := fileOf(key, n)
	target, err := os.Readlink(filepath.Join(dir, name))
	if err != nil {
		return name, nil // no link; whatever it is, reading finds out
	}
	if m := numberForm.FindStringSubmatch(target); m == nil || m[1] != key {
		return "", fmt.Errorf("%s leads to %q, not to another key beside it", name, target)
	}
	return target, nil
}

// readVersion reads and checks one version; an error says why it is not good.
func readVersion(dir string, n int) (set Set, leaf *x509.Certificate, err error) {
	name, err := keyFile(dir, n)
	if err != nil {
		return Set{}, nil, err
	}
	var fullchain []byte
	for _, f := range []struct {
		name string
		to   *[]byte
	}{
		{fileOf("cert", n), &set.Cert}, {fileOf("chain", n), &set.Chain}, {fileOf("fullchain", n), &fullchain},
		{name, &set.Key},
	} {
		if *f.to, _, err = readFile(filepath.Join(dir, f.name)); err != nil {
			return Set{}, nil, err
		}
	}
	if !bytes.Equal(fullchain, set.Fullchain()) {
		return Set{}, nil, fmt.Errorf("%s is not %s and %s", fileOf("fullchain", n), fileOf("cert", n), fileOf("chain", n))
	}
	if leaf, err = set.parse(); err != nil {
		return Set{}, nil, fmt.Errorf("version %d: %w", n, err)
	}
	set.Names = leaf.DNSNames
	return set, leaf, nil
}

// Former is the good version with the greatest number below the live one's that has another certificate; false if there is none.
func (l *Lineage) Former() (Version, bool) {
	archive := l.store.archiveDir(l.Name)
	found, err := numbers(archive)
	if err != nil || l.Leaf == nil {
		return Version{}, false
	}
	for _, n := range complete(found) {
		if n >= l.Version {
			continue
		}
		if _, leaf, err := readVersion(archive, n); err == nil && !leaf.Equal(l.Leaf) {
			return Version{n, leaf}, true
		}
	}
	return Version{}, false
}

// SetOf reads a version, its key included. One that is not good, or not there any more, is CodeDamaged.
func (l *Lineage) SetOf(version int) (Set, *x509.Certificate, error) {
	set, leaf, err := readVersion(l.store.archiveDir(l.Name), version)
	if err != nil && !unreadable(err) {
		err = fault.Errorf(CodeDamaged, fault.Misconfigured, "lineage: read %s: version %d: %w", l.Name, version, err)
	}
	return set, leaf, failed("read "+l.Name, err)
}

// unreadable tells a file that cannot be read, at the moment or by us, from one that is missing or is not what it should be. Of
// what is unreadable nothing is known, so nothing is done about it.
func unreadable(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	switch errno {
	case unix.ENOENT, unix.ELOOP, unix.ENOTDIR, unix.EISDIR, unix.EINVAL, unix.ENXIO:
		return false
	}
	return ok
}

// keep is how many versions older than the live one stay, as with certbot versions after 2.1 (storage.py, truncate).
const keep = 5

// prune removes versions older than the live one and the five before it, but no key that a link of a kept version leads to. It
// only makes room: what cannot be removed stays, and is logged.
func (s *Store) prune(name string, live int) {
	dir := s.archiveDir(name)
	found, err := numbers(dir)
	if err != nil {
		s.log.Warn("old versions not removed", "lineage", name, "error", err)
		return
	}
	var older []int
	needed := map[string]bool{}
	for n := range found {
		if n < live {
			older = append(older, n)
		}
	}
	slices.Sort(older)
	old := older[:max(0, len(older)-keep)]
	for n := range found {
		if file, err := keyFile(dir, n); err == nil && !slices.Contains(old, n) {
			needed[file] = true
		}
	}
	for _, n := range old {
		for _, kind := range kinds {
			if file := fileOf(kind, n); !needed[file] {
				if err := s.disk.remove(filepath.Join(dir, file)); err != nil {
					s.log.Warn("old version not removed", "lineage", name, "error", err)
				}
			}
		}
	}
}

// setAside renames versions that have a number but are no good, so that certbot does not link them; nothing is deleted.
func (s *Store) setAside(name string, bad []int) error {
	dir := s.archiveDir(name)
	for _, n := range bad {
		for _, kind := range kinds {
			file := fileOf(kind, n)
			err := s.disk.renameNew(filepath.Join(dir, file), filepath.Join(dir, ".damaged-"+random()[:4]+"-"+file))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		s.log.Warn("damaged version set aside", "lineage", name, "version", n)
	}
	return nil
}

// isStage reports whether a directory in archive/NAME is one in which a version is, or was, being made.
func isStage(entry fs.DirEntry) bool {
	return entry.IsDir() && strings.HasPrefix(entry.Name(), newPrefix)
}

// isFirstStage reports whether it is that of a lineage that has no .conf yet.
func isFirstStage(entry fs.DirEntry) bool {
	return isStage(entry) && strings.HasPrefix(entry.Name(), firstPrefix)
}

const (
	newPrefix   = ".new-"
	firstPrefix = ".new-first-" // of a lineage that has no .conf yet
)
