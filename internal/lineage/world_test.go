package lineage

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"wildcard/providers"
)

// authority is a CA of our own. Its clock stands: which of two sets is valid longer does not hang on how fast the machine is.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	now  time.Time
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, cert, now}
}

func (a *authority) set(t testing.TB, names ...string) Set {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.setFor(t, key, names...)
}

func (a *authority) setFor(t testing.TB, key *ecdsa.PrivateKey, names ...string) Set {
	t.Helper()
	return a.setUntil(t, key, 90, names...)
}

// setUntil is a set that ends in so many days, which may be past; it is valid from 90 days before.
func (a *authority) setUntil(t testing.TB, key *ecdsa.PrivateKey, days int, names ...string) Set {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, DNSNames: names, Subject: pkix.Name{CommonName: names[0]},
		NotBefore: a.now.AddDate(0, 0, days-90).Add(-time.Hour), NotAfter: a.now.AddDate(0, 0, days), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	set, err := NewSet(append(block("CERTIFICATE", der), block("CERTIFICATE", a.cert.Raw)...), block("PRIVATE KEY", pkcs8), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const example = "example.com"

// foldersAreLinks, set in the environment, has live and archive be links to another folder in every store (TestSuite_FoldersAreLinks).
const foldersAreLinks = "LINEAGE_FOLDERS_ARE_LINKS"

func open(t testing.TB, dir string) *Store {
	t.Helper()
	for _, name := range []string{"live", "archive"} {
		link, volume := filepath.Join(dir, "etc", name), filepath.Join(dir, ".volume", name)
		if _, err := os.Lstat(link); err == nil || os.Getenv(foldersAreLinks) == "" {
			continue
		}
		must(t, os.MkdirAll(volume, 0o700))
		must(t, os.MkdirAll(filepath.Dir(link), 0o755))
		must(t, os.Symlink(volume, link))
	}
	s, err := Open(Options{ConfigDir: filepath.Join(dir, "etc"), RunDir: filepath.Join(dir, "run"), LockWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func settings(c *Conf) error {
	if err := c.SetParams(Params{Server: "https://ca.test/dir", Account: "0", KeyType: "ecdsa", AuthHook: "/bin/true", CleanupHook: "/bin/true"}); err != nil {
		return err
	}
	return c.SetSettings(Settings{Domains: []string{example}, Providers: []providers.Spec{{Name: "conoha"}}})
}

func create(t testing.TB, s *Store, set Set) *Lineage {
	t.Helper()
	l, err := s.Create(t.Context(), example, set, settings)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func renew(t testing.TB, l *Lineage, set Set) *Lineage {
	t.Helper()
	next, err := l.Renew(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// isLive fails the test unless the set is what live leads to, through the links, with modes and link targets as certbot's.
func isLive(t *testing.T, l *Lineage, set Set, version int) {
	t.Helper()
	if l.Damage != nil || l.Version != version {
		t.Fatalf("version %d, damage %v; want version %d", l.Version, l.Damage, version)
	}
	for kind, want := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), "privkey": set.Key} {
		got, err := os.ReadFile(l.Path(kind))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what was stored: %v", kind, err)
		}
		target, err := os.Readlink(l.Path(kind))
		if want := "../../archive/" + l.Name + "/" + fileOf(kind, version); err != nil || target != want {
			t.Errorf("%s leads to %s: %v", kind, target, err)
		}
	}
}

func mode(t testing.TB, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func ls(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.Sort(names)
	return names
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func parseKey(t testing.TB, text []byte) *ecdsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	return key.(*ecdsa.PrivateKey)
}
