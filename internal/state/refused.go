package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/atomicfile"
)

const refusedDir = "refused"

// Refused is a certificate that a CA issued and that was refused, since it is not what was asked for.
type Refused struct {
	Time    time.Time `json:"time"`
	Server  string    `json:"server"`
	Domains []string  `json:"domains"` // that were asked for
	Profile string    `json:"profile,omitempty"`
	KeyType string    `json:"key_type,omitempty"`
	Reason  string    `json:"reason"`
}

// RefusedPath is the file of a lineage's refused certificate, whether there is one or not.
func (s *State) RefusedPath(name string) string { return s.path(refusedDir, name+".pem") }

// KeepRefused keeps a certificate that was refused, with its key: PEM, below lines for people. One that was kept before is
// replaced.
func (s *State) KeepRefused(name string, r Refused, key, chain []byte) error {
	if _, err := s.Documents(pendingDir).path(name); err != nil {
		return err
	}
	facts, err := json.Marshal(r)
	if err != nil {
		return failed("refused: %w", err)
	}
	text := fmt.Appendf(nil, "The CA issued this certificate, and it was refused: %s\n%s\n",
		strings.ReplaceAll(r.Reason, "-----", "---"), facts)
	if err := s.save(s.RefusedPath(name), slices.Concat(text, key, chain)); err != nil {
		return failed("refused: %w", err)
	}
	return nil
}

// Refused returns the refused certificate of a lineage; ok is false if there is none. One whose facts cannot be read is there,
// and has none.
func (s *State) Refused(name string) (r Refused, ok bool, err error) {
	if _, err := s.Documents(pendingDir).path(name); err != nil {
		return r, false, err
	}
	text, _, err := atomicfile.Read(s.RefusedPath(name), mostDocument)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, false, nil
	case err != nil:
		return r, false, failed("refused: %w", err)
	}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("{")) {
			if json.Unmarshal(line, &r) != nil {
				r = Refused{}
			}
			break
		}
	}
	return r, true, nil
}

// AllRefused returns the names that have a refused certificate, sorted.
func (s *State) AllRefused() ([]string, error) { return s.namesIn(refusedDir, ".pem") }

// RemoveRefused forgets a refused certificate; there need not be one.
func (s *State) RemoveRefused(name string) error {
	if _, err := s.Documents(pendingDir).path(name); err != nil {
		return err
	}
	if err := atomicfile.Remove("state", s.RefusedPath(name)); err != nil {
		return failed("refused: %w", err)
	}
	return nil
}

// Held returns nil if a request may be made, else an error of CodeHeld: the CA issued a certificate for the same request, it
// was refused, and each further order would cost another one.
func (s *State) Held(name string, wanted Refused) error {
	r, ok, err := s.Refused(name)
	if err != nil || !ok {
		return err
	}
	same := r.Server == wanted.Server && r.Profile == wanted.Profile && r.KeyType == wanted.KeyType &&
		equalSets(r.Domains, wanted.Domains)
	if !same && r.Server != "" {
		return nil // it is another request
	}
	return s.held(name, r)
}

// held is the error that tells of a refused certificate.
func (s *State) held(name string, r Refused) error {
	return fault.Errorf(CodeHeld, fault.Failed, "the certificate that the CA issued on %s was refused: %s; it is kept in %s, and nothing is ordered before --force is given",
		r.Time.UTC().Format("2006-01-02 15:04 MST"), r.Reason, s.RefusedPath(name))
}

// Holds are the errors of CodeHeld of all names that have a refused certificate.
func (s *State) Holds() (map[string]error, error) {
	names, err := s.AllRefused()
	if err != nil {
		return nil, err
	}
	holds := map[string]error{}
	for _, name := range names {
		if r, ok, err := s.Refused(name); err == nil && ok {
			holds[name] = s.held(name, r)
		}
	}
	return holds, nil
}

func equalSets(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
