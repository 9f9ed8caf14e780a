package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/lineage"
	"wildcard/internal/testkit/acmetest"
)

// expired is a set of another CA and another key, for the names of the reports' OLD: valid 2024-10-12 to 2025-01-10.
func expired(t *testing.T, names ...string) lineage.Set {
	t.Helper()
	from := time.Date(2024, 10, 12, 0, 0, 0, 0, time.UTC)
	return setOf(t, from, from.AddDate(0, 0, 90), names...)
}

// setOf is a set of a CA of its own.
func setOf(t *testing.T, from, until time.Time, names ...string) lineage.Set {
	t.Helper()
	return setWith(t, names, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until })
}

// setWith is a set of a CA of its own, whose certificate is changed before it is signed.
func setWith(t testing.TB, names []string, change func(*x509.Certificate)) lineage.Set {
	t.Helper()
	ca, err := acmetest.Start(acmetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(key.Public(), names, change)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	set, err := lineage.NewSet(append(leaf, ca.ChainPEM()...), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// put writes the four files of a set as DIR/KINDn.pem; what is there goes first. A number below 1 is none.
func (w *world) put(dir string, n int, set lineage.Set) {
	w.t.Helper()
	number := ""
	if n > 0 {
		number = fmt.Sprint(n)
	}
	for kind, text := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), "privkey": set.Key} {
		path := filepath.Join(dir, kind+number+".pem")
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = os.RemoveAll(path)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// leadsTo fails the test unless live is whole and leads to this number.
func (w *world) leadsTo(n int) {
	w.t.Helper()
	if l := w.lineage("example.com"); l.Version != n {
		w.t.Errorf("live leads to number %d, not %d", l.Version, n)
	}
}

// TestRepair_HigherNumberIsOlder: report O1. An importer, or a restore, gave an old set a higher number: it is not made live by
// adoption, a failing renewal or doctor --fix.
func TestRepair_HigherNumberIsOlder(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	archive := func(w *world) string { return w.config("archive", name) }
	t.Run("before adoption", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ofCertbot(name)
		w.put(archive(w), 34, expired(t, name))
		w.run("adopt", "--dry-run", name).exits(0)
		w.run("adopt", "--yes", name).exits(0)
		w.leadsTo(1)
		w.run("renew").exits(0)
		w.leadsTo(35)
	})
	t.Run("renewal that fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ofCertbot(name)
		w.run("adopt", "--yes", name).exits(0)
		w.put(archive(w), 34, expired(t, name))
		before := w.tree(w.config())
		good := w.environ
		w.environ = slices.Clone(good)
		for i, entry := range w.environ {
			if strings.HasPrefix(entry, "CONOHA_API_PASSWORD=") {
				w.environ[i] = "CONOHA_API_PASSWORD=wrong"
			}
		}
		if err := os.RemoveAll(filepath.Join(w.dir, "run")); err != nil { // the token of the login before
			t.Fatal(err)
		}
		w.run("renew").exits(77, "credentials.refused")
		if after := w.tree(w.config()); !maps.Equal(before, after) {
			t.Error("something was written")
		}
		w.leadsTo(1)
		w.environ = good
		w.run("renew", "--force").exits(0)
		w.leadsTo(35)
		w.run("doctor").exits(0)
	})
	for what, from := range map[string]time.Time{
		"it is an older set": time.Date(2024, 10, 12, 0, 0, 0, 0, time.UTC),
		"it ends on":         time.Now().AddDate(0, 0, -80), // and is still valid
		"not valid before":   time.Now().AddDate(0, 0, 30),
	} {
		t.Run("doctor --fix: "+what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue(name)
			w.put(archive(w), 34, setOf(t, from, from.AddDate(0, 0, 90), name))
			before := w.tree(w.config())
			for _, args := range [][]string{{"doctor"}, {"doctor", "--fix"}} {
				said := w.run(args...).exits(1, "number 34", what, "lineage.outnumbered", "wildcard renew --cert-name "+name)
				if strings.Contains(said.stdout, "repaired") {
					t.Errorf("%s", said.stdout)
				}
			}
			if after := w.tree(w.config()); !maps.Equal(before, after) {
				t.Error("something was written")
			}
			w.leadsTo(1)
			w.run("renew", "--cert-name", name).exits(0)
			w.leadsTo(35)
			w.run("doctor").exits(0)
		})
	}
}

// TestAdopt_FilesNewerThanArchive: report O2. A web interface wrote the files of live, and archive has an old set alone, or nothing (O3): what
// is in use stays in use, as a version of its own.
func TestAdopt_FilesNewerThanArchive(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	for what, test := range map[string]struct {
		archive func(w *world) // what others did to it
		live    int
	}{
		"an old set": {func(w *world) { w.put(w.config("archive", name), 1, expired(w.t.(*testing.T), name)) }, 2},
		"an old set, number 40": {func(w *world) {
			w.put(w.config("archive", name), 40, expired(w.t.(*testing.T), name))
			w.cut("archive", name, "cert1.pem")
		}, 41},
		"nothing": {func(w *world) { w.cut("archive", name) }, 1},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot(name)
			in, err := w.lineage(name).Set()
			if err != nil {
				t.Fatal(err)
			}
			until := w.lineage(name).Leaf.NotAfter
			w.put(w.config("live", name), 0, in)
			test.archive(w)
			w.run("list", "--check", "14d").exits(1, "damaged", "is not a link")
			w.run("adopt", "--dry-run", name).exits(0)
			w.run("adopt", "--yes", name).exits(0, "is managed by wildcard from now on", "It is renewed from")
			w.leadsTo(test.live)
			if l := w.lineage(name); !l.Leaf.NotAfter.Equal(until) || w.read(l.Path("privkey")) != string(in.Key) {
				t.Errorf("live is another set, until %v", l.Leaf.NotAfter)
			}
			if s, _ := w.lineage(name).Conf.Settings(); len(s.Domains) != 1 {
				t.Errorf("domains %q", s.Domains)
			}
			if w.read(w.config("live", name, "fullchain.pem.saved")) != string(in.Fullchain()) {
				t.Error("the file that was there is lost")
			}
			w.run("renew", "--force").exits(0)
			w.leadsTo(test.live + 1)
			w.run("doctor").exits(0)
		})
	}
}

// cut removes something from the configuration directory.
func (w *world) cut(parts ...string) {
	w.t.Helper()
	if err := os.RemoveAll(w.config(parts...)); err != nil {
		w.t.Fatal(err)
	}
}

// TestAdopt_CannotBeRepaired: report O3. What cannot be put in order is refused before anything is written: the .conf is certbot's, byte for
// byte, and the next try, dry or not, says the same.
func TestAdopt_CannotBeRepaired(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	for what, damage := range map[string]func(w *world) error{
		"live is a link to elsewhere": func(w *world) error {
			elsewhere := filepath.Join(w.dir, "elsewhere")
			if err := os.Mkdir(elsewhere, 0o755); err != nil {
				return err
			}
			for _, kind := range []string{"cert", "chain", "fullchain", "privkey"} {
				if err := os.Symlink(w.config("archive", name, kind+"1.pem"), filepath.Join(elsewhere, kind+".pem")); err != nil {
					return err
				}
			}
			w.cut("live", name)
			return os.Symlink(elsewhere, w.config("live", name))
		},
		"a folder for a link": func(w *world) error {
			w.cut("live", name, "chain.pem")
			return os.Mkdir(w.config("live", name, "chain.pem"), 0o755)
		},
		"no key": func(w *world) error { return os.Truncate(w.config("archive", name, "privkey1.pem"), 0) },
		"live is a file": func(w *world) error {
			w.cut("live", name)
			return os.WriteFile(w.config("live", name), nil, 0o644)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot(name)
			if err := damage(w); err != nil {
				t.Fatal(err)
			}
			before := w.tree(w.config())
			first := w.run("adopt", "--yes", name).exits(78, "lineage.damaged")
			for _, args := range [][]string{{"adopt", "--yes", name}, {"adopt", "--dry-run", name}} {
				if again := w.run(args...).exits(78); again.stderr != first.stderr {
					t.Errorf("first:\n%s\nthen:\n%s", first.stderr, again.stderr)
				}
			}
			if after := w.tree(w.config()); !maps.Equal(before, after) {
				t.Error("something was written")
			}
			w.run("renew", "--cert-name", name).exits(2, "lineage.not-owned")
		})
	}
}

// TestAdopt_FoldersAreLinks: report O5. live, archive or archive/NAME on another volume, with links in their places, as certbot takes them: the
// dry run and the adoption say the same, the links stay, and renewals are stored there.
func TestAdopt_FoldersAreLinks(t *testing.T) {
	t.Parallel()
	const name = "example.com"
	for what, links := range map[string][]string{
		"live and archive":    {"live", "archive"},
		"archive of the name": {"archive/" + name},
		"live":                {"live"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ofCertbot(name)
			volume := filepath.Join(w.dir, "volume")
			for _, link := range links {
				to := filepath.Join(volume, filepath.Base(link))
				err := os.MkdirAll(volume, 0o755)
				if err == nil {
					err = os.Rename(w.config(link), to)
				}
				if err == nil {
					err = os.Symlink(to, w.config(link))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			w.run("adopt", "--dry-run", name).exits(0)
			w.run("adopt", "--yes", name).exits(0)
			w.run("renew", "--force").exits(0)
			for _, link := range links {
				if info, err := os.Lstat(w.config(link)); err != nil || info.Mode()&os.ModeSymlink == 0 {
					t.Errorf("%s is no link any more: %v", link, err)
				}
			}
			l := w.lineage(name)
			if set, err := l.Set(); err != nil || w.read(l.Path("privkey")) != string(set.Key) {
				t.Errorf("what servers open is not what was stored: %v", err)
			}
			w.run("doctor").exits(0, "Nothing is wrong")
		})
	}
}
