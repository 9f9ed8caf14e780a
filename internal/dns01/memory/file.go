package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"wildcard/internal/system/atomicfile"
)

const (
	fileName    = "looks.json"
	mostEntries = 4000
	mostBytes   = 8 << 20
	lockLimit   = 10 * time.Second
)

// change changes what is known, alone among all goroutines and processes. It is done although ctx is over.
func (m *Memory) change(ctx context.Context, change func(all []entry, now time.Time) []entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockLimit)
	defer cancel()
	unlock, err := m.locks.Lock(ctx, fileName)
	if err != nil {
		m.log.Warn("what the CA remembers is not kept", "error", err)
		return
	}
	defer unlock()
	now, before := m.now(), m.text()
	all := change(parsed(before), now)
	all = slices.DeleteFunc(all, func(e entry) bool { return e.over(now) })
	all = all[max(0, len(all)-mostEntries):]
	after, err := written(all)
	if err == nil && !bytes.Equal(after, before) { // else it is as it was, as for each record of a round that was announced whole
		err = m.put(after)
	}
	if err != nil {
		m.log.Warn("what the CA remembers is not kept", "error", err)
	}
}

// read is what is known; nothing if it cannot be read.
func (m *Memory) read() []entry { return parsed(m.text()) }

// text is the file, or what is in its place without a folder.
func (m *Memory) text() []byte {
	if m.dir == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.here
	}
	text, _, err := atomicfile.Read(filepath.Join(m.dir, fileName), mostBytes)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			m.log.Warn("what the CA remembers cannot be read", "error", err)
		}
		return nil
	}
	return text
}

func (m *Memory) put(text []byte) error {
	if m.dir == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.here = text
		return nil
	}
	path := filepath.Join(m.dir, fileName)
	f, err := atomicfile.Create("memory", path)
	if err != nil {
		return err
	}
	return atomicfile.Put("memory", f, path, text)
}

// parsed are the entries of a file, but for lines that are none.
func parsed(text []byte) []entry {
	var all []entry
	for line := range bytes.Lines(text) {
		var e entry
		if json.Unmarshal(line, &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// written is a file of entries: a line of JSON for each.
func written(all []entry) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, e := range all {
		if err := encoder.Encode(e); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}
