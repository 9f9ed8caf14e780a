package lineage

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// NeedsRepair reports whether [Lineage.Repair] has something to do: the live set is damaged, a newer good version waits, as after
// a crash, or certbot would link versions that are not good or go back to older links.
func (l *Lineage) NeedsRepair() bool {
	return l.Damage != nil || l.Pending != 0 || len(l.Bad) != 0 || l.interrupted
}

// Repair puts the files of a lineage of ours in order, and returns the lineage. Of all good versions the one that is valid longest is
// made live, if it does not end before the live one; a number is no age. A set that live/NAME holds in another form than
// certbot's, as plain files or with a chain for a certificate, gets a number of its own if no version is
// valid longer. Complete but bad versions with greater numbers are renamed to .damaged-…, since certbot would link them. When nothing good is
// left, when a directory stands where a link should be and when the .conf names other paths, the error is CodeDamaged and nothing changes.
func (l *Lineage) Repair(ctx context.Context) (*Lineage, error) {
	s := l.store
	err := s.rewrite(ctx, l.Name, "repair", func(now *Lineage) error {
		if err := now.repairable("repair"); err != nil {
			return err
		}
		return s.repair(now)
	})
	if err != nil {
		return nil, failed("repair "+l.Name, err)
	}
	return s.Lineage(l.Name)
}

// repairable is why the files of a lineage cannot be put in order, nil if they can be or are.
func (l *Lineage) repairable(verb string) error {
	if l.Damage == nil {
		return nil
	}
	if l.Pending == 0 && l.served == nil {
		return l.damaged(verb)
	}
	live := l.Dir()
	if err := realDir(live); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return inTheWay(live)
	}
	for _, kind := range kinds {
		if info, err := os.Lstat(l.Path(kind)); err == nil && info.IsDir() {
			return inTheWay(l.Path(kind))
		}
	}
	return nil
}

// repair does what [Lineage.Repair] says with a repairable lineage, under the lock.
func (s *Store) repair(l *Lineage) error {
	if !l.NeedsRepair() {
		return nil
	}
	good := max(l.Pending, l.Version)
	if l.served != nil {
		n, err := s.keepServed(l)
		if err != nil {
			return err
		}
		good = n
	} else if err := s.setAside(l.Name, l.Bad); err != nil {
		return err
	}
	if l.Version == good {
		return s.dropJournal(s.liveDir(l.Name))
	}
	s.log.Warn("live certificate repaired", "lineage", l.Name, "version", good, "reason", l.Damage)
	return s.switchTo(l.Name, good)
}

// keepServed gives the set that live/NAME holds a number, and returns it.
func (s *Store) keepServed(l *Lineage) (int, error) {
	own, err := l.keyOwner()
	if err != nil {
		return 0, err
	}
	if err := s.makeDirs(); err != nil {
		return 0, err
	}
	if err := s.makeDir(s.archiveDir(l.Name), 0o755); err != nil {
		return 0, err
	}
	st, err := s.newStage(l.Name, newPrefix, l.served.set, own, "")
	if err != nil {
		return 0, err
	}
	defer s.drop(st)
	return s.number(l.Name, st)
}

// served is a set that is in use although live/NAME is not as certbot has it.
type served struct {
	set  Set
	leaf *x509.Certificate
	key  string // file that its key is in
}

// readServed reads the set that live/NAME holds while it is damaged: plain files, links to elsewhere, a certificate with its
// chain in one file. What others could change is not taken ([safeFile]); nil if there is no set.
func (l *Lineage) readServed() *served {
	text := map[string][]byte{}
	at := map[string]string{}
	for _, kind := range kinds {
		path, err := safeFile(l.Path(kind))
		if err != nil {
			continue
		}
		if data, _, err := readFile(path); err == nil {
			text[kind], at[kind] = data, path
		}
	}
	for _, parts := range [][]string{{"fullchain"}, {"fullchain", "chain"}, {"cert", "chain"}} {
		var chain []byte
		for _, kind := range parts {
			chain = append(append(chain, text[kind]...), '\n')
		}
		set, err := NewSet(withoutRepeats(chain), text[key], nil)
		if err != nil {
			continue
		}
		if leaf, err := set.parse(); err == nil {
			return &served{set, leaf, at[key]}
		}
	}
	return nil
}

// withoutRepeats has each PEM block of a text once.
func withoutRepeats(text []byte) (once []byte) {
	seen := map[string]bool{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !seen[string(block.Bytes)] {
			once = append(once, pem.EncodeToMemory(block)...)
		}
		seen[string(block.Bytes)] = true
	}
	return once
}

// readArchive looks for versions that are to follow what is live, and for those that certbot would take for newer, and fills in
// Pending, Bad, Older and served. An error says that nothing could be found out.
func (l *Lineage) readArchive() error {
	archive := l.store.archiveDir(l.Name)
	found, err := numbers(archive)
	if err != nil {
		return err
	}
	var good []Version
	var bad []int
	for _, n := range complete(found) {
		if n <= l.Version {
			break
		}
		_, leaf, err := readVersion(archive, n)
		switch {
		case err == nil:
			good = append(good, Version{n, leaf})
		case unreadable(err):
			return err
		default:
			bad = append(bad, n)
		}
	}
	wanted := l.wanted()
	best := l.best(good, wanted)
	fits := l.served != nil && mayFollow(l.served.leaf, nil, wanted, l.store.now())
	if best.Leaf == nil && !fits { // what there is serves better than nothing
		wanted = nil
		best = l.best(good, wanted)
	}
	if l.Pending = best.Number; l.Pending == l.Version {
		l.Pending = 0
	}
	if s := l.served; s != nil && (!mayFollow(s.leaf, best.Leaf, wanted, l.store.now()) ||
		slices.ContainsFunc(good, func(v Version) bool { return v.Leaf.Equal(s.leaf) })) {
		l.served = nil
	}
	if l.next = best.Leaf; l.served != nil {
		l.next, l.Pending = l.served.leaf, 0
		return nil
	}
	for _, n := range bad {
		if n > best.Number {
			l.Bad = append(l.Bad, n)
		}
	}
	for _, v := range good {
		if v.Number > best.Number {
			l.Older = append(l.Older, v)
		}
	}
	return nil
}

// best is the version that is valid longest of those that may follow what is live; what is live if none may. all have the highest
// number first.
func (l *Lineage) best(all []Version, wanted []string) Version {
	best := Version{l.Version, l.Leaf}
	for _, v := range all {
		longer := best.Number == l.Version || v.Leaf.NotAfter.After(best.Leaf.NotAfter)
		if longer && mayFollow(v.Leaf, l.Leaf, wanted, l.store.now()) {
			best = v
		}
	}
	return best
}

// wanted are the names that what is made live has to have: those that were asked for, else those of what is live.
func (l *Lineage) wanted() []string {
	if s, _ := l.Conf.Settings(); len(s.Domains) > 0 {
		return s.Domains
	}
	switch {
	case l.Leaf != nil:
		return l.Leaf.DNSNames
	case l.served != nil:
		return l.served.leaf.DNSNames
	}
	return nil
}

// mayFollow reports whether a certificate may be made live in the place of another, nil if there is none: it is valid, has the
// names that are wanted, and does not end before the other.
func mayFollow(leaf, live *x509.Certificate, wanted []string, now time.Time) bool {
	if now.Before(leaf.NotBefore) || !now.Before(leaf.NotAfter) || live != nil && leaf.NotAfter.Before(live.NotAfter) {
		return false
	}
	has := sorted(leaf.DNSNames)
	for _, name := range sorted(wanted) {
		_, parent, _ := strings.Cut(name, ".")
		if !slices.Contains(has, name) && !slices.Contains(has, "*."+parent) {
			return false
		}
	}
	return true
}
