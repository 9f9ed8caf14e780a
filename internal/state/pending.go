package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

const pendingDir = "pending"

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

// SavePending keeps an order; it is durable when SavePending returns.
func (s *State) SavePending(name string, p Pending) error {
	return s.Documents(pendingDir).Save(name, p)
}

// Pending returns the order of a name; ok is false if there is none.
func (s *State) Pending(name string) (p Pending, ok bool, err error) {
	if ok, err = s.Documents(pendingDir).Read(name, &p); !ok {
		p = Pending{} // of which a part may have been read
	}
	return p, ok, err
}

// RemovePending forgets an order; there need not be one.
func (s *State) RemovePending(name string) error { return s.Documents(pendingDir).Remove(name) }

// AllPending returns the names that have an order under way, sorted.
func (s *State) AllPending() ([]string, error) { return s.Documents(pendingDir).Names() }

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
