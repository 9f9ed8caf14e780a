// Package filelock keeps two of us from changing one thing at once: threads, and processes that share a folder.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/failpoint"
)

// buckets is how many locks the keys share, so that keys do not leave a file each behind.
const buckets = 64

// Locks is a set of locks with keys. Two keys may share a lock, so the holder of one must not wait for another.
type Locks struct {
	dir     string
	name    string
	threads [buckets]chan struct{}
}

// New returns locks whose files are NAME-NN.lock in dir, a private folder ([settings.PrivateDir]) that is made when it is
// needed; with dir "" they hold in this process only.
func New(dir, name string) *Locks {
	l := &Locks{dir: dir, name: name}
	for i := range l.threads {
		l.threads[i] = make(chan struct{}, 1)
	}
	return l
}

// Lock waits for its turn at a key, and returns what ends it. Errors: CodeUnavailable (Temporary) when ctx ends before,
// CodeState for a folder that cannot be used.
func (l *Locks) Lock(ctx context.Context, key string) (unlock func(), err error) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key)) // never fails
	bucket := hash.Sum32() % buckets
	select {
	case l.threads[bucket] <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.Errorf(fault.CodeUnavailable, fault.Temporary, "%w", ctx.Err())
	}
	release := func() { <-l.threads[bucket] }
	if l.dir == "" {
		return release, nil
	}
	file, err := flock(ctx, l.dir, fmt.Sprintf("%s-%02d.lock", l.name, bucket))
	if err != nil {
		release()
		return nil, err
	}
	return func() { file.Close(); release() }, nil
}

// flock takes a lock file, which stays for good. The lock ends with the file.
func flock(ctx context.Context, dir, name string) (*os.File, error) {
	file, err := openLock(dir, name)
	if err != nil {
		return nil, err
	}
	for {
		err := failpoint.Do("lock", "take", func() error {
			return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		})
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			file.Close()
			return nil, fault.Errorf(fault.CodeState, fault.Misconfigured, "lock: %w", err)
		}
		select {
		case <-time.After(10*time.Millisecond + rand.N(10*time.Millisecond)):
		case <-ctx.Done():
			file.Close()
			return nil, fault.Errorf(fault.CodeUnavailable, fault.Temporary, "another process has not done yet: %w", ctx.Err())
		}
	}
}
