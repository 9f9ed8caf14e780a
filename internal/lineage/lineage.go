package lineage

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// Lineage is what was on disk when it was read.
type Lineage struct {
	Name    string
	Conf    *Conf             // renewal/NAME.conf
	Version int               // number that live/NAME leads to; 0 while Damage is not nil
	Leaf    *x509.Certificate // the live certificate, nil while Damage is not nil
	Damage  error             // why the live set is not complete, matching and in place; nil when it is
	Pending int               // the version that Repair makes live, such as a newer one after a crash; 0 for none
	Bad     []int             // numbers that certbot would take for newer versions and that are not good
	Older   []Version         // good sets with greater numbers that are not to follow the live one; certbot would take them for newer

	store       *Store
	next        *x509.Certificate
	served      *served // the set that live/NAME holds although it is damaged, if Repair is to keep that one; nil if not
	interrupted bool    // certbot would undo a switch (previous_KIND.pem)

	unwritable error // why this lineage is never written: its .conf names other paths
}

// Version is a set in archive/NAME.
type Version struct {
	Number int
	Leaf   *x509.Certificate
}

// Lineage reads one lineage, ours or certbot's, also one whose name is none that we would give ([ParseName]); nothing is written and no lock is taken. Damage of the live set is no error:
// it is in the result. Errors are CodeNotFound, CodeName, CodeConf (the .conf cannot be parsed) and those of the file system.
func (s *Store) Lineage(name string) (*Lineage, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	var text []byte
	path, err := s.confFile(name)
	if err == nil {
		text, _, err = readFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(CodeNotFound, fault.Usage, "lineage: read %s: there is no certificate of that name", name)
	}
	if err != nil {
		return nil, failed("read "+name, err)
	}
	conf, err := ParseConf(text)
	if err != nil {
		return nil, fault.Errorf(CodeConf, fault.Misconfigured, "lineage: read %s: %w", s.confPath(name), errors.Unwrap(err))
	}
	l := &Lineage{Name: name, Conf: conf, store: s}
	l.unwritable = l.checkPaths()
	if err := l.readLive(); err != nil {
		return nil, failed("read "+name, err)
	}
	return l, nil
}

// Owned reports whether the lineage is ours to write: its .conf has a [wildcard] section.
func (l *Lineage) Owned() bool { return l.Conf.Has(section) }

// Next returns the certificate that is live, or that Repair makes live; nil if there is none.
func (l *Lineage) Next() *x509.Certificate { return l.next }

// Dir returns live/NAME, what RENEWED_LINEAGE holds.
func (l *Lineage) Dir() string { return l.store.liveDir(l.Name) }

// Names are those on the live certificate, addresses behind names; none while it is damaged.
func (l *Lineage) Names() []string {
	if l.Leaf == nil {
		return nil
	}
	names := slices.Clone(l.Leaf.DNSNames)
	for _, address := range l.Leaf.IPAddresses {
		names = append(names, address.String())
	}
	return names
}

// Path returns the path that servers use for a kind: "cert", "chain", "fullchain" or "privkey".
func (l *Lineage) Path(kind string) string { return filepath.Join(l.Dir(), kind+".pem") }

// Set reads the live set, its key included. Damage is CodeDamaged.
func (l *Lineage) Set() (Set, error) {
	if l.Damage != nil {
		return Set{}, l.damaged("read")
	}
	set, _, err := readVersion(l.store.archiveDir(l.Name), l.Version)
	return set, failed("read "+l.Name, err)
}

func (l *Lineage) damaged(verb string) error {
	return fault.Errorf(CodeDamaged, fault.Misconfigured, "lineage: %s %s: %w", verb, l.Name, l.Damage)
}

// checkPaths compares the paths in the .conf with ours.
func (l *Lineage) checkPaths() error {
	want := map[string]string{"archive_dir": l.store.archiveDir(l.Name)}
	for _, kind := range kinds {
		want[kind] = l.Path(kind)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		path := want[key]
		got, ok := l.Conf.Get("", key)
		if !ok && key == "archive_dir" { // certbot's default
			continue
		}
		if filepath.Clean(got) != path && !samePlace(got, path) {
			return fmt.Errorf("its .conf has %s = %s, not %s", key, fault.Excerpt(got), path)
		}
	}
	return nil
}

// samePlace compares paths by the directories that they are in, for a configuration directory that has two names.
func samePlace(a, b string) bool {
	if !filepath.IsAbs(a) || filepath.Base(a) != filepath.Base(b) {
		return false
	}
	x, err := os.Stat(filepath.Dir(a))
	if err != nil {
		return false
	}
	y, err := os.Stat(filepath.Dir(b))
	return err == nil && os.SameFile(x, y)
}

// readLive fills in what is live. certbot's switch is not one instant, so a set that does not match is looked at again. An error
// says that nothing could be found out.
func (l *Lineage) readLive() error {
	if l.Damage = l.unwritable; l.Damage != nil {
		return nil
	}
	archive := l.store.archiveDir(l.Name)
	for try := range 3 {
		if try > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		l.Version, l.Damage = l.store.liveVersion(l.Name)
		if l.Damage == nil {
			_, l.Leaf, l.Damage = readVersion(archive, l.Version)
		}
		if l.Damage == nil {
			break
		}
		l.Version = 0
	}
	if l.Damage != nil && unreadable(l.Damage) {
		return l.Damage
	}
	l.interrupted = journalled(l.Dir())
	if l.Damage != nil {
		l.served = l.readServed()
	}
	return l.readArchive()
}

// liveVersion reads the four links through one look at the directory: a switch replaces the directory, so they are of one set.
func (s *Store) liveVersion(name string) (int, error) {
	dir, err := unix.Open(s.liveDir(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: s.liveDir(name), Err: err}
	}
	defer unix.Close(dir)
	version := 0
	for _, kind := range kinds {
		n, err := s.linkVersion(dir, name, kind)
		if err != nil {
			return 0, err
		}
		if version != 0 && n != version {
			return 0, fmt.Errorf("live/%s leads to several versions, %d and %d", name, version, n)
		}
		version = n
	}
	return version, nil
}

func (s *Store) linkVersion(dir int, name, kind string) (int, error) {
	var buf [unix.PathMax]byte
	size, err := unix.Readlinkat(dir, kind+".pem", buf[:])
	if errors.Is(err, unix.EINVAL) {
		return 0, fmt.Errorf("live/%s/%s.pem is not a link", name, kind)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "readlink", Path: filepath.Join(s.liveDir(name), kind+".pem"), Err: err}
	}
	target := string(buf[:size])
	full := target
	if !filepath.IsAbs(full) {
		full = filepath.Join(s.liveDir(name), target)
	}
	if full = filepath.Clean(full); filepath.Dir(full) != s.archiveDir(name) &&
		!samePlace(filepath.Dir(full), s.archiveDir(name)) {
		return 0, fmt.Errorf("live/%s/%s.pem leads to %s, outside archive/%s", name, kind, fault.Excerpt(target), name)
	}
	var stat unix.Stat_t // of where it leads in truth: live may be a link to another folder's
	if err := unix.Fstatat(dir, kind+".pem", &stat, 0); errors.Is(err, unix.ENOENT) {
		return 0, fmt.Errorf("live/%s/%s.pem leads to %s, which is not there", name, kind, fault.Excerpt(target))
	}
	m := numberForm.FindStringSubmatch(filepath.Base(full))
	if m == nil || m[1] != kind || strings.HasPrefix(m[2], "0") || len(m[2]) > 9 {
		return 0, fmt.Errorf("live/%s/%s.pem leads to %s, which is no version of it", name, kind, fault.Excerpt(target))
	}
	return strconv.Atoi(m[2])
}
