package lineage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wildcard/internal/fault"
)

// errNotLinkable says that the directory live/NAME cannot be replaced by another without losing something; its links are then
// replaced one by one.
var errNotLinkable = errors.New("the directory cannot be exchanged")

// switchTo lets live/NAME lead to a version. A directory with the new links, with the same owner, mode, ACL and extended
// attributes as the old one and everything else that lies in it, is made as live/.wildcard-NAME and exchanged with live/NAME
// in one instant. The old one stays there, hidden, until the next switch, for readers that have it open. certbot does not see it:
// it goes by renewal/*.conf.
func (s *Store) switchTo(name string, n int) error {
	live, hidden := s.liveDir(name), s.hiddenDir(name)
	info, err := os.Lstat(live)
	if errors.Is(err, fs.ErrNotExist) {
		return s.firstLive(name, n)
	}
	if err == nil && !info.IsDir() {
		err = inTheWay(live)
	}
	if err != nil {
		return err
	}
	foreign, err := s.build(name, n, info)
	if err == nil {
		err = s.disk.exchange(hidden, live)
		if notExchanged(err) {
			err = fmt.Errorf("%w: %w", errNotLinkable, err)
		}
	}
	if err != nil {
		if cleared := s.clear(hidden); cleared != nil {
			s.log.Debug("hidden directory not removed", "error", cleared)
		}
		if errors.Is(err, errNotLinkable) {
			s.log.Info("links replaced one by one", "lineage", name, "reason", err)
			return s.renameLinks(name, n)
		}
		return err
	}
	if err := s.disk.sync(filepath.Dir(live)); err != nil {
		return err
	}
	s.syncForeign(hidden, live, foreign)
	return nil
}

func inTheWay(path string) error {
	return fault.Errorf(CodeDamaged, fault.Misconfigured, "lineage: switch: %s is not what it should be; move it away",
		path)
}

// firstLive makes live/NAME where there was none.
func (s *Store) firstLive(name string, n int) error {
	live, hidden := s.liveDir(name), s.hiddenDir(name)
	if err := s.clear(hidden); err != nil {
		return err
	}
	err := s.disk.mkdir(hidden, 0o755)
	if err == nil {
		err = s.disk.create(filepath.Join(hidden, "README"), readme(""), plain(0o644))
	}
	if err == nil {
		err = s.newLinks(hidden, "", name, n)
	}
	if err == nil {
		err = s.disk.sync(hidden)
	}
	if err == nil {
		err = s.disk.renameNew(hidden, live)
	}
	if err != nil {
		return errors.Join(err, s.clear(hidden))
	}
	return s.disk.sync(filepath.Dir(live))
}

func (s *Store) newLinks(dir, prefix, name string, n int) error {
	archive := filepath.Join("..", "..", "archive", name)
	if !samePlace(filepath.Join(s.realLive(), "..", "archive", name), s.archiveDir(name)) { // live is a link to another folder's
		archive = s.archiveDir(name)
	}
	for _, kind := range kinds {
		target := filepath.Join(archive, fileOf(kind, n))
		if err := s.disk.symlink(target, filepath.Join(dir, prefix+kind+".pem")); err != nil {
			return err
		}
	}
	return nil
}

// realLive is where live is, without links.
func (s *Store) realLive() string {
	live := filepath.Join(s.dir, "live")
	if at, err := filepath.EvalSymlinks(live); err == nil {
		return at
	}
	return live
}

// clear removes a hidden directory. A directory inside it is none of ours: errNotLinkable.
func (s *Store) clear(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %s is in the way", errNotLinkable, dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			return fmt.Errorf("%w: %s is in the way", errNotLinkable, filepath.Join(dir, entry.Name()))
		}
	}
	for _, entry := range entries {
		if err := s.disk.remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return s.disk.remove(dir)
}

// renameLinks replaces the links of live/NAME one by one, each in one instant, the two that servers read together last and next
// to each other. In between they do not match, so the old ones are kept as certbot keeps them while it switches,
// previous_KIND.pem: after a crash certbot goes back to them (storage.py, _fix_symlinks), and [Lineage.Repair] goes forward.
func (s *Store) renameLinks(name string, n int) (err error) {
	live := s.liveDir(name)
	at := func(prefix, kind string) string { return filepath.Join(live, prefix+kind+".pem") }
	const temporary = ".wildcard-"
	for _, kind := range kinds {
		if info, err := os.Lstat(at("", kind)); err == nil && info.IsDir() {
			return inTheWay(at("", kind))
		}
	}
	old, saved := map[string]string{}, map[string]string{}
	for _, kind := range kinds {
		if err := s.disk.remove(at(temporary, kind)); err != nil {
			return err
		}
		if target, err := os.Readlink(at("", kind)); err == nil {
			old[kind] = target
		}
	}
	before := func() error {
		if err := s.newLinks(live, temporary, name, n); err != nil {
			return err
		}
		for _, kind := range kinds {
			if saved[kind], err = s.keepCopy(at("", kind)); err != nil {
				return err
			}
		}
		return s.journal(live, old)
	}
	var moved []string
	if err = before(); err == nil {
		for _, kind := range []string{"chain", "cert", key, "fullchain"} {
			if err = s.disk.rename(at(temporary, kind), at("", kind)); err != nil {
				break
			}
			moved = append(moved, kind)
		}
	}
	if err == nil {
		err = s.disk.sync(live)
	}
	if err != nil { // back to the old set, as far as the disk lets us
		for _, kind := range moved {
			stuck := error(nil)
			if saved[kind] != "" {
				stuck = s.disk.rename(saved[kind], at("", kind))
			} else {
				stuck = s.back(old[kind], at(temporary, kind), at("", kind))
			}
			if stuck != nil {
				return errors.Join(err, stuck) // the journal stays
			}
		}
	}
	err = errors.Join(err, s.dropJournal(live))
	for _, kind := range kinds {
		err = errors.Join(err, s.disk.remove(at(temporary, kind)))
	}
	return errors.Join(err, s.disk.sync(live))
}

// keepCopy gives a file that stands where a link should be a second name beside it, as [Store.build] does, and returns it; "" if there is
// none. A file system without hard links gets a copy.
func (s *Store) keepCopy(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	saved := path + ".saved"
	if _, err := os.Lstat(saved); !errors.Is(err, fs.ErrNotExist) {
		saved += "-" + random()[:4]
	}
	err = s.disk.link(path, saved)
	if withoutLinks(err) {
		var text []byte
		if text, info, err = readFile(path); err == nil {
			err = s.disk.create(saved, text, plain(uint32(info.Mode().Perm())))
		}
	}
	return saved, err
}

// journalled reports whether certbot would go back to the links of a journal: all of them lead to something.
func journalled(live string) bool {
	for _, kind := range kinds {
		if _, err := os.Stat(filepath.Join(live, "previous_"+kind+".pem")); err != nil {
			return false
		}
	}
	return true
}

func (s *Store) dropJournal(live string) error {
	var err error
	for _, kind := range kinds {
		err = errors.Join(err, s.disk.remove(filepath.Join(live, "previous_"+kind+".pem")))
	}
	return err
}

func (s *Store) back(target, temporary, path string) error {
	if target == "" {
		return s.disk.remove(path)
	}
	if err := s.disk.symlink(target, temporary); err != nil {
		return err
	}
	return s.disk.rename(temporary, path)
}

// journal writes the links that certbot would return to. A whole journal that is there is from a switch that was cut short, and
// says better than the links what was good; anything less certbot throws away.
func (s *Store) journal(live string, old map[string]string) error {
	path := func(kind string) string { return filepath.Join(live, "previous_"+kind+".pem") }
	if journalled(live) || len(old) < len(kinds) {
		return nil
	}
	for _, kind := range kinds {
		if err := s.disk.remove(path(kind)); err != nil {
			return err
		}
		if err := s.disk.symlink(old[kind], path(kind)); err != nil {
			return err
		}
	}
	return s.disk.sync(live)
}
