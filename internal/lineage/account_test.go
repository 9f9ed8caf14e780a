package lineage

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
)

const server = "https://ca.test:14000/acme/directory"

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if _, err := s.Account(server, ""); fault.CodeOf(err) != CodeNotFound {
		t.Error(err)
	}
	if got, err := s.Accounts(server); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	big, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	must(t, err)
	var ids []string
	for i, key := range []crypto.Signer{newKey(t), rsaKey, big} {
		a, err := s.AddAccount(t.Context(), Account{Server: server, URI: "https://ca.test/1", Key: key, Created: time.Unix(int64(i), 5)})
		must(t, err)
		ids = append(ids, a.ID)
		got, err := s.Account(server, a.ID)
		if err != nil || !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(got.Key.Public()) || got.URI != a.URI || !got.Created.Equal(time.Unix(int64(i), 0)) {
			t.Errorf("read back %+v: %v", got, err)
		}
		if _, err := s.AddAccount(t.Context(), Account{Server: server, Key: key}); fault.CodeOf(err) != CodeExists {
			t.Errorf("added twice: %v", err)
		}
	}
	dir := filepath.Join(s.dir, "accounts/ca.test:14000/acme/directory", ids[0])
	for path, want := range map[string]os.FileMode{s.dir + "/accounts": 0o700, filepath.Dir(dir): 0o700, dir: 0o700, dir + "/private_key.json": 0o400,
		dir + "/regr.json": 0o644, dir + "/meta.json": 0o644} {
		if got := mode(t, path); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	_, err = s.Account(server, "")
	if fault.CodeOf(err) != CodeAmbiguous || !strings.Contains(err.Error(), ids[2]) {
		t.Errorf("several: %v", err)
	}
	must(t, s.RemoveAccount(t.Context(), Account{ID: ids[0], Server: server}))
	must(t, s.RemoveAccount(t.Context(), Account{ID: ids[1], Server: server}))
	if a, err := s.Account(server, ""); err != nil || a.ID != ids[2] {
		t.Errorf("the only one left: %v %v", a.ID, err)
	}
	if err := s.RemoveAccount(t.Context(), Account{ID: "../../live", Server: server}); fault.ClassOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestOlderServersAccounts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for now, before := range older {
		a, err := s.AddAccount(t.Context(), Account{Server: before, Key: newKey(t)})
		must(t, err)
		if got, err := s.Account(now, ""); err != nil || got.ID != a.ID || got.Server != now {
			t.Errorf("%+v: %v", got, err)
		}
	}
}

func TestDamagedAccountsArePassedOver(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var dirs []string
	for range 5 {
		a, err := s.AddAccount(t.Context(), Account{Server: server, Key: newKey(t)})
		must(t, err)
		dir, err := s.accountsDir(server)
		must(t, err)
		dirs = append(dirs, filepath.Join(dir, a.ID))
	}
	must(t, os.Remove(dirs[0]+"/regr.json"))
	must(t, os.Remove(dirs[1]+"/private_key.json"))
	write(t, dirs[1]+"/private_key.json", `{"kty":"EC","crv":"P-256","d":"AA","x":"AA","y":"AA"}`)
	must(t, os.Rename(dirs[2]+"/private_key.json", dirs[2]+"/private_key.json.gone"))
	must(t, os.Symlink(dirs[3]+"/private_key.json", dirs[2]+"/private_key.json"))
	must(t, os.Rename(dirs[3], filepath.Join(filepath.Dir(dirs[3]), strings.Repeat("0", 32))))
	got, err := s.Accounts(server)
	if err != nil || len(got) != 1 || got[0].ID != filepath.Base(dirs[4]) {
		t.Errorf("%d accounts, %v", len(got), err)
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, url := range []string{"", "x", "https://", "https:///x", "https://h/../../live", "https://h/a//b", "https://u:p@h/", "https://h/.", "https://../x", "\x00"} {
		if _, err := s.Accounts(url); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: %v", url, err)
		}
	}
	for url, want := range map[string]string{"https://h/dir/": "h/dir", "http://127.0.0.1:14000/dir": "127.0.0.1:14000/dir", "https://h": "h"} {
		if got, err := s.accountsDir(url); err != nil || got != filepath.Join(s.dir, "accounts", want) {
			t.Errorf("%s is at %s: %v", url, got, err)
		}
	}
}

func FuzzJWK(f *testing.F) {
	f.Add([]byte(`{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}`))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":"","d":""}`))
	f.Add([]byte(`{}`))
	text, err := encodeKey(newKey(f))
	must(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := decodeKey(text)
		if err != nil {
			return
		}
		again, err := encodeKey(key)
		if err != nil {
			t.Fatal(err)
		}
		same, err := decodeKey(again)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := accountID(key)
		if b, _ := accountID(same); a != b || !slices.Contains([]int{32}, len(a)) {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
