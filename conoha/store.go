package conoha

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"wildcard/internal/settings"
	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

// store keeps one thing for the next process that uses the account: a file of mode 0600 in the run directory. It is a
// convenience; whatever goes wrong with it is worth a debug line and nothing else.
//
// The name of the file is a digest of the account's fingerprint. Its contents are authenticated by a key that is made of
// the password, so they are of no use after the password has changed, and only who knows it can plant any.
type store struct {
	dir      string // "" keeps nothing
	name     string
	binding  string // account and DNS URL the contents are for
	password settings.Secret
	log      *slog.Logger

	once   sync.Once
	usable bool
}

// newStore returns the store of a kind of thing ("token", "zones") of an account.
func newStore(dir, kind string, a account, log *slog.Logger) *store {
	digest := sha256.Sum256([]byte(a.fingerprint()))
	return &store{
		dir:      dir,
		name:     "conoha-" + hex.EncodeToString(digest[:16]) + "." + kind,
		binding:  "wildcard conoha cache 1\x00" + kind + "\x00" + a.fingerprint() + "\x00" + a.dnsURL + "\x00",
		password: a.password,
		log:      log,
	}
}

// envelope is the file's form.
type envelope struct {
	Salt []byte `json:"salt"`
	MAC  []byte `json:"mac"`
	Data []byte `json:"data"`
}

// mostKept is the largest file that is read.
const mostKept = 4 << 20

func (s *store) mac(salt, data []byte) []byte {
	h := hmac.New(sha256.New, []byte(s.password.Reveal()))
	h.Write([]byte(s.binding))
	h.Write(salt)
	h.Write(data)
	return h.Sum(nil)
}

// ready reports whether there is a private directory to keep things in, and makes it at the first call.
func (s *store) ready() bool {
	s.once.Do(func() {
		if s.dir == "" {
			return
		}
		err := settings.PrivateDir(s.dir)
		s.trouble("use", err)
		s.usable = err == nil && locking
	})
	return s.usable
}

func (s *store) trouble(verb string, err error) {
	if err != nil && !os.IsNotExist(err) {
		s.log.Debug("conoha: cache", "verb", verb, "file", s.name, "error", err)
	}
}

// read fills into with what is kept. It returns false if that is nothing, or not to be trusted.
func (s *store) read(into any) bool {
	if !s.ready() {
		return false
	}
	b, err := readOwn(filepath.Join(s.dir, s.name), mostKept)
	if err != nil {
		s.trouble("read", err)
		return false
	}
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		s.trouble("read", err)
		return false
	}
	if !hmac.Equal(e.MAC, s.mac(e.Salt, e.Data)) {
		s.log.Debug("conoha: cache of another password or URL is not used", "file", s.name)
		return false
	}
	err = json.Unmarshal(e.Data, into)
	s.trouble("read", err)
	return err == nil
}

// write keeps v. A reader at the same time sees the old file or the new one.
func (s *store) write(v any) {
	if !s.ready() {
		return
	}
	s.trouble("write", s.replace(v))
}

func (s *store) replace(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	b, err := json.Marshal(envelope{Salt: salt, MAC: s.mac(salt, data), Data: data})
	if err != nil {
		return err
	}
	if err := failpoint.Hit("before cache create"); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, s.name+".*.new") // O_EXCL, 0600
	if err != nil {
		return err
	}
	return atomicfile.Put("cache", f, filepath.Join(s.dir, s.name), b)
}

// remove forgets what is kept.
func (s *store) remove() {
	if s.ready() {
		s.trouble("remove", failpoint.Do("cache", "remove", func() error { return os.Remove(filepath.Join(s.dir, s.name)) }))
	}
}

// lock keeps other processes from fetching what this one is about to fetch and keep. It waits for at most limit: then two
// of them do the same work, which is no harm. The function it returns undoes it.
//
// A process takes the lock of "zones" before that of "token", never the other way round.
func (s *store) lock(ctx context.Context, limit time.Duration) (unlock func()) {
	unlock = func() {}
	if !s.ready() {
		return unlock
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f, err := openLock(filepath.Join(s.dir, s.name+".lock"))
	if err != nil {
		s.trouble("lock", err)
		return unlock
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		got, err := tryLock(f)
		if got {
			return func() { _ = f.Close() }
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			s.trouble("lock", err)
			_ = f.Close()
			return unlock
		}
	}
}
