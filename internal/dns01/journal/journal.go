package journal

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
	"wildcard/providers"
)

// Journal is the folder of entries. Any number of processes and goroutines may use it at once.
type Journal struct {
	dir string
	uid uint32 // whose files are believed
	log *slog.Logger
	now func() time.Time

	former map[string]time.Time // by ID, when they were written: entries of runs of this process that have ended
}

// Alone says that no other run of this process is under way: what it has by now is then as a dead one's, also where this process
// cannot be judged (process 1). For a process that makes one run after the other, each with a journal of its own. Errors are
// those of [Self] and [Journal.Entries].
func (j *Journal) Alone() error {
	self, err := Self()
	if err != nil {
		return err
	}
	entries, _, err := j.Entries()
	j.former = map[string]time.Time{}
	for _, e := range entries {
		if e.Owner == self && self.BootID != "" && self.PIDNamespace != "" { // else it may be another container's
			j.former[e.ID] = e.Created
		}
	}
	return err
}

// Damage is a file in the journal that is no entry of ours.
type Damage struct {
	Path string
	Err  error
}

// Open opens the journal in a folder that must be there, ours, and of mode 0700 (settings.PrivateDir makes one). log may be
// nil. Errors are CodeState.
func Open(dir string, log *slog.Logger) (*Journal, error) {
	j := &Journal{dir: dir, uid: uint32(os.Geteuid()), log: cmp.Or(log, slog.New(slog.DiscardHandler)), now: time.Now}
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, failed(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, failed(err)
	case !j.owns(info):
		return nil, failed(fmt.Errorf("%s belongs to another user: chown %d %s", dir, j.uid, settings.Shown(dir)))
	case info.Mode().Perm() != 0o700:
		return nil, failed(fmt.Errorf("%s is not ours alone (mode %04o): chmod 700 %s", dir, info.Mode().Perm(),
			settings.Shown(dir)))
	}
	return j, nil
}

func (j *Journal) owns(info fs.FileInfo) bool { return info.Sys().(*syscall.Stat_t).Uid == j.uid }

// failed says what can be done about an error of the file system: room and descriptors may come back by themselves, a disk
// that is broken is no setting, and all else a person has to change.
func failed(err error) error {
	class := fault.Misconfigured
	for _, passing := range []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG, unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		if errors.Is(err, passing) {
			class = fault.Temporary
		}
	}
	if errors.Is(err, unix.EIO) {
		class = fault.Failed
	}
	return fault.Errorf(fault.CodeState, class, "journal: %w", err)
}

// Add writes an entry. When it returns, the entry survives a loss of power; when it returns an error, there is no entry and
// nothing may be created. It gives ID, Created and Sequence. Errors are CodeState: of class Temporary without room.
func (j *Journal) Add(e Entry) (Entry, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	e.ID, e.Created, e.Sequence = hex.EncodeToString(id[:]), j.now().UTC().Round(0), j.next(e.Owner)
	if err := e.check(); err != nil {
		return e, fault.Errorf(fault.CodeState, fault.Internal, "journal: new entry: %w", err)
	}
	if err := j.write(e); err != nil {
		// It may be in its place but not safe there. A record that is not created would be waited for.
		_ = failpoint.Do("journal", "remove", func() error { return os.Remove(j.path(e)) })
		return e, err
	}
	return e, nil
}

// Update replaces an entry, such as when its handle is known, and survives a loss of power like [Journal.Add]. One that
// another process has removed meanwhile is there again: too many entries do no harm, since a sweep finds their records deleted. With
// an error the entry is as it was or as it was to be.
func (j *Journal) Update(e Entry) error {
	if err := e.check(); err != nil {
		return fault.Errorf(fault.CodeState, fault.Internal, "journal: entry %s: %w", fault.Excerpt(e.ID), err)
	}
	return j.write(e)
}

// Remove forgets an entry whose record is confirmed to be deleted. One that is not there is forgotten already, which is no
// error.
func (j *Journal) Remove(e Entry) error {
	if !idForm.MatchString(e.ID) {
		return fault.Errorf(fault.CodeState, fault.Internal, "journal: no entry %s", fault.Excerpt(e.ID))
	}
	err := failpoint.Do("journal", "remove", func() error { return os.Remove(j.path(e)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	return j.sync()
}

// Entries returns all entries, oldest first, and what is in the folder besides. Errors are those of reading the folder.
func (j *Journal) Entries() ([]Entry, []Damage, error) {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, nil, failed(err)
	}
	var (
		entries []Entry
		damaged []Damage
	)
	for _, f := range files {
		path := filepath.Join(j.dir, f.Name())
		if strings.HasPrefix(f.Name(), newPrefix) {
			if err := j.removeStale(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				damaged = append(damaged, Damage{path, err})
			}
			continue
		}
		e, err := j.read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another process has just removed it
		case err != nil:
			damaged = append(damaged, Damage{path, err})
		default:
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.ID, b.ID))
	})
	return entries, damaged, nil
}

// Match returns the entries of one challenge: those with the value whose Domain or FQDN is domain, in whatever case and with
// or without the trailing dot.
func (j *Journal) Match(domain, value string) ([]Entry, error) {
	name := providers.CanonicalName(domain)
	entries, _, err := j.Entries()
	return slices.DeleteFunc(entries, func(e Entry) bool {
		return e.Value != value || e.FQDN != name && providers.CanonicalName(e.Domain) != name
	}), err
}

// next is the sequence number of an owner's next entry: after those that can be read.
func (j *Journal) next(owner Process) int {
	sequence := 0
	entries, _, _ := j.Entries()
	for _, e := range entries {
		if e.Owner == owner {
			sequence = max(sequence, e.Sequence+1)
		}
	}
	return sequence
}
