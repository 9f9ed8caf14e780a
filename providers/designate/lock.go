package designate

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wildcard/providers"
	"wildcard/providers/settings"
)

// buckets is how many locks the names share, so that names do not leave a file each behind.
const buckets = 64

// locks keeps two of us from changing one name at once: threads, and processes if there is a folder for its files.
type locks struct {
	dir     string
	account string
	threads [buckets]chan struct{}
}

func newLocks(dir, account string) *locks {
	l := &locks{dir: dir, account: account}
	for i := range l.threads {
		l.threads[i] = make(chan struct{}, 1)
	}
	return l
}

// lock waits for its turn at a name, and returns what ends it.
func (l *locks) lock(ctx context.Context, fqdn string) (func(), error) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(l.account + " " + fqdn)) // never fails
	bucket := hash.Sum32() % buckets
	var unlock func()
	select {
	case l.threads[bucket] <- struct{}{}:
		unlock = func() { <-l.threads[bucket] }
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	if l.dir == "" {
		return unlock, nil
	}
	file, err := flock(ctx, l.dir, fmt.Sprintf("designate-%02d.lock", bucket))
	if err != nil {
		unlock()
		return nil, err
	}
	return func() { file.Close(); unlock() }, nil
}

// flock takes a lock file, which stays for good. The lock ends with the file.
func flock(ctx context.Context, dir, name string) (*os.File, error) {
	if err := settings.PrivateDir(dir); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, providers.Errorf(providers.CodeState, providers.Misconfigured, "designate: lock: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			file.Close()
			return nil, providers.Errorf(providers.CodeState, providers.Misconfigured, "designate: lock: %w", err)
		case !sleep(ctx, 20*time.Millisecond):
			file.Close()
			return nil, unavailable(fmt.Errorf("another process is changing the records of this name: %w", ctx.Err()))
		}
	}
}
