// Package takeover has what another user tries with a path that root, or any other user, reads or runs: each attack leads to a
// file of ours and, by turns or always, to one of the other user's. As root, the other user's files and folders belong to another
// uid; as an ordinary user, who can give nothing away, they are ours and others may write there.
//
// The ways are those of link(2), rename(2) with RENAME_EXCHANGE, symlink(7), acl(5) and mount(2) with MS_BIND.
package takeover

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/testkit/executable"
)

// Tries is how often each attack is made.
const Tries = 1000

const another = 4711

// File is what a path leads to.
type File struct {
	Good, Evil string      // its text
	Mode       os.FileMode // of a file that is safe
}

// Each has a path used, [Tries] times for each attack. Use must fail each time, and Taken, which looks for what the other user's
// file would have done, must never be true.
func Each(t *testing.T, f File, use func(path string) error, taken func() bool) {
	t.Helper()
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, f)
			path, a, b := attack(w)
			again, end := w.exchange(a, b)
			defer end()
			for range Tries {
				again()
				if use(path) == nil {
					t.Fatalf("%s was used", path)
				}
				if taken() {
					t.Fatalf("%s: the other user's file was used", path)
				}
			}
		})
	}
}

// attack makes a path, and two names that change their places all the time; none if it stays as it is.
type attack func(w *world) (path, a, b string)

func attacks() map[string]attack {
	all := theirFolders()
	maps.Copy(all, openFolders())
	return all
}

// theirFolders are attacks with what belongs to the other user.
func theirFolders() map[string]attack {
	return map[string]attack{
		"files in another's folder": func(w *world) (string, string, string) {
			w.both("theirs")
			w.theirs("theirs")
			return w.at("theirs/good"), w.at("theirs/good"), w.at("theirs/evil")
		},
		"folders in another's folder": func(w *world) (string, string, string) {
			w.folder("theirs/a", 0o755)
			w.folder("theirs/b", 0o755)
			w.good("theirs/a/file")
			w.evil("theirs/b/file")
			w.theirs("theirs/b")
			w.theirs("theirs")
			return w.at("theirs/a/file"), w.at("theirs/a"), w.at("theirs/b")
		},
		"our link to their link": func(w *world) (string, string, string) {
			w.both("ours")
			w.links("theirs")
			w.symlink("theirs/good", "ours/link")
			return w.at("ours/link"), w.at("theirs/good"), w.at("theirs/evil")
		},
		"our folder's link to their link": func(w *world) (string, string, string) {
			w.good("ours/a/file")
			w.evil("ours/b/file")
			w.folder("theirs", 0o755)
			w.symlink("ours/a", "theirs/good")
			w.symlink("ours/b", "theirs/evil")
			w.theirs("theirs/good")
			w.theirs("theirs/evil")
			w.theirs("theirs")
			w.symlink("theirs/good", "ours/link")
			return w.at("ours/link/file"), w.at("theirs/good"), w.at("theirs/evil")
		},
		"through their folder and back": func(w *world) (string, string, string) {
			w.both("ours")
			w.folder("theirs/a", 0o755)
			w.folder("theirs/b", 0o755)
			w.theirs("theirs")
			return w.at("theirs/a") + "/../../ours/good", w.at("theirs/a"), w.at("theirs/b")
		},
		"their folder, mounted in ours": func(w *world) (string, string, string) {
			w.both("theirs")
			w.theirs("theirs")
			w.folder("ours/mounted", 0o755)
			return w.mount("theirs", "ours/mounted") + "/good", w.at("theirs/good"), w.at("theirs/evil")
		},
	}
}

// openFolders are attacks where the other user may write.
func openFolders() map[string]attack {
	return map[string]attack{
		"a folder for a group": func(w *world) (string, string, string) {
			w.both("shared")
			w.chmod("shared", 0o775)
			return w.at("shared/good"), w.at("shared/good"), w.at("shared/evil")
		},
		"a folder above for all": func(w *world) (string, string, string) {
			w.good("shared/a/file")
			w.evil("shared/b/file")
			w.chmod("shared", 0o777)
			return w.at("shared/a/file"), w.at("shared/a"), w.at("shared/b")
		},
		"a folder by an ACL": func(w *world) (string, string, string) {
			w.both("shared")
			w.acl("shared")
			return w.at("shared/good"), w.at("shared/good"), w.at("shared/evil")
		},
		"their file in a sticky folder": func(w *world) (string, string, string) {
			w.evil("sticky/a")
			w.evil("sticky/b")
			w.chmod("sticky", 0o777|os.ModeSticky)
			return w.at("sticky/a"), w.at("sticky/a"), w.at("sticky/b")
		},
		"their link in a sticky folder": func(w *world) (string, string, string) { // fs.protected_symlinks=0
			w.both("ours")
			w.links("sticky")
			w.chown("sticky", os.Geteuid())
			w.chmod("sticky", 0o777|os.ModeSticky)
			if os.Geteuid() != 0 { // whose links are as good as ours
				w.chmod("sticky", 0o777)
			}
			return w.at("sticky/good"), w.at("sticky/good"), w.at("sticky/evil")
		},
		"their name of our file in a sticky folder": func(w *world) (string, string, string) { // fs.protected_hardlinks=0
			w.both("ours")
			w.folder("sticky", 0o755)
			w.must(os.Link(w.at("ours/good"), w.at("sticky/file")))
			w.chmod("sticky", 0o777|os.ModeSticky)
			return w.at("sticky/file"), "", ""
		},
		"a file for all": func(w *world) (string, string, string) {
			w.both("ours")
			w.chmod("ours/good", 0o666|w.f.Mode&0o111)
			return w.at("ours/good"), "", ""
		},
	}
}

type world struct {
	t   *testing.T
	dir string
	f   File
}

func newWorld(t *testing.T, f File) *world {
	t.Helper()
	return &world{t, t.TempDir(), f}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) at(name string) string { return filepath.Join(w.dir, name) }

func (w *world) folder(name string, mode os.FileMode) {
	w.must(os.MkdirAll(w.at(name), 0o755))
	w.chmod(name, mode)
}

func (w *world) chmod(name string, mode os.FileMode) { w.must(os.Chmod(w.at(name), mode)) }

func (w *world) chown(name string, uid int) { w.must(os.Lchown(w.at(name), uid, -1)) }

func (w *world) symlink(target, name string) { w.must(os.Symlink(w.at(target), w.at(name))) }

func (w *world) file(name, text string) {
	w.must(os.MkdirAll(filepath.Dir(w.at(name)), 0o755))
	w.must(executable.WriteFile(w.at(name), []byte(text), w.f.Mode))
}

func (w *world) good(name string) { w.file(name, w.f.Good) }

// evil makes a file of the other user's.
func (w *world) evil(name string) {
	w.file(name, w.f.Evil)
	if os.Geteuid() == 0 {
		w.chown(name, another)
		return
	}
	w.chmod(name, 0o666|w.f.Mode&0o111)
}

// both makes a file of ours and one of the other user's.
func (w *world) both(dir string) {
	w.good(dir + "/good")
	w.evil(dir + "/evil")
}

// links makes a link of the other user's to either.
func (w *world) links(dir string) {
	w.folder(dir, 0o755)
	for _, name := range []string{"good", "evil"} {
		w.symlink("ours/"+name, dir+"/"+name)
		w.theirs(dir + "/" + name)
	}
	w.theirs(dir)
}

// theirs gives a folder or a link to the other user.
func (w *world) theirs(name string) {
	if os.Geteuid() == 0 {
		w.chown(name, another)
		return
	}
	if info, err := os.Lstat(w.at(name)); err == nil && info.IsDir() {
		w.chmod(name, 0o777)
	}
}

// acl lets the other user write to a folder. Where the file system has no ACL, the group gets what their mask would show.
func (w *world) acl(name string) {
	entry := func(tag, perm byte, id uint32) []byte {
		return []byte{tag, 0, perm, 0, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
	}
	const none = ^uint32(0)
	text := []byte{2, 0, 0, 0}
	for _, e := range [][]byte{
		entry(0x01, 7, none), entry(0x02, 7, another), entry(0x04, 5, none), entry(0x10, 7, none), entry(0x20, 5, none),
	} {
		text = append(text, e...)
	}
	if unix.Setxattr(w.at(name), "system.posix_acl_access", text, 0) != nil {
		w.chmod(name, 0o775)
	}
}

// mount gives a folder a second place, and returns that; the first one where we may not mount.
func (w *world) mount(from, to string) string {
	if unix.Mount(w.at(from), w.at(to), "", unix.MS_BIND, "") != nil {
		return w.at(from)
	}
	w.t.Cleanup(func() { w.must(unix.Unmount(w.at(to), unix.MNT_DETACH)) })
	return w.at(to)
}

// exchange has two names change their places for a while at each call of the function that it returns first, until the second one.
func (w *world) exchange(a, b string) (again, end func()) {
	if a == "" {
		return func() {}, func() {}
	}
	tries := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() {
		for range tries {
			for range 10 { // not all the time, for the sake of other tests
				err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
				if err != nil && !errors.Is(err, unix.EBUSY) {
					w.t.Errorf("exchange: %v", err)
				}
			}
		}
	})
	again = func() {
		select {
		case tries <- struct{}{}:
		default:
		}
	}
	return again, func() { close(tries); running.Wait() }
}
