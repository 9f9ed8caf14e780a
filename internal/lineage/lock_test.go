package lineage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

func TestLockIsWaitedForAndDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := open(t, dir), open(t, dir) // two processes
	must(t, os.MkdirAll(one.dir, 0o755))
	unlock, err := one.lock(t.Context())
	must(t, err)
	two.lockWait = 30 * time.Millisecond
	if _, err := two.lock(t.Context()); fault.CodeOf(err) != CodeLocked || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("taken lock: %v", err)
	}
	one.lockWait = 30 * time.Millisecond // within the process too
	if _, err := one.lock(t.Context()); fault.CodeOf(err) != CodeLocked {
		t.Errorf("taken lock: %v", err)
	}
	two.lockWait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := two.lock(ctx); fault.ClassOf(err) != fault.Temporary {
		t.Errorf("cancelled: %v", err)
	}
	got := make(chan error)
	go func() {
		again, err := two.lock(context.Background())
		if err == nil {
			err = again()
		}
		got <- err
	}()
	must(t, unlock())
	must(t, <-got)
	if len(ls(t, one.dir)) != 0 {
		t.Error("the lock file is left")
	}
}

// A process that locks a file that was removed meanwhile has nothing: ten writers never meet.
func TestLockExcludes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	var inside, count int
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 10 {
		all.Go(func() {
			s := open(t, dir)
			for range 5 {
				unlock, err := s.lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				if inside != 1 {
					t.Error("two hold the lock")
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				inside--
				count++
				mu.Unlock()
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if count != 50 {
		t.Errorf("%d times", count)
	}
}

func TestLockPathIsSomethingElse(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink("target", path) },
		"FIFO":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		s := open(t, t.TempDir())
		must(t, os.MkdirAll(s.dir, 0o755))
		path := filepath.Join(s.dir, lockName)
		must(t, plant(path))
		_, err := s.lock(t.Context())
		if err == nil || !strings.Contains(err.Error(), path) || fault.CodeOf(err) == CodeLocked {
			t.Errorf("%s: %v", name, err)
		}
		if got := ls(t, s.dir); len(got) != 1 {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

func TestOrderLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	lock, err := s.LockOrder(example)
	must(t, err)
	_, err = other.LockOrder(example)
	if fault.CodeOf(err) != CodeLocked || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("second run: %v", err)
	}
	if _, err = s.LockOrder(example); fault.CodeOf(err) != CodeLocked {
		t.Errorf("second goroutine: %v", err)
	}
	another, err := other.LockOrder("example.org")
	must(t, err)
	must(t, another.Unlock())
	elsewhere, err := Open(Options{ConfigDir: filepath.Join(dir, "etc2"), RunDir: filepath.Join(dir, "run")})
	must(t, err)
	another, err = elsewhere.LockOrder(example)
	must(t, err)
	must(t, another.Unlock())
	must(t, lock.Unlock())
	lock, err = other.LockOrder(example)
	must(t, err)
	must(t, lock.Unlock())
	for _, name := range ls(t, s.runDir) {
		if !strings.HasSuffix(name, ".lock") || mode(t, filepath.Join(s.runDir, name)) != 0o600 {
			t.Errorf("the run directory has %s", name)
		}
	}
}

func TestOrderLockPathIsSomethingElse(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	lock, err := s.LockOrder(example)
	must(t, err)
	path := lock.file.Name()
	must(t, lock.Unlock())
	for name, plant := range map[string]func() error{
		"link": func() error { return os.Symlink("target", path) }, "FIFO": func() error { return unix.Mkfifo(path, 0o600) },
		"directory": func() error { return os.Mkdir(path, 0o700) },
	} {
		must(t, os.Remove(path))
		must(t, plant())
		if _, err := s.LockOrder(example); err == nil || fault.CodeOf(err) == CodeLocked {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// While another thread starts a process, that one has a copy of the lock's descriptor until it has become its program.
func TestLockOrder_ProcessIsStarted(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	lock, err := s.LockOrder(example)
	must(t, err)
	other, err := unix.FcntlInt(lock.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(other)
	must(t, lock.Unlock())
	lock, err = s.LockOrder(example)
	must(t, err)
	must(t, lock.Unlock())
}
