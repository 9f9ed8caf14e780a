package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
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
	now := m.now()
	all := change(m.read(), now)
	all = slices.DeleteFunc(all, func(e entry) bool { return e.over(now) })
	all = all[max(0, len(all)-mostEntries):]
	if err := m.write(all); err != nil {
		m.log.Warn("what the CA remembers is not kept", "error", err)
	}
}

// read is what is known; nothing if it cannot be read.
func (m *Memory) read() []entry {
	if m.dir == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		return slices.Clone(m.here)
	}
	text, err := readFile(filepath.Join(m.dir, fileName))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			m.log.Warn("what the CA remembers cannot be read", "error", err)
		}
		return nil
	}
	var all []entry
	for line := range bytes.Lines(text) {
		var e entry
		if json.Unmarshal(line, &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// readFile reads a regular file of a size that is ours. It follows no link and does not wait on a FIFO.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file of ours")}
	}
	return io.ReadAll(io.LimitReader(f, mostBytes))
}

func (m *Memory) write(all []entry) error {
	if m.dir == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.here = slices.Clone(all)
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, e := range all {
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	path := filepath.Join(m.dir, fileName)
	next := filepath.Join(m.dir, ".new-"+fileName)
	err := failpoint.Do("memory", "remove", func() error { return os.Remove(next) }) // of a process that was killed
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := failpoint.Hit("before memory create"); err != nil {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return atomicfile.Put("memory", f, path, text.Bytes())
}
