package lineage

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// Renew stores a new version of a lineage of ours and makes it the live one, and returns the lineage as it is then. change,
// which may be nil, edits the .conf as it is under the lock (no other part of a Lineage read earlier is trusted).
//
// The order: the set is written and checked under archive/NAME/.new-XXXX; then, under certbot's lock, the .conf is replaced, the
// set gets its number, live/NAME is switched, and versions older than the fifth before it go (what of them stays is only logged).
// After an error the old or the new set is live, whole; a new one that has its number already is what [Lineage.Repair] makes
// live, so no second order is needed. set.Key nil keeps the live key: privkeyN.pem becomes a link to it, as with
// certbot's --reuse-key. Group, its bits, others' read bit and an ACL of the old key go to the new one
// (certbot/compat/filesystem.py, compute_private_key_mode).
func (l *Lineage) Renew(ctx context.Context, set Set, change func(*Conf) error) (*Lineage, error) {
	s, what := l.store, "renew "+l.Name
	if err := l.writable("renew"); err != nil {
		return nil, err
	}
	reuse := ""
	if set.Key == nil {
		live, err := l.Set()
		if err != nil {
			return nil, err
		}
		if reuse, err = keyFile(s.archiveDir(l.Name), l.Version); err != nil {
			return nil, failed(what, err)
		}
		set.Key = live.Key
	}
	if err := set.check(s.now()); err != nil {
		return nil, err
	}
	old, err := l.keyOwner()
	if err != nil {
		return nil, failed(what, err)
	}
	if err := s.makeDirs(); err != nil {
		return nil, failed(what, err)
	}
	if err := s.makeDir(s.archiveDir(l.Name), 0o755); err != nil {
		return nil, failed(what, err)
	}
	st, err := s.newStage(l.Name, newPrefix, set, old, reuse)
	if err != nil {
		return nil, failed(what, err)
	}
	defer s.drop(st)
	err = s.rewrite(ctx, l.Name, "renew", func(now *Lineage) error {
		if err := s.saveConf(now, change); err != nil {
			return err
		}
		n, err := s.number(l.Name, st)
		if err != nil {
			return err
		}
		if err := s.switchTo(l.Name, n); err != nil {
			return err
		}
		s.prune(l.Name, n)
		if err := s.sweepStages(l.Name); err != nil {
			s.log.Debug("stages not swept", "lineage", l.Name, "error", err)
		}
		return nil
	})
	if err != nil {
		return nil, failed(what, err)
	}
	return s.Lineage(l.Name)
}

// Update edits the .conf of a lineage of ours, under the lock and as it is then, and returns the lineage. Nothing is written
// when change leaves the text as it is.
func (l *Lineage) Update(ctx context.Context, change func(*Conf) error) (*Lineage, error) {
	err := l.store.rewrite(ctx, l.Name, "update", func(now *Lineage) error { return l.store.saveConf(now, change) })
	if err != nil {
		return nil, failed("update "+l.Name, err)
	}
	return l.store.Lineage(l.Name)
}

// rewrite runs f on a lineage of ours under the lock, as it is on disk then.
func (s *Store) rewrite(ctx context.Context, name, verb string, f func(*Lineage) error) error {
	return s.locked(ctx, func() error {
		now, err := s.Lineage(name)
		if err != nil {
			return err
		}
		if err := now.writable(verb); err != nil {
			return err
		}
		return f(now)
	})
}

// writable is an error for lineages that are not ours, or whose paths are not.
func (l *Lineage) writable(verb string) error {
	if !l.Owned() {
		return fault.Errorf(CodeNotOwned, fault.Usage,
			"lineage: %s %s: it is certbot's; take it over with: wildcard adopt %s", verb, l.Name, l.Name)
	}
	return l.checkWritable(verb)
}

// checkWritable is an error when the name is none that we would give, when the .conf names other paths, or when directories are something else or links
// that others can change.
func (l *Lineage) checkWritable(verb string) error {
	if _, err := ParseName(l.Name); err != nil {
		return err
	}
	if err := l.Unsafe(); err != nil {
		return err
	}
	err := l.unwritable
	for _, dir := range []string{"live", "archive", "renewal", "archive/" + l.Name} {
		if err == nil {
			if err = linkedDir(filepath.Join(l.store.dir, dir)); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
	}
	if err == nil || unreadable(err) || fault.CodeOf(err) == CodeUnsafe {
		return failed(verb+" "+l.Name, err)
	}
	return fault.Errorf(CodeDamaged, fault.Misconfigured, "lineage: %s %s: %w", verb, l.Name, err)
}

// saveConf writes the .conf anew if change changes it; mode and owner stay, and so does a link that leads to it.
func (s *Store) saveConf(l *Lineage, change func(*Conf) error) error {
	if change == nil {
		return nil
	}
	before := l.Conf.text
	if err := change(l.Conf); err != nil {
		return err
	}
	if l.Conf.text == before {
		return nil
	}
	return s.writeConf(l)
}

func (s *Store) writeConf(l *Lineage) error {
	path, err := s.confFile(l.Name)
	if err != nil {
		return err
	}
	_, info, err := readFile(path)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	return s.disk.replace(path, l.Conf.Bytes(),
		owner{mode: stat.Mode & 0o7777, uid: int(stat.Uid), gid: int(stat.Gid)})
}

// keyBits are those of the old key that the new one gets (filesystem.py, MASK_FOR_PRIVATE_KEY_PERMISSIONS): the group's and
// others' reading.
const keyBits = 0o074

// keyOwner says what a new key gets from the live one, or from the one that Repair would make live while the live set is damaged.
func (l *Lineage) keyOwner() (owner, error) {
	n := max(l.Version, l.Pending)
	switch {
	case l.served != nil:
		return ownerOfKey(l.served.key)
	case n == 0:
		return plain(0o600), nil
	}
	name, err := keyFile(l.store.archiveDir(l.Name), n)
	if err != nil {
		return owner{}, err
	}
	return ownerOfKey(filepath.Join(l.store.archiveDir(l.Name), name))
}

func ownerOfKey(path string) (owner, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return owner{}, err
	}
	acl, err := attribute(func(buf []byte) (int, error) { return unix.Lgetxattr(path, accessACL, buf) })
	if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
		return owner{}, err
	}
	if err != nil {
		acl = nil
	}
	return owner{mode: 0o600 | stat.Mode&keyBits, uid: -1, gid: int(stat.Gid), acl: acl}, nil
}
