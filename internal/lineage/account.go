package lineage

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
)

// Account is an ACME account as certbot keeps it, in accounts/HOST/PATH/ID of the configuration directory: private_key.json (a
// JWK, 0400), regr.json (the account's URL) and meta.json (when and where it was made) (certbot/_internal/account.py).
type Account struct {
	ID      string        // MD5 of the public key's PEM, in hex
	Server  string        // URL of the CA's directory
	URI     string        // the account's URL at the CA
	Key     crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey; never logged
	Created time.Time     // to the second, UTC
	Host    string        // host that it was made on
}

type registration struct {
	Body struct{} `json:"body"`
	URI  string   `json:"uri"`
}

type meta struct {
	Created time.Time `json:"creation_dt"`
	Host    string    `json:"creation_host"`
}

var accountForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// accountsDir returns where certbot keeps the accounts of a server: the URL's host with its port, and its path
// (configuration.py, server_path).
func (s *Store) accountsDir(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host+u.Path, "\x00\\") {
		return "", fault.Errorf(CodeAccount, fault.Usage, "lineage: %s is not the URL of an ACME server",
			fault.Excerpt(server))
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	for part := range strings.SplitSeq(u.Host+path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", fault.Errorf(CodeAccount, fault.Usage, "lineage: %s has a path that no directory can have",
				fault.Excerpt(server))
		}
	}
	return filepath.Join(s.dir, "accounts", u.Host+path), nil
}

// older are the servers whose accounts certbot uses for another one as long as that has none (constants.py, LE_REUSE_SERVERS).
var older = map[string]string{
	"https://acme-v02.api.letsencrypt.org/directory":         "https://acme-v01.api.letsencrypt.org/directory",
	"https://acme-staging-v02.api.letsencrypt.org/directory": "https://acme-staging.api.letsencrypt.org/directory",
}

// Accounts lists the accounts for a server, oldest first; no account is no error, and nothing is written. Accounts whose files
// cannot be used are left out and logged.
func (s *Store) Accounts(server string) ([]Account, error) {
	accounts, damaged, err := s.accounts(server)
	for _, d := range damaged {
		s.log.Warn("account skipped", "account", d.id, "error", d.err)
	}
	return accounts, err
}

// damagedAccount is an account that cannot be used.
type damagedAccount struct {
	id  string
	err error // with the path of the file
}

func (s *Store) accounts(server string) (accounts []Account, damaged []damagedAccount, err error) {
	dir, err := s.accountsDir(server)
	if err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, failed("list accounts", err)
	}
	for _, entry := range entries {
		if !accountForm.MatchString(entry.Name()) {
			continue
		}
		account, err := readAccount(filepath.Join(dir, entry.Name()))
		if err != nil {
			damaged = append(damaged, damagedAccount{entry.Name(), err})
			continue
		}
		account.Server = server
		accounts = append(accounts, account)
	}
	if before := older[strings.TrimRight(server, "/")]; before != "" && len(accounts)+len(damaged) == 0 {
		accounts, damaged, err = s.accounts(before)
		for i := range accounts {
			accounts[i].Server = server
		}
		return accounts, damaged, err
	}
	slices.SortFunc(accounts, func(a, b Account) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return accounts, damaged, nil
}

// Account returns the account for a server: the one whose id begins with id, or, when id is empty, the only one. Several to
// choose from are CodeAmbiguous (Usage) with their ids; none is CodeNotFound, and none but a damaged one CodeAccount
// (Misconfigured): registering another in its place, at every run, would be no help.
func (s *Store) Account(server, id string) (Account, error) {
	accounts, damaged, err := s.accounts(server)
	if err != nil {
		return Account{}, err
	}
	var ids []string
	accounts = slices.DeleteFunc(accounts, func(a Account) bool { return !strings.HasPrefix(a.ID, id) })
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	damaged = slices.DeleteFunc(damaged, func(d damagedAccount) bool { return !strings.HasPrefix(d.id, id) })
	switch len(accounts) {
	case 0:
		if len(damaged) > 0 {
			return Account{}, fault.Errorf(CodeAccount, fault.Misconfigured,
				"lineage: the account %s cannot be used: %w: put the file back from a backup, or move the folder away",
				damaged[0].id, damaged[0].err)
		}
		return Account{}, fault.Errorf(CodeNotFound, fault.Misconfigured, "lineage: no account %s for %s", id, server)
	case 1:
		return accounts[0], nil
	default:
		return Account{}, fault.Errorf(CodeAmbiguous, fault.Usage,
			"lineage: several accounts for %s: %s; choose one with --account", server, strings.Join(ids, ", "))
	}
}

func readAccount(dir string) (Account, error) {
	var r registration
	var m meta
	text, _, err := readFile(filepath.Join(dir, "private_key.json"))
	if err != nil {
		return Account{}, err
	}
	key, err := decodeKey(text)
	if err != nil {
		return Account{}, fmt.Errorf("%s: %w", filepath.Join(dir, "private_key.json"), err)
	}
	for name, to := range map[string]any{"regr.json": &r, "meta.json": &m} {
		text, _, err := readFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			return Account{}, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	id, err := accountID(key)
	if err == nil && id != filepath.Base(dir) {
		err = fmt.Errorf("%s: the key belongs to account %s", filepath.Join(dir, "private_key.json"), id)
	}
	return Account{ID: id, URI: r.URI, Key: key, Created: m.Created.UTC(), Host: m.Host}, err
}

// AddAccount writes an account that was registered, whole or not at all, and returns it with its id. ID is ignored; Created and
// Host are now and this host when they are empty. One that is there already is never overwritten: CodeExists.
func (s *Store) AddAccount(ctx context.Context, a Account) (Account, error) {
	dir, err := s.accountsDir(a.Server)
	if err != nil {
		return Account{}, err
	}
	refuse := func(err error) (Account, error) {
		return Account{}, fault.Errorf(CodeAccount, fault.Failed, "lineage: add account: %w", err)
	}
	if a.ID, err = accountID(a.Key); err != nil {
		return refuse(err)
	}
	if a.Created.IsZero() {
		a.Created = s.now()
	}
	a.Created = a.Created.UTC().Truncate(time.Second)
	if a.Host == "" {
		a.Host, _ = os.Hostname() // for people only
	}
	private, err := encodeKey(a.Key)
	if err != nil {
		return refuse(err)
	}
	regr, err := json.Marshal(registration{URI: a.URI})
	if err != nil {
		return refuse(err)
	}
	about, err := json.Marshal(meta{a.Created, a.Host})
	if err != nil {
		return refuse(err)
	}
	if err := s.makeConfigDir(); err != nil {
		return Account{}, failed("add account", err)
	}
	err = s.locked(ctx, func() error {
		return s.writeAccount(dir, a.ID, map[string][]byte{"regr.json": regr, "meta.json": about}, private)
	})
	return a, failed("add account", err)
}

func (s *Store) writeAccount(dir, id string, files map[string][]byte, private []byte) error {
	path := s.dir
	rest, err := filepath.Rel(s.dir, dir)
	if err != nil {
		return err
	}
	for part := range strings.SplitSeq(rest, "/") {
		path = filepath.Join(path, part)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue // a link too: certbot links the accounts of an older server
		}
		if err := s.disk.mkdir(path, 0o700); err != nil {
			return err
		}
	}
	whole, stage := filepath.Join(dir, id), filepath.Join(dir, ".new-"+id)
	if _, err := os.Lstat(whole); !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(CodeExists, fault.Failed, "lineage: add account: %s is there already", whole).
			Advise(fault.Verbatim("wildcard account show"))
	}
	if err := s.clear(stage); err != nil {
		return err
	}
	err = s.disk.mkdir(stage, 0o700)
	if err == nil {
		err = s.disk.create(filepath.Join(stage, "private_key.json"), private, plain(0o400))
	}
	for name, text := range files {
		if err == nil {
			err = s.disk.create(filepath.Join(stage, name), text, plain(0o644))
		}
	}
	if err == nil {
		err = s.disk.sync(stage)
	}
	if err == nil {
		err = s.disk.renameNew(stage, whole)
	}
	if err != nil {
		return errors.Join(err, s.clear(stage))
	}
	return s.disk.sync(dir)
}

// RemoveAccount removes the files of an account, as certbot's unregister does; files of others in its directory stay, and so
// does the directory then.
func (s *Store) RemoveAccount(ctx context.Context, a Account) error {
	dir, err := s.accountsDir(a.Server)
	if err != nil {
		return err
	}
	if !accountForm.MatchString(a.ID) {
		return fault.Errorf(CodeAccount, fault.Usage, "lineage: %s is no account id", fault.Excerpt(a.ID))
	}
	err = s.locked(ctx, func() error {
		if _, err := os.Stat(filepath.Join(dir, a.ID)); errors.Is(err, fs.ErrNotExist) && older[a.Server] != "" {
			if dir, err = s.accountsDir(older[a.Server]); err != nil {
				return err
			}
		}
		whole := filepath.Join(dir, a.ID)
		if _, err := os.Lstat(whole); errors.Is(err, fs.ErrNotExist) {
			return fault.Errorf(CodeNotFound, fault.Usage, "lineage: remove account: no account %s for %s", a.ID, a.Server)
		}
		for _, name := range []string{"regr.json", "meta.json", "private_key.json"} {
			if err := s.disk.remove(filepath.Join(whole, name)); err != nil {
				return err
			}
		}
		if err := s.removeIfEmpty(whole); err != nil {
			return err
		}
		return s.disk.sync(dir)
	})
	return failed("remove account", err)
}
