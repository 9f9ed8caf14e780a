package acmeserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
	"wildcard/internal/system/filelock"
)

// Client is one machine, or one operator of several, with its policy.
type Client struct {
	Policy

	Name    string
	KeyID   string // of its external account key
	Created time.Time
}

// clientKey is what is kept of a client's key.
type clientKey struct {
	KeyID   string    `json:"kid"`
	Key     []byte    `json:"hmac_key"`
	Created time.Time `json:"created"`
}

// Clients are the clients of a machine: their policies in CONFIG_DIR/serve/NAME.conf, their keys in STATE_DIR/serve/clients. They are
// read anew for each decision, so that a change counts at once.
type Clients struct {
	policies string
	keys     state.Documents
}

// OpenState opens what the server keeps below the state directory, and makes its folder.
func OpenState(dirs settings.Directories) (*state.State, error) {
	dir := filepath.Join(dirs.State, "serve")
	for _, dir := range []string{dirs.State, dir} {
		if err := settings.PrivateDir(dir); err != nil {
			return nil, err
		}
	}
	return state.Open(dir, nil)
}

// claimWithin is how long a server waits for the one before it, which may be about to end.
const claimWithin = 30 * time.Second

// Claim keeps other servers off the state, of which each would order for itself, until release is called or the process ends.
func Claim(ctx context.Context, dirs settings.Directories) (release func(), err error) {
	if err := settings.PrivateDir(dirs.State); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, claimWithin)
	defer cancel()
	release, err = filelock.NewHeld(filepath.Join(dirs.State, "serve"), "server").Lock(ctx, "serve", "wildcard serve", nil)
	if err != nil && fault.CodeOf(err) == fault.CodeUnavailable {
		err = fault.Errorf(fault.CodeUnavailable, fault.Temporary, "serve: another server uses %s: %w", dirs.State, err)
	}
	return release, err
}

// announcement is where the server was reached last.
type announcement struct {
	Origin string `json:"origin"`
}

// Announce keeps where the server is reached, for [Directory].
func Announce(s *state.State, origin string) error {
	return s.Documents("server").Save("origin", announcement{origin})
}

// Directory is the URL of the server's directory; "" if it has not run yet.
func Directory(s *state.State) string {
	var last announcement
	if ok, err := s.Documents("server").Read("origin", &last); !ok || err != nil {
		return ""
	}
	return last.Origin + pathDirectory
}

// HeldBy are the orders of a client that have a certificate which has not expired, the newest first.
func HeldBy(dirs settings.Directories, client string) ([]*Order, error) {
	s, err := OpenState(dirs)
	if err != nil {
		return nil, err
	}
	st, err := openStore(s)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return st.ordersWhere(func(o *Order) bool {
		return o.Client == client && o.Status == statusValid && now.Before(o.NotAfter)
	}), nil
}

// NewClients has the clients of a machine.
func NewClients(dirs settings.Directories, s *state.State) *Clients {
	return &Clients{policies: filepath.Join(dirs.Config, "serve"), keys: s.Documents("clients")}
}

func noClient(name string) error {
	return fault.Errorf(CodeClient, fault.Usage, "there is no client %s: wildcard client list shows those that there are", name)
}

// Path is the file with the policy of a client.
func (c *Clients) Path(name string) string { return filepath.Join(c.policies, name+".conf") }

// Get reads a client.
func (c *Clients) Get(name string) (Client, error) {
	client, _, err := c.read(name)
	return client, err
}

func (c *Clients) read(name string) (Client, clientKey, error) {
	var key clientKey
	name, err := ParseClient(name)
	if err != nil {
		return Client{}, key, err
	}
	ok, err := c.keys.Read(name, &key)
	if err != nil {
		return Client{}, key, err
	}
	policy, err := c.policy(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !ok:
		return Client{}, key, noClient(name)
	case err != nil:
		return Client{}, key, err
	}
	return Client{Policy: policy, Name: name, KeyID: key.KeyID, Created: key.Created}, key, nil
}

// policy reads the file of a client, which only root and we may change: it says who gets certificates.
func (c *Clients) policy(name string) (Policy, error) {
	path := c.Path(name)
	text, err := settings.ReadTrusted(path)
	if err != nil {
		return Policy{}, err
	}
	policy, err := parsePolicy(text)
	if err != nil {
		return policy, fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%s: %w", path, err)
	}
	return policy, nil
}

// byKeyID finds the client that a kid is of, with the key; nil if there is none.
func (c *Clients) byKeyID(kid string) (Client, []byte, error) {
	name, _, _ := strings.Cut(kid, ".")
	if !clientForm.MatchString(name) {
		return Client{}, nil, nil
	}
	client, key, err := c.read(name)
	switch {
	case fault.CodeOf(err) == CodeClient || err == nil && key.KeyID != kid:
		return Client{}, nil, nil
	case err != nil:
		return Client{}, nil, err
	}
	return client, key.Key, nil
}

// All reads the clients, by name. What cannot be read of one is an error among errs.
func (c *Clients) All() (all []Client, errs []error) {
	names, err := c.keys.Names()
	if err != nil {
		return nil, []error{err}
	}
	for _, name := range names {
		client, err := c.Get(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, client)
	}
	return all, errs
}

// Add makes a client, and returns its key, which is shown once.
func (c *Clients) Add(name string, policy Policy, now time.Time) (Client, string, error) {
	name, err := ParseClient(name)
	if err != nil {
		return Client{}, "", err
	}
	var there clientKey
	if ok, err := c.keys.Read(name, &there); ok || err != nil {
		if err == nil {
			err = fault.Errorf(CodeClient, fault.Usage, "there is a client %s already: change %s, or wildcard client remove %s",
				name, c.Path(name), name)
		}
		return Client{}, "", err
	}
	key := newClientKey(name, now)
	if err := c.writePolicy(name, policy); err != nil {
		return Client{}, "", err
	}
	if err := c.keys.Save(name, key); err != nil { // until then there is no client
		return Client{}, "", err
	}
	client := Client{Policy: policy, Name: name, KeyID: key.KeyID, Created: key.Created}
	return client, base64.RawURLEncoding.EncodeToString(key.Key), nil
}

// newClientKey makes a key whose text does not begin with "-", which certbot takes for an option.
func newClientKey(name string, now time.Time) clientKey {
	key := clientKey{Key: make([]byte, 32), Created: now.UTC().Truncate(time.Second)}
	for {
		_, _ = rand.Read(key.Key)
		if key.Key[0]>>2 != 62 { // "-" in base64url
			break
		}
	}
	key.KeyID = name + "." + strings.ToLower(rand.Text()[:12])
	return key
}

func (c *Clients) writePolicy(name string, policy Policy) error {
	for _, dir := range []string{filepath.Dir(c.policies), c.policies} {
		err := failpoint.Do("serve", "mkdir", func() error { return os.Mkdir(dir, 0o755) })
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fault.Errorf(CodePolicy, fault.Misconfigured, "%w", err)
		}
	}
	path := c.Path(name)
	f, err := atomicfile.Create("serve", path)
	if err == nil {
		err = atomicfile.PutDurably("serve", f, path, policy.text(), 0o644)
	}
	if err != nil {
		return fault.Errorf(CodePolicy, fault.Misconfigured, "%w", err)
	}
	return nil
}

// Known is an error if there is nothing of a client.
func (c *Clients) Known(name string) error {
	name, err := ParseClient(name)
	if err != nil {
		return err
	}
	names, err := c.keys.Names()
	if _, statErr := os.Lstat(c.Path(name)); err == nil && statErr != nil && !slices.Contains(names, name) {
		return noClient(name)
	}
	return err
}

// Remove ends a client, and with it its accounts. Its certificates stay valid.
func (c *Clients) Remove(name string) error {
	if err := c.Known(name); err != nil {
		return err
	}
	if err := c.keys.Remove(name); err != nil { // which ends it
		return err
	}
	if err := atomicfile.Remove("serve", c.Path(name)); err != nil {
		return fault.Errorf(CodePolicy, fault.Misconfigured, "%w", err)
	}
	return nil
}
