package acmedns

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/filelock"
	"wildcard/internal/system/safepath"
	"wildcard/providers"
)

// storage is the file with the registrations, by domain.
type storage struct {
	path    string
	server  string // of the entries that are ours
	stated  bool   // only entries that say so are: the server's name and the file are not of one source
	sources settings.Sources
	locks   *filelock.Locks
}

// contents are the file's entries, as they stand there.
type contents map[string]json.RawMessage

// read returns the registrations at our server. A file that is not there has none.
func (s *storage) read() (map[string]registration, contents, error) {
	all := contents{}
	text, err := s.sources.ReadSecretFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, all, nil
	}
	if err != nil {
		return nil, nil, within(err)
	}
	if json.Unmarshal([]byte(text.Reveal()), &all) != nil || all == nil { // whose errors quote the text; null is none
		return nil, nil, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
			"acmedns: %s: it is no JSON object with an account for each domain", settings.Shown(s.path))
	}
	ours := map[string]registration{}
	for domain, raw := range all {
		var e entry
		if json.Unmarshal(raw, &e) != nil || !s.owns(e) {
			continue
		}
		if r, err := e.registration(); err == nil {
			ours[strings.TrimSuffix(providers.CanonicalName(domain), ".")] = r
		}
	}
	return ours, all, nil
}

// owns reports whether an entry's account is one of our server's. A server that only the environment names gets no password of a file
// that does not name it too.
func (s *storage) owns(e entry) bool {
	return e.ServerURL == "" && !s.stated || strings.TrimSuffix(e.ServerURL, "/") == s.server
}

// notOurs is why an entry is not used, and the way out.
func (s *storage) notOurs(domain string, raw json.RawMessage) error {
	var e entry
	bad := json.Unmarshal(raw, &e)
	if bad == nil {
		_, bad = e.registration()
	}
	if bad == nil && e.ServerURL == "" {
		return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
			"acmedns: %s: the account of %s does not say whose it is: if it is this server's, write into it \"server_url\": \"%s\"",
			settings.Shown(s.path), domain, s.server)
	}
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
		"acmedns: %s: the account of %s is not this server's (server_url) or is not whole: remove the entry, or give another %s",
		settings.Shown(s.path), domain, storagePath)
}

// obtain returns the registration of a domain; without one, that which register makes, after it is in the file.
func (s *storage) obtain(ctx context.Context, domain string, register func() (entry, error)) (registration, error) {
	unlock, err := s.locks.Lock(ctx, s.path)
	if err != nil {
		return registration{}, within(err)
	}
	defer unlock()
	ours, all, err := s.read()
	if err != nil {
		return registration{}, err
	}
	if r, ok := ours[domain]; ok {
		return r, nil
	}
	if all[domain] != nil {
		return registration{}, s.notOurs(domain, all[domain])
	}
	file, target, err := s.begin()
	if err != nil {
		return registration{}, s.cannotWrite(err)
	}
	defer func() { // which fails after the renaming
		_ = failpoint.Do("accounts", "remove", func() error { return os.Remove(file.Name()) })
	}()
	defer file.Close()
	e, err := register()
	if err != nil {
		return registration{}, err
	}
	r, err := e.registration()
	if err != nil {
		return registration{},
			providers.Errorf(providers.CodeService, providers.Failed, "acmedns: register at %s: the reply is no account: %w",
				s.server, err)
	}
	e.ServerURL = s.server
	if all[domain], err = json.Marshal(e); err != nil {
		return registration{}, s.cannotWrite(err)
	}
	if err := finish(file, target, all); err != nil {
		return registration{}, s.cannotWrite(err)
	}
	return r, nil
}

// begin makes the file that is to take the place of the old one, and says where that is: an administrator's link stays one.
func (s *storage) begin() (file *os.File, target string, err error) {
	if err := failpoint.Do("accounts", "mkdir",
		func() error { return os.MkdirAll(filepath.Dir(s.path), 0o700) }); err != nil {
		return nil, "", err
	}
	folder, err := safepath.Look(filepath.Dir(s.path), safepath.Dir)
	if err != nil {
		return nil, "", err
	}
	target = filepath.Join(folder.Path, filepath.Base(s.path))
	switch found, err := safepath.Look(target, safepath.File); {
	case err == nil:
		target = found.Path
	case !errors.Is(err, fs.ErrNotExist):
		return nil, "", err
	}
	if err = failpoint.Hit("before accounts create"); err != nil {
		return nil, "", err
	}
	file, err = os.CreateTemp(filepath.Dir(target), ".accounts-*") // 0600
	return file, target, err
}

func finish(file *os.File, target string, all contents) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := failpoint.Do("accounts", "write",
		func() error { _, err := file.Write(append(text, '\n')); return err }); err != nil {
		return err
	}
	if err := failpoint.Do("accounts", "fsync", file.Sync); err != nil {
		return err
	}
	if err := failpoint.Do("accounts", "rename", func() error { return os.Rename(file.Name(), target) }); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	defer folder.Close()
	return failpoint.Do("accounts", "fsync of folder", folder.Sync)
}

func (s *storage) cannotWrite(err error) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "acmedns: the account cannot be saved: %w",
		err)
}
