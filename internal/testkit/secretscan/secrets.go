// Package secretscan looks for secrets where none may be, for tests: in all that a program prints and leaves, and in what the
// system would keep of its memory when it crashes.
package secretscan

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Secrets are secret texts by what they are, such as "password".
type Secrets map[string]string

// Search fails the test for each secret that a text has, as it is or in the forms that texts give it.
func (s Secrets) Search(t testing.TB, where string, text []byte) {
	t.Helper()
	for what, secret := range s {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{
			secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			if i := bytes.Index(text, []byte(form)); i >= 0 {
				t.Errorf("%s has the %s: %q", where, what, text[max(0, i-60):min(len(text), i+20)])
				break
			}
		}
	}
}

// SearchFiles searches all files below a folder, each for the secrets that it is not there to hold, and returns how many it
// has searched. holds reports whether a file, by its path below the folder, may have a secret, by what it is.
func (s Secrets) SearchFiles(t testing.TB, dir string, holds func(file, what string) bool) (searched int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		foreign := Secrets{}
		for what, secret := range s {
			if !holds(file, what) {
				foreign[what] = secret
			}
		}
		searched++
		foreign.Search(t, file, text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return searched
}
