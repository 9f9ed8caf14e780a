package cli

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/testkit/acmetest"
)

// The key of an external account binding comes from a file that is as safe as any other with a secret.
func TestBindingKey_File(t *testing.T) {
	t.Parallel()
	const hmac = "c2VjcmV0LWNhbmFyeS1rZXktZm9yLXRoZS1obWFjLW9mLWFuLWFjY291bnQ"
	binding, err := base64.RawURLEncoding.DecodeString(hmac)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, acmetest.Options{EABKeys: map[string][]byte{"kid": binding}})
	path := filepath.Join(w.dir, "hmac")
	if err := os.WriteFile(path, []byte(hmac+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := w.environ
	try := func(more ...string) said {
		w.environ = append(append([]string{}, base...), append(more, "WILDCARD_EAB_KID=kid")...)
		return w.start("account", "register", "--agree-tos").end()
	}
	for name, got := range map[string]said{
		"chmod 600":    try("WILDCARD_EAB_HMAC_KEY_FILE=" + path),
		"both set":     try("WILDCARD_EAB_HMAC_KEY_FILE="+path, "WILDCARD_EAB_HMAC_KEY="+hmac),
		"not absolute": try("WILDCARD_EAB_HMAC_KEY_FILE=hmac"),
		"HTTPS_PROXY":  try("HTTPS_PROXY=http://user:" + hmac + "@proxy:port"),
	} {
		if got.code != 78 || !strings.Contains(got.stderr, name) || strings.Contains(got.stderr+got.stdout, hmac) {
			t.Errorf("%s: %d, %s", name, got.code, got.stderr)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	try("WILDCARD_EAB_HMAC_KEY_FILE=" + path).exits(0)
}
