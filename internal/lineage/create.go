package lineage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// formatVersion is the certbot version that a new .conf carries: the oldest one whose format this is. certbot remarks on a
// greater number than its own and does nothing else with it.
const formatVersion = "2.0.0"

// Create makes a new lineage of ours, all of it or nothing, and returns it. When the name is taken it gets certbot's next one,
// NAME-0001, NAME-0002, … (util.py, unique_lineage_name). change writes [renewalparams] and [wildcard] into the new .conf
// (SetParams, SetSettings).
//
// The .conf comes last, so certbot never sees half a lineage; what a crash leaves is cleared away by the next Create of that
// name. Files in archive or live without a .conf that are not from such a crash are an error, CodeExists, as in certbot.
func (s *Store) Create(ctx context.Context, name string, set Set, change func(*Conf) error) (l *Lineage, err error) {
	if _, err := ParseName(name); err != nil {
		return nil, err
	}
	if err := set.check(s.now()); err != nil {
		return nil, err
	}
	if err := s.makeConfigDir(); err != nil {
		return nil, failed("create "+name, err)
	}
	err = s.locked(ctx, func() error {
		if err := s.makeDirs(); err != nil {
			return err
		}
		if name, err = s.NextName(name, nil); err != nil {
			return err
		}
		if err := s.clearLeftovers(name); err != nil {
			return err
		}
		if err := s.create(name, set, change); err != nil {
			if left := s.clearLeftovers(name); left != nil {
				s.log.Debug("not cleared away", "lineage", name, "error", left)
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, failed("create "+name, err)
	}
	return s.Lineage(name)
}

// NextName is the name that Create gives to a lineage for which name is wanted, if those of taken are taken as well.
func (s *Store) NextName(name string, taken []string) (string, error) {
	for n := 0; ; n++ {
		next, err := numbered(name, n)
		if err != nil {
			return "", err
		}
		if slices.Contains(taken, next) {
			continue
		}
		if _, err := os.Lstat(s.confPath(next)); errors.Is(err, fs.ErrNotExist) {
			return next, nil
		} else if err != nil {
			return "", err
		}
	}
}

func (s *Store) create(name string, set Set, change func(*Conf) error) error {
	conf := &Conf{nl: "\n"}
	if err := conf.Set("", "version", formatVersion); err != nil {
		return err
	}
	if err := conf.Set("", "archive_dir", s.archiveDir(name)); err != nil {
		return err
	}
	for _, kind := range []string{"cert", key, "chain", "fullchain"} {
		if err := conf.Set("", kind, filepath.Join(s.liveDir(name), kind+".pem")); err != nil {
			return err
		}
	}
	conf, err := ParseConf([]byte(conf.text + "\n# Options used in the renewal process\n[" + params + "]\n"))
	if err != nil {
		return err
	}
	if err := own(conf, change); err != nil {
		return err
	}
	if err := s.makeDir(s.archiveDir(name), 0o755); err != nil {
		return err
	}
	st, err := s.newStage(name, firstPrefix, set, plain(0o600), "")
	if err != nil {
		return err
	}
	n, err := s.number(name, st)
	if err == nil {
		err = s.disk.sync(filepath.Dir(s.archiveDir(name)))
	}
	if err == nil {
		err = s.switchTo(name, n)
	}
	if err == nil {
		err = s.disk.replace(s.confPath(name), conf.Bytes(), plain(0o644))
	}
	if err != nil {
		_ = st.hold.Close() // the stage itself marks what must be cleared away
		return err
	}
	s.drop(st)
	return nil
}

// clearLeftovers removes what an interrupted Create left of a name that has no .conf. It is known by the stage in archive/NAME,
// which goes last.
func (s *Store) clearLeftovers(name string) error {
	if _, err := os.Lstat(s.confPath(name)); !errors.Is(err, fs.ErrNotExist) {
		return err // there is a lineage after all
	}
	archive, live := s.archiveDir(name), s.liveDir(name)
	entries, err := os.ReadDir(archive)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ours := slices.ContainsFunc(entries, isFirstStage)
	if !ours {
		if err := s.Free(name); err != nil {
			return err
		}
	} else {
		if err := s.clearLive(name); err != nil {
			return err
		}
		if err := s.clearNumbers(name); err != nil {
			return err
		}
		if err := s.sweepStages(name); err != nil {
			return err
		}
	}
	if err := s.clear(s.hiddenDir(name)); err != nil { // also what certbot's delete leaves
		return err
	}
	for _, dir := range []string{archive, live} {
		if dir == archive && linkedDir(dir) == nil && realDir(dir) != nil {
			continue // the administrator's link to an empty directory elsewhere
		}
		if err := s.disk.remove(dir); err != nil {
			return fmt.Errorf("%w: %w", half(name, dir), err)
		}
	}
	return nil
}

// Free is why no lineage can be created with this name, or nil: CodeExists if files in archive or live have it and there is no .conf, which
// are not of an interrupted Create. Nothing is written.
func (s *Store) Free(name string) error {
	if _, err := os.Lstat(s.confPath(name)); !errors.Is(err, fs.ErrNotExist) {
		return failed("look for "+name, err)
	}
	for _, dir := range []string{s.archiveDir(name), s.liveDir(name)} {
		entries, err := os.ReadDir(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && !errors.Is(err, unix.ENOTDIR):
			return failed("look for "+name, err)
		case slices.ContainsFunc(entries, isFirstStage):
			return nil
		case err != nil || len(entries) > 0:
			return half(name, dir)
		}
	}
	return nil
}

// Half lists what [Store.Free] objects to: the paths in archive and live of names that have no .conf, sorted.
func (s *Store) Half() (paths []string) {
	for _, kind := range []string{"archive", "live"} {
		entries, _ := os.ReadDir(filepath.Join(s.dir, kind)) // what cannot be read is told by others
		for _, entry := range entries {
			name, path := entry.Name(), filepath.Join(s.dir, kind, entry.Name())
			if checkFileName(name) != nil || entry.Type().IsRegular() { // such as README
				continue
			}
			if err := s.Free(name); fault.CodeOf(err) == CodeExists {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

func half(name, dir string) error {
	return fault.Errorf(CodeExists, fault.Misconfigured,
		"lineage: create %s: %s is there, but no renewal/%s.conf; move it away or choose another name", name, dir, name)
}

// clearLive removes the links and README from live/NAME, and the directory unless others have files in it. What cannot be
// looked at is an error, not another's file: the mark that it is ours would go, and it would stand in the way for good.
func (s *Store) clearLive(name string) error {
	live := s.liveDir(name)
	if err := realDir(live); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, prefix := range []string{"previous_", ".wildcard-", ""} {
		for _, kind := range kinds {
			path := filepath.Join(live, prefix+kind+".pem")
			if err := s.removeIf(path, func(info fs.FileInfo) (bool, error) {
				return info.Mode()&fs.ModeSymlink != 0, nil
			}); err != nil {
				return err
			}
		}
	}
	readme := filepath.Join(live, "README")
	err := s.removeIf(readme, func(info fs.FileInfo) (bool, error) {
		if !info.Mode().IsRegular() || info.Size() > mostFile {
			return false, nil
		}
		text, _, err := readFile(readme)
		return strings.HasPrefix(string(text), "This directory contains your keys and certificates."), err
	})
	if err != nil {
		return err
	}
	return s.removeIfEmpty(live)
}

// removeIf removes a file if it is there and one of ours.
func (s *Store) removeIf(path string, ours func(fs.FileInfo) (bool, error)) error {
	remove := false
	err := s.disk.do("look", path, func() error {
		info, err := os.Lstat(path)
		if err == nil {
			remove, err = ours(info)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !remove {
		return err
	}
	return s.disk.remove(path)
}

func (s *Store) clearNumbers(name string) error {
	entries, err := os.ReadDir(s.archiveDir(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if numberForm.MatchString(entry.Name()) && !entry.IsDir() {
			if err := s.disk.remove(filepath.Join(s.archiveDir(name), entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) removeIfEmpty(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil
	}
	return s.disk.remove(dir)
}
