package journal

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"wildcard/internal/system/failpoint"
)

// held is an entry that this process holds: no other one sweeps it or takes it over meanwhile. The hold ends with the process.
type held struct {
	Entry
	journal *Journal
	file    *os.File // the entry's, locked
}

// errHeld says that another process holds the entry.
var errHeld = errors.New("another process has it in hand")

// hold locks an entry and reads it anew. Errors are errHeld, [fs.ErrNotExist], and what is wrong with the file. Where there are
// no locks (some network file systems), an entry is held by each process that asks.
func (j *Journal) hold(id string) (*held, error) {
	path := j.path(Entry{ID: id})
	for {
		f, err := j.open(path)
		if err != nil {
			return nil, err
		}
		err = failpoint.Do("journal", "lock", func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
		if errors.Is(err, unix.EWOULDBLOCK) {
			_ = f.Close()
			return nil, errHeld
		}
		if !inPlace(f, path) {
			unlock(f) // it was replaced or removed before the lock was ours
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, mostEntry))
		if err == nil {
			var e Entry
			if e, err = decode(text); err == nil && e.ID == id {
				return &held{e, j, f}, nil
			}
		}
		unlock(f)
		return nil, errors.Join(errors.New("it is no entry of ours"), err)
	}
}

// inPlace reports whether an open file is still the one at its path.
func inPlace(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, now)
}

// put replaces the entry, whole and durable, and goes on holding it: the new file is locked before it takes its place.
func (h *held) put(e Entry) error {
	f, err := h.journal.place(e)
	if f != nil {
		unlock(h.file)
		h.file, h.Entry = f, e
	}
	return err
}

// release ends the hold.
func (h *held) release() { unlock(h.file) }

// unlock ends the lock of a file and closes it. Closing alone is not enough: a process that another thread starts at this
// moment has a copy of the descriptor until it has become its program, and with it the lock (flock(2)).
func unlock(f *os.File) {
	_ = failpoint.Do("journal", "unlock", func() error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) })
	_ = f.Close()
}
