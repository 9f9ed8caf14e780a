package journal

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/providers"
)

// Journal is the folder of entries. Any number of processes may use it at once.
type Journal struct {
	dir string
	log *slog.Logger
	now func() time.Time
}

// Damage is a file in the journal that is no entry of ours.
type Damage struct {
	Path string
	Err  error
}

const (
	suffix    = ".json"
	newPrefix = ".new-"
	mostEntry = 64 << 10
)

// Open opens the journal in a folder that must be there, ours, and closed to others (settings.PrivateDir makes one). log may
// be nil. Errors are CodeState.
func Open(dir string, log *slog.Logger) (*Journal, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, failed(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; !info.IsDir() || int(owner) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return nil, failed(fmt.Errorf("%s is not a folder that is ours alone", dir))
	}
	return &Journal{dir: dir, log: cmp.Or(log, slog.New(slog.DiscardHandler)), now: time.Now}, nil
}

func failed(err error) error {
	return providers.Errorf(providers.CodeState, providers.Misconfigured, "journal: %w", err)
}

// Add writes an entry. When it returns, the entry survives a loss of power; when it returns an error, nothing may be
// created. It gives ID, Created and Sequence.
func (j *Journal) Add(e Entry) (Entry, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	e.ID, e.Created = hex.EncodeToString(id[:]), j.now().UTC().Round(0)
	for _, other := range j.of(e.Owner) {
		e.Sequence = max(e.Sequence, other.Sequence+1)
	}
	if err := e.check(); err != nil {
		return e, providers.Errorf(providers.CodeState, providers.Internal, "journal: new entry: %w", err)
	}
	return e, j.write(e)
}

// Update replaces an entry that is there, such as when its handle is known.
func (j *Journal) Update(e Entry) error {
	if err := e.check(); err != nil {
		return providers.Errorf(providers.CodeState, providers.Internal, "journal: entry %s: %w", providers.Excerpt(e.ID), err)
	}
	return j.write(e)
}

// Remove forgets an entry whose record is confirmed to be gone. One that is not there is forgotten already.
func (j *Journal) Remove(e Entry) error {
	if !idForm.MatchString(e.ID) {
		return providers.Errorf(providers.CodeState, providers.Internal, "journal: no entry %s", providers.Excerpt(e.ID))
	}
	if err := os.Remove(j.path(e)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	return j.sync()
}

func (j *Journal) path(e Entry) string { return filepath.Join(j.dir, e.ID+suffix) }

// write puts an entry in its place, whole or not at all.
func (j *Journal) write(e Entry) error {
	text, err := encode(e)
	if err != nil {
		return failed(err)
	}
	// The process's number keeps two who update the same entry apart.
	temp := filepath.Join(j.dir, fmt.Sprintf("%s%s-%d", newPrefix, e.ID, os.Getpid()))
	_ = os.Remove(temp) // of a process that had our number before us
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return failed(err)
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp, j.path(e))
	}
	if err != nil {
		_ = os.Remove(temp)
		return failed(err)
	}
	return j.sync()
}

// sync makes the folder's own changes survive a loss of power.
func (j *Journal) sync() error {
	dir, err := os.Open(j.dir)
	if err != nil {
		return failed(err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // some file systems cannot
		return failed(err)
	}
	return nil
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
			j.removeStale(path)
			continue
		}
		e, err := read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // somebody has just removed it
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

// read reads one entry, from a regular file of ours and nothing else.
func read(path string) (Entry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Entry{}, err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; !info.Mode().IsRegular() || int(owner) != os.Geteuid() || info.Size() > mostEntry {
		return Entry{}, errors.New("it is not a file that we could have written")
	}
	text, err := io.ReadAll(io.LimitReader(f, mostEntry))
	if err != nil {
		return Entry{}, err
	}
	e, err := decode(text)
	if err == nil && e.ID+suffix != filepath.Base(path) {
		err = errors.New("it is the entry of another file")
	}
	return e, err
}

// removeStale removes a file that somebody began to write and, by its age, will not finish.
func (j *Journal) removeStale(path string) {
	if info, err := os.Lstat(path); err == nil && j.now().Sub(info.ModTime()) > mostUnknown {
		if err := os.Remove(path); err != nil {
			j.log.Debug("journal: remove an unfinished file", "path", path, "error", err)
		}
	}
}

// Match returns the entries of one challenge.
func (j *Journal) Match(domain, value string) ([]Entry, error) {
	entries, _, err := j.Entries()
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Domain != domain || e.Value != value }), err
}

// of returns the entries of an owner; none if they cannot be read.
func (j *Journal) of(owner Process) []Entry {
	entries, _, _ := j.Entries()
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Owner != owner })
}
