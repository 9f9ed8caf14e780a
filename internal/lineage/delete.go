package lineage

import (
	"context"
	"errors"
	"path/filepath"
)

// Delete removes a lineage of ours: its links, every version, its .conf, and the directories unless others have files in
// them. The .conf goes last, so that a Delete that was cut short can be done again.
func (l *Lineage) Delete(ctx context.Context) error {
	s := l.store
	err := s.rewrite(ctx, l.Name, "delete", func(*Lineage) error {
		if err := s.clearLive(l.Name); err != nil {
			return err
		}
		if err := s.clear(s.hiddenDir(l.Name)); err != nil && !errors.Is(err, errNotLinkable) {
			return err
		}
		if err := s.clearNumbers(l.Name); err != nil {
			return err
		}
		if err := s.sweepStages(l.Name); err != nil {
			return err
		}
		if err := s.sweepHeld(s.archiveDir(l.Name), isProbe, s.removeProbe); err != nil {
			return err
		}
		aside, err := filepath.Glob(filepath.Join(s.archiveDir(l.Name), ".damaged-*"))
		if err != nil {
			return err
		}
		for _, path := range aside {
			if err := s.disk.remove(path); err != nil {
				return err
			}
		}
		if err := s.removeIfEmpty(s.archiveDir(l.Name)); err != nil {
			return err
		}
		for _, path := range []string{temporary(s.confPath(l.Name)), s.confPath(l.Name)} {
			if err := s.disk.remove(path); err != nil {
				return err
			}
		}
		return s.disk.sync(filepath.Join(s.dir, "renewal"))
	})
	return failed("delete "+l.Name, err)
}
