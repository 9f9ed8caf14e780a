package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"time"
	"wildcard/internal/system/atomicfile"
)

const (
	watchFile = "watch.json"
	mostWatch = 4 << 20
)

// Watch is what is kept for those who watch over renewals: when they last ran, and what people were told.
type Watch struct {
	LastRun  time.Time             `json:"last_run,omitzero"`
	NextRun  time.Time             `json:"next_run,omitzero"`  // of a process that runs again and again; zero if there is none
	Lineages map[string]*Complaint `json:"lineages,omitempty"` // those with something the matter
}

// Complaint is a lineage whose renewal does not go well.
type Complaint struct {
	Since   time.Time `json:"since"`             // the first failure since it last went well
	Told    time.Time `json:"told,omitzero"`     // when people were told; zero if they were not
	Revoked bool      `json:"revoked,omitempty"` // people were told that it is revoked
	Stage   int       `json:"stage,omitzero"`    // how near the end was when people were told; its meaning is that of wildcard/notify

	// What the last run came to. Well says that it went well again, and that people were not told yet.
	Code      string `json:"code,omitempty"`
	Text      string `json:"text,omitempty"`
	Temporary bool   `json:"temporary,omitempty"` // it mends itself
	Well      bool   `json:"well,omitempty"`
}

// Watch reads it. What is not there, or damaged, is empty.
func (s *State) Watch() (Watch, error) {
	w := Watch{Lineages: map[string]*Complaint{}}
	text, _, err := atomicfile.Read(s.path(watchFile), mostWatch)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return w, failed("%w", err)
	}
	var read Watch
	if sealed, ok := unseal(bytes.TrimSuffix(text, []byte("\n"))); !ok || json.Unmarshal(sealed, &read) != nil {
		s.log.Warn("state: what was kept for watching is damaged and counts as none", "file", s.path(watchFile))
		return w, nil
	}
	w.LastRun, w.NextRun = read.LastRun, read.NextRun
	for name, complaint := range read.Lineages {
		if complaint != nil {
			w.Lineages[name] = complaint
		}
	}
	return w, nil
}

// ChangeWatch changes it under the ledger's lock, which other runs wait for: change must not take long.
func (s *State) ChangeWatch(change func(*Watch)) error {
	unlock, err := s.exclusive()
	if err != nil {
		return err
	}
	defer unlock()
	w, err := s.Watch()
	if err != nil {
		return err
	}
	change(&w)
	text, err := json.Marshal(w)
	if err != nil {
		return failed("%w", err)
	}
	if err := s.save(s.path(watchFile), seal(text)); err != nil {
		return failed("%w", err)
	}
	return nil
}
