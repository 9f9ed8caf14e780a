// Package clienttree has what other ACME clients left on disk, for tests of what reads it: acme.sh 3.1.4, lego 4.35.2 and 5.6.0 (also a
// tree of 4 that "lego migrate" changed), dehydrated 0.7.0, uacme 1.7.4 and Caddy 2.11.9 made theirs against two Pebbles on 2026-11-28
// (localhost:14000; 127.0.0.1:14001, whose certificates ended at once); units, cron lines and hooks are by hand. Traefik's, getssl's and
// cert-manager's trees are by hand in the form that their source or manual has, with certificates of the lego trees. All keys, passwords and
// tokens were made for this; no file beside these has them. PKCS #12 files are left out. Certificates end on 2027-02-26.
package clienttree

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed trees
var trees embed.FS

// Now is when the trees were new.
func Now() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }

// Names are those of the trees.
func Names() (names []string) {
	entries, _ := trees.ReadDir("trees") // they are in the program
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".txtar"))
	}
	return names
}

// Secrets are what the trees have of passwords and tokens, beside keys.
func Secrets() []string {
	return []string{"dummy-pass", "dummy-token", "dummy-access", "dummy-pfx", "zWNDZM6eQGHWp", "PRIVATE KEY", "dummy-hmac"}
}

// Lay lays a tree out in a new folder, with its modes, links and empty folders, and all its times an hour ago.
func Lay(t testing.TB, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := lay(dir, name); err != nil {
		t.Fatal(err)
	}
	return dir
}

func lay(dir, name string) error {
	text, err := trees.ReadFile("trees/" + name + ".txtar")
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, file := range txtar.Parse(text).Files {
		files[file.Name] = file.Data
	}
	var after []func() error // modes of folders, once all is in them
	for line := range strings.Lines(string(files["MODES.txt"])) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 2)
		kind, path, _ := strings.Cut(strings.TrimSpace(fields[1]), " ")
		path = strings.TrimSpace(path)
		bits, err := strconv.ParseUint(fields[0], 8, 32)
		if err != nil {
			return err
		}
		path, target, _ := strings.Cut(path, " -> ")
		at := filepath.Join(dir, path)
		switch err = os.MkdirAll(filepath.Dir(at), 0o755); {
		case err != nil:
		case kind == "dir":
			err = os.MkdirAll(at, 0o755)
			after = append(after, func() error { return os.Chmod(at, fs.FileMode(bits)) })
		case kind == "link":
			err = os.Symlink(target, at)
		default:
			err = errors.Join(os.WriteFile(at, files[path], 0o600), os.Chmod(at, fs.FileMode(bits)))
		}
		if err != nil {
			return err
		}
	}
	for _, do := range after {
		if err := do(); err != nil {
			return err
		}
	}
	return age(dir)
}

// age puts all times an hour back, so that a change shows.
func age(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		then := time.Now().Add(-time.Hour)
		return os.Chtimes(path, then, then)
	})
}

// Snapshot is all that stands in a tree: kinds, modes, owners, times and contents. It leaves no time of reading that a second one would show.
func Snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v %v %d", info.Mode(), info.ModTime(), info.Size())
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += "\n" + string(text)
		}
		all[path] = line
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
