//go:build e2e

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/deploy"
)

// TestKeyStores_RealPrograms has openssl and keytool read each key store, of each kind of key, in both encryptions.
func TestKeyStores_RealPrograms(t *testing.T) {
	const password = `secret 1"'$\&;`
	says := func(program string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %q: %v\n%s", program, args, err, out)
		}
		return string(out)
	}
	for name, newKey := range keyTypes() {
		if name == "rsa-4096" { // nothing but more of rsa-2048, and Java is slow to start
			continue
		}
		key, err := newKey()
		if err != nil {
			t.Fatal(err)
		}
		set, dir := setOf(t, key), t.TempDir()
		for file, text := range map[string]func() ([]byte, error){
			"modern.p12": func() ([]byte, error) { return deploy.PKCS12(set, password, false) },
			"legacy.p12": func() ([]byte, error) { return deploy.PKCS12(set, password, true) },
			"store.jks":  func() ([]byte, error) { return deploy.JKS(set, password, time.Now()) },
		} {
			path := filepath.Join(dir, file)
			got, err := text()
			if err == nil {
				err = os.WriteFile(path, got, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			listed := says("keytool", "-list", "-v", "-keystore", path, "-storepass", password)
			for _, want := range []string{"Alias name: 1\n", "PrivateKeyEntry", "Certificate chain length: 3"} {
				if !strings.Contains(listed, want) {
					t.Errorf("%s, %s: keytool does not say %q:\n%s", name, file, want, listed)
				}
			}
			if file == "store.jks" {
				continue
			}
			// With the key in Java's hands it goes into another key store only if its password fits.
			says("keytool", "-importkeystore", "-srckeystore", path, "-srcstorepass", password, "-destkeystore", path+".copy", "-deststorepass", "changeit", "-noprompt")
			read := says("openssl", "pkcs12", "-in", path, "-nodes", "-passin", "pass:"+password)
			if strings.Count(read, "BEGIN CERTIFICATE") != 3 || !strings.Contains(read, strings.TrimSpace(string(set.Key))) {
				t.Errorf("%s, %s: openssl reads\n%s", name, file, read)
			}
		}
	}
}
