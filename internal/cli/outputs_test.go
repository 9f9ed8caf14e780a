package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// opened fails the test unless both key stores hold the live certificate, with these passwords, for the owner alone.
func (w *world) opened(store, jks, password, passwordJKS string) {
	w.t.Helper()
	leaf := w.lineage("example.com").Leaf
	if _, got, _, err := pkcs12.DecodeChain([]byte(w.read(store)), password); err != nil || !got.Equal(leaf) {
		w.t.Errorf("PKCS #12: %v", err)
	}
	entries := keystore.New()
	err := entries.Load(strings.NewReader(w.read(jks)), []byte(passwordJKS))
	if err == nil {
		entry, keyErr := entries.GetPrivateKeyEntry("1", []byte(passwordJKS))
		if err = keyErr; err == nil && !bytes.Equal(entry.CertificateChain[0].Content, leaf.Raw) {
			w.t.Error("JKS: another certificate")
		}
	}
	if err != nil {
		w.t.Errorf("JKS: %v", err)
	}
	for _, path := range []string{store, jks} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			w.t.Errorf("%s: %v %v", path, info, err)
		}
	}
}

// TestKeyStores_EachRenewal makes them, and their passwords, before the hooks, and anew at each renewal; the passwords stay.
func TestKeyStores_EachRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store, jks := filepath.Join(w.dir, "site.p12"), filepath.Join(w.dir, "site.jks")
	w.issue("--pkcs12", store, "--jks", jks, "--deploy-hook", "test -s "+store+" && test -s "+jks, "*.example.com").exits(0, "PKCS #12", store, "JKS", jks, store+".password")
	password, passwordJKS := strings.TrimSpace(w.read(store+".password")), strings.TrimSpace(w.read(jks+".password"))
	if len(password) < 20 || password == passwordJKS {
		t.Errorf("passwords of %d characters", len(password))
	}
	for _, path := range []string{store, jks} {
		if info, err := os.Stat(path + ".password"); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	w.opened(store, jks, password, passwordJKS)
	first := w.read(store)
	w.at(due(w.lineage("example.com")))
	renewed := w.run("renew", "--no-jitter", "--verbose").exits(0, "1 renewed")
	if strings.Contains(renewed.stderr, password) {
		t.Error("the password is said")
	}
	if w.read(store) == first {
		t.Error("not made anew")
	}
	w.opened(store, jks, password, passwordJKS)
	shown := answerOf[showAnswer](w.run("show", "--json", "example.com").exits(0))
	if shown.Paths.PKCS12 != store || shown.Paths.JKS != jks {
		t.Errorf("%+v", shown.Paths)
	}
	w.nothingLeft()
}

// TestKeyStores_PasswordOfTheOperator is used as it stands in its file, by both; what cannot be used is told, and no hook runs.
func TestKeyStores_PasswordOfTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store, jks, password := filepath.Join(w.dir, "site.p12"), filepath.Join(w.dir, "site.jks"), filepath.Join(w.dir, "password")
	put := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(password, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(password, mode); err != nil {
			t.Fatal(err)
		}
	}
	put("changeit\r\n", 0o600)
	ran := filepath.Join(w.dir, "ran")
	w.issue("--pkcs12", store, "--legacy", "--jks", jks, "--password-file", password, "--deploy-hook", "echo >>"+ran, "*.example.com")
	w.opened(store, jks, "changeit", "changeit")
	before := w.read(store)
	for text, mode := range map[string]os.FileMode{"short\n": 0o600, "": 0o600, "pässwort": 0o600, "changeit\n": 0o644} {
		put(text, mode)
		w.run("deploy", "example.com").exits(78, "password")
		if w.read(store) != before {
			t.Error("the key store was made all the same")
		}
	}
	if w.read(ran) != "\n" {
		t.Error("the hook ran without the key store")
	}
	put("changed it", 0o600)
	w.run("renew").exits(0)
	w.opened(store, jks, "changed it", "changed it")
	w.run("issue", "--pkcs12", "", "--jks", "", "--password-file", "", "--legacy=false", "*.example.com").exits(0)
	if s, _ := w.lineage("example.com").Conf.Settings(); s.PKCS12+s.JKS+s.Password != "" || s.Legacy {
		t.Errorf("%+v", s)
	}
	w.orders(1)
}

func TestKeyStores_Usage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, args := range map[string][]string{
		"--legacy is about":            {"--legacy", "--jks", "a.jks"},
		"--password-file is about":     {"--password-file", "p"},
		"two files at once":            {"--pkcs12", "same", "--jks", "same"},
		"is to be two files":           {"--pkcs12", "same", "--password-file", "same"},
		"makes no sense with --csr":    {"--csr", "x", "--out", "y", "--pkcs12", "z"},
		"--jks makes no sense with --": {"--csr", "x", "--out", "y", "--jks", "z"},
	} {
		names := []string{"*.example.com"}
		if strings.Contains(want, "--csr") || strings.Contains(want, "with --") {
			names = nil
		}
		w.run(append(append([]string{"issue"}, args...), names...)...).exits(2, want)
	}
	w.orders(0)
}
