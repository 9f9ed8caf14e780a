package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

const (
	pendingDir  = "pending"
	mostPending = 4 << 20
)

// Pending is an order under way: what a later run needs to take it up again. It holds a private key, so it is never logged.
type Pending struct {
	Server  string    `json:"server"`
	Account string    `json:"account"` // the account's URL
	Domains []string  `json:"domains"`
	Profile string    `json:"profile,omitempty"`
	Order   string    `json:"order"`             // URL
	Key     []byte    `json:"key,omitempty"`     // PEM, of the certificate; nil with CSR
	CSR     []byte    `json:"csr,omitempty"`     // DER, if the operator has the key
	Chain   []byte    `json:"chain,omitempty"`   // PEM: the certificate, once it is there and until it is stored
	Refused bool      `json:"refused,omitempty"` // the certificate was refused once, and is to be fetched again
	Created time.Time `json:"created"`
}

// String leaves out the key.
func (p Pending) String() string {
	return fmt.Sprintf("order %s for %s", p.Order, strings.Join(p.Domains, " "))
}

// GoString leaves out the key.
func (p Pending) GoString() string { return p.String() }

// pendingPath is the file of a name, which is a lineage's and so fit for a path; what is not is refused all the same.
func (s *State) pendingPath(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00\n") || len(name) > 200 {
		return "", failed("pending: %q cannot be a file's name", name)
	}
	return s.path(pendingDir, name+".json"), nil
}

// SavePending keeps an order; it is durable when SavePending returns.
func (s *State) SavePending(name string, p Pending) error {
	path, err := s.pendingPath(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return failed("pending: %w", err)
	}
	if err := s.save(path, seal(text)); err != nil {
		return failed("pending: %w", err)
	}
	return nil
}

// Pending returns the order of a name; ok is false if there is none.
func (s *State) Pending(name string) (p Pending, ok bool, err error) {
	path, err := s.pendingPath(name)
	if err != nil {
		return p, false, err
	}
	text, _, err := atomicfile.Read(path, mostPending)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err == nil {
		if sealed, good := unseal(bytes.TrimSuffix(text, []byte("\n"))); good && json.Unmarshal(sealed, &p) == nil {
			return p, true, nil
		}
	}
	aside := path + ".damaged"
	s.log.Warn("state: an order under way cannot be read and is set aside", "file", aside)
	if err := failpoint.Do("state", "rename", func() error { return os.Rename(path, aside) }); err != nil {
		return Pending{}, false, failed("pending: %w", err)
	}
	return Pending{}, false, nil
}

// RemovePending forgets an order; there need not be one.
func (s *State) RemovePending(name string) error {
	path, err := s.pendingPath(name)
	if err != nil {
		return err
	}
	if err := atomicfile.Remove("state", path); err != nil {
		return failed("pending: %w", err)
	}
	return nil
}

// AllPending returns the names that have an order under way, sorted.
func (s *State) AllPending() ([]string, error) { return s.namesIn(pendingDir, ".json") }

// namesIn returns the names that have a file in a folder, sorted; the folder need not be there.
func (s *State) namesIn(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(s.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("%s: %w", dir, err)
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}
