package lineage

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

// Options say where a store is.
type Options struct {
	ConfigDir string        // certbot's --config-dir: /etc/letsencrypt
	RunDir    string        // for locks; made, 0700, when it is not there
	LockWait  time.Duration // how long to wait for certbot's lock; 0 is [DefaultLockWait]
	Log       *slog.Logger  // nil is silent
}

// Store is a configuration directory of certbot's. Any number of processes, certbot among them, and goroutines may use it. There is
// no other kind of store: what is wanted elsewhere is copied from it (files: internal/certificates, outputs.go; other
// machines and services: internal/deploy/target).
type Store struct {
	dir, runDir string
	lockWait    time.Duration
	log         *slog.Logger
	now         func() time.Time
	disk        *disk
	writer      chan struct{} // holds one token while this process writes
	tried       *tried
}

// Open returns the store; it touches nothing, and the directory need not exist.
func Open(o Options) (*Store, error) {
	dir, err := filepath.Abs(o.ConfigDir)
	if err != nil || o.ConfigDir == "" || o.RunDir == "" {
		return nil, fault.Errorf(CodeStore, fault.Misconfigured, "lineage: open: no configuration or run directory")
	}
	return &Store{dir: dir, runDir: o.RunDir, lockWait: cmp.Or(o.LockWait, DefaultLockWait),
		log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		now: time.Now, disk: &disk{flush: (*os.File).Sync}, writer: make(chan struct{}, 1),
		tried: &tried{at: map[string]time.Time{}}}, nil
}

// Dir returns the configuration directory, absolute.
func (s *Store) Dir() string { return s.dir }

func (s *Store) confPath(name string) string   { return filepath.Join(s.dir, "renewal", name+".conf") }
func (s *Store) archiveDir(name string) string { return filepath.Join(s.dir, "archive", name) }
func (s *Store) liveDir(name string) string    { return filepath.Join(s.dir, "live", name) }
func (s *Store) hiddenDir(name string) string  { return filepath.Join(s.dir, "live", ".wildcard-"+name) }

// Names lists the lineages, ours and certbot's, sorted: the *.conf files in renewal (storage.py, renewal_conf_files), whatever their
// names. A directory that does not exist has none.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "renewal"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failed("list", err)
	}
	var names []string
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".conf")
		if ok && checkFileName(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// All reads the lineages one after the other, sorted by name, one in memory at a time. A lineage that cannot be read comes as
// an error, and the next one follows.
func (s *Store) All() iter.Seq2[*Lineage, error] {
	return func(yield func(*Lineage, error) bool) {
		names, err := s.Names()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range names {
			if l, err := s.Lineage(name); !yield(l, err) {
				return
			}
		}
	}
}

// locked runs f under certbot's lock.
func (s *Store) locked(ctx context.Context, f func() error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	err = f()
	if release := unlock(); err == nil && release != nil {
		s.log.Warn("lock not dropped cleanly", "error", release) // the kernel drops it; what was to be written is written
	}
	return err
}

// makeDirs makes what certbot would make, with its modes; what is there keeps its own.
func (s *Store) makeDirs() error {
	for _, dir := range []struct {
		name string
		mode fs.FileMode
	}{{"live", 0o700}, {"archive", 0o700}, {"renewal", 0o755}} {
		if err := s.makeDir(filepath.Join(s.dir, dir.name), dir.mode); err != nil {
			return err
		}
	}
	path := filepath.Join(s.dir, "live", "README")
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return s.disk.replace(path, readme("[cert name]/"), plain(0o644))
	}
	return nil
}

// makeConfigDir makes the configuration directory itself; the lock is in it.
func (s *Store) makeConfigDir() error {
	if info, err := os.Stat(s.dir); err == nil && info.IsDir() {
		return nil // also when it is a link, as in containers
	}
	return s.disk.mkdir(s.dir, 0o755)
}

// makeDir makes one of certbot's directories; one that is there, or is a link to one ([linkedDir]), keeps its mode.
func (s *Store) makeDir(path string, mode fs.FileMode) error {
	if err := linkedDir(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.disk.mkdir(path, mode)
}

// linkedDir is an error unless path is a directory, or a link to one as certbot takes it where the tree lies on several volumes. Where it
// leads must be for root and us alone to change, else it is CodeUnsafe.
func linkedDir(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return realDir(path)
	}
	if _, err := safepath.Look(path, safepath.ClosedDir); err != nil {
		return fault.Errorf(CodeUnsafe, fault.Misconfigured, "lineage: %s is a link, and is not followed: %w", path,
			missingTarget(err))
	}
	return nil
}

// readme is the text that certbot puts beside the links (storage.py, _write_live_readme_to).
func readme(prefix string) []byte {
	return []byte("This directory contains your keys and certificates.\n\n" +
		"`" + prefix + "privkey.pem`  : the private key for your certificate.\n" +
		"`" + prefix + "fullchain.pem`: the certificate file used in most server software.\n" +
		"`" + prefix + "chain.pem`    : used for OCSP stapling in Nginx >=1.3.7.\n" +
		"`" + prefix + "cert.pem`     : will break many server configurations, and should not be used\n" +
		"                 without reading further documentation (see link below).\n\n" +
		"WARNING: DO NOT MOVE OR RENAME THESE FILES!\n" +
		"         Certbot expects these files to remain in this location in order\n" +
		"         to function properly!\n\n" +
		"We recommend not moving these files. For more information, see the Certbot\n" +
		"User Guide at https://certbot.eff.org/docs/using.html#where-are-my-certificates.\n")
}
