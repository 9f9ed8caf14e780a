package acmedns

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

const (
	// inUse is how long a value counts as in use if it is not cleaned up: authorizations that are waited for live an hour.
	inUse = time.Hour
	// tick is what it takes for the server, which counts in whole seconds, to tell two updates' times apart.
	tick = 1100 * time.Millisecond
)

// held is what we know of a name's two values.
type held struct {
	// Values are those that we put there, the newer one first.
	Values []value `json:"values"`
	// Open says that of a later update it is not known whether it was made. It did not take the place of a value in use.
	Open bool `json:"open,omitempty"`
	// Last is when the last update ended, made or not.
	Last time.Time `json:"last"`
}

// value is a value and the time in which the update was made that put it there.
type value struct {
	Text  string    `json:"text"`
	Begun time.Time `json:"begun"`
	Ended time.Time `json:"ended"`
	Used  time.Time `json:"used,omitzero"` // when a run wanted it last; zero if it is cleaned up
}

// used are the values in use.
func (h held) used(now time.Time) []value {
	return slices.DeleteFunc(slices.Clone(h.Values),
		func(v value) bool { return v.Used.IsZero() || now.Sub(v.Used).Abs() > inUse })
}

// newest reports whether the next update is sure to take the place of another value than v.
func (h held) newest(v value) bool {
	return !h.Open && h.Values[0].Text == v.Text && (len(h.Values) == 1 || v.Begun.Sub(h.Values[1].Ended) >= tick)
}

// made notes an update that was made.
func (h held) made(text string, begun, ended time.Time) held {
	values := []value{{Text: text, Begun: begun, Ended: ended, Used: ended}}
	for _, v := range h.Values {
		if v.Text != text && !h.Open && len(values) < 2 {
			values = append(values, v)
		}
	}
	return held{Values: values, Last: ended}
}

// mark notes when a value was wanted. It reports whether the value is held.
func (h held) mark(text string, used time.Time) bool {
	for i := range h.Values {
		if h.Values[i].Text == text {
			h.Values[i].Used = used
			return true
		}
	}
	return false
}

// memory keeps what is held, by the server's URL and the name.
type memory struct {
	dir string // "" keeps it in this process

	mu   sync.Mutex
	kept map[string]held
}

func (m *memory) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(m.dir, "acmedns-"+hex.EncodeToString(sum[:8])+".json")
}

// load returns what is held; nothing if that is not known.
func (m *memory) load(key string) (h held) {
	m.mu.Lock()
	h, ok := m.kept[key]
	m.mu.Unlock()
	if m.dir == "" || ok {
		h.Values = slices.Clone(h.Values)
		return h
	}
	text, err := os.ReadFile(m.path(key))
	if err != nil || json.Unmarshal(text, &h) != nil || len(h.Values) > 2 {
		return held{}
	}
	return h
}

// save keeps what is held. What cannot be written is kept in this process.
func (m *memory) save(key string, h held) error {
	err := m.write(key, h)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dir == "" || err != nil {
		m.kept[key] = h
		return err
	}
	delete(m.kept, key)
	return nil
}

func (m *memory) write(key string, h held) error {
	if m.dir == "" {
		return nil
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := failpoint.Hit("before acmedns create"); err != nil {
		return err
	}
	file, err := os.CreateTemp(m.dir, ".acmedns-*")
	if err != nil {
		return err
	}
	return atomicfile.Put("acmedns", file, m.path(key), text)
}
