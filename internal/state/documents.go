package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

const mostDocument = 4 << 20

// Documents are sealed JSON files of one kind, 0600, in a folder of the state, each in its place whole or not at all. A name has one
// writer at a time.
type Documents struct {
	state *State
	dir   string
}

// Documents are those in a folder, which need not be there.
func (s *State) Documents(dir string) Documents { return Documents{s, dir} }

// path is the file of a name; what is not fit for a path is refused.
func (d Documents) path(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00\n") || len(name) > 200 {
		return "", failed("%s: %q cannot be a file's name", d.dir, name)
	}
	return d.state.path(d.dir, name+".json"), nil
}

// Save keeps a document; it is durable when Save returns.
func (d Documents) Save(name string, document any) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(document)
	if err == nil {
		err = d.state.save(path, seal(text))
	}
	if err != nil {
		return failed("%s: %w", d.dir, err)
	}
	return nil
}

// Read reads a document; ok is false if there is none. One that is damaged is set aside and counts as none; one that the system does not
// let us read at this moment (no descriptors, no memory, no rights) stays, and is an error.
func (d Documents) Read(name string, document any) (ok bool, err error) {
	path, err := d.path(name)
	if err != nil {
		return false, err
	}
	text, _, err := atomicfile.Read(path, mostDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if _, system := errors.AsType[syscall.Errno](err); system && !errors.Is(err, syscall.ELOOP) { // which is a link in its place
		return false, failed("%s: %w", d.dir, err)
	}
	if err == nil {
		if sealed, good := unseal(bytes.TrimSuffix(text, []byte("\n"))); good && json.Unmarshal(sealed, document) == nil {
			return true, nil
		}
	}
	aside := path + ".damaged"
	d.state.log.Warn("state: a file cannot be read and is set aside", "file", aside)
	if err := failpoint.Do("state", "rename", func() error { return os.Rename(path, aside) }); err != nil {
		return false, failed("%s: %w", d.dir, err)
	}
	return false, nil
}

// Remove forgets a document; there need not be one.
func (d Documents) Remove(name string) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := atomicfile.Remove("state", path); err != nil {
		return failed("%s: %w", d.dir, err)
	}
	return nil
}

// Names returns the names that have a document, sorted.
func (d Documents) Names() ([]string, error) { return d.state.namesIn(d.dir, ".json") }
