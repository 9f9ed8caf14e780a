package lineage

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// look reads a set as a server does; each file by its own path, or all through one look at the directory.
func lookByPath(dir string) (Set, error) {
	return look(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) })
}

func lookAtOnce(dir string) (Set, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Set{}, err
	}
	defer unix.Close(fd)
	return look(func(name string) ([]byte, error) {
		f, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		file := os.NewFile(uintptr(f), name)
		defer file.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(file)
		return b.Bytes(), err
	})
}

func look(read func(string) ([]byte, error)) (set Set, err error) {
	var fullchain, readme []byte
	for name, to := range map[string]*[]byte{"cert.pem": &set.Cert, "chain.pem": &set.Chain, "fullchain.pem": &fullchain, "privkey.pem": &set.Key, "mine": &readme} {
		var text []byte
		if text, err = read(name); err != nil {
			return set, err
		}
		if !bytes.HasSuffix(text, []byte("-----\n")) && name != "mine" {
			return set, errors.New("half of " + name)
		}
		*to = text
	}
	if string(readme) != "foreign" {
		return set, errors.New("the foreign file is not whole")
	}
	return set, nil
}

// During 200 switches a reader that opens the directory once per look sees one set each time; one that opens paths always sees
// whole files. A look is over before the second switch after its beginning, as with renewals that are days apart.
func TestReadersDuringSwitches(t *testing.T) {
	t.Parallel()
	for how, switches := range map[string]int{"exchange": 200, "links": 50} {
		exchange := how == "exchange"
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			ca, s := newAuthority(t), open(t, t.TempDir())
			s.disk.flush = unsynced
			if !exchange {
				s.disk.step = func(op, _ string) error {
					if op == "exchange" {
						return unix.EINVAL
					}
					return nil
				}
			}
			sets := []Set{ca.set(t, example), ca.set(t, example), ca.set(t, example)}
			l := create(t, s, sets[0])
			write(t, filepath.Join(l.Dir(), "mine"), "foreign")
			live, stop := l.Dir(), make(chan struct{})
			var readers sync.WaitGroup
			var looks [2]atomic.Int64
			for i, see := range []func(string) (Set, error){lookAtOnce, lookByPath} {
				readers.Go(func() {
					for {
						set, err := see(live)
						if err != nil {
							t.Errorf("reader %d: %v", i, err)
						} else if _, err := tls.X509KeyPair(set.Cert, set.Key); err != nil && i == 0 && exchange {
							t.Errorf("reader %d: %v", i, err)
						}
						looks[i].Add(1)
						select {
						case <-stop:
							return
						default:
						}
					}
				})
			}
			for i := range switches {
				l = renew(t, l, sets[i%3])
				before := [2]int64{looks[0].Load(), looks[1].Load()} // so that the looks that began before the switch end
				for r := range looks {
					for looks[r].Load() == before[r] {
						time.Sleep(100 * time.Microsecond)
					}
				}
			}
			close(stop)
			readers.Wait()
			if l.Version != switches+1 {
				t.Errorf("version %d", l.Version)
			}
		})
	}
}

// acl is system.posix_acl_access with one user more: u::rwx,u:1234:r-x,g::r-x,m::rwx,o::r-x.
func acl() []byte {
	text := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{1, 7, 1<<32 - 1}, {2, 5, 1234}, {4, 5, 1<<32 - 1}, {16, 7, 1<<32 - 1}, {32, 5, 1<<32 - 1}} {
		text = binary.LittleEndian.AppendUint16(text, uint16(e[0]))
		text = binary.LittleEndian.AppendUint16(text, uint16(e[1]))
		text = binary.LittleEndian.AppendUint32(text, e[2])
	}
	return text
}

func TestForeignEntriesModeAndACLSurvive(t *testing.T) {
	t.Parallel()
	for how, step := range map[string]func(op, path string) error{
		"exchange": nil,
		"links": func(op, _ string) error {
			if op == "exchange" {
				return unix.ENOSYS
			}
			return nil
		},
		"attribute refused": func(op, _ string) error {
			if op == "setxattr" {
				return unix.EPERM
			}
			return nil
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			ca, s := newAuthority(t), open(t, t.TempDir())
			l := create(t, s, ca.set(t, example))
			live := l.Dir()
			write(t, filepath.Join(live, "mine.txt"), "x")
			must(t, os.Symlink("mine.txt", filepath.Join(live, "link")))
			must(t, os.Symlink("/nowhere", filepath.Join(live, "dangling")))
			must(t, unix.Mkfifo(filepath.Join(live, "fifo"), 0o600))
			must(t, os.Chmod(live, 0o750))
			attrs := unix.Lsetxattr(live, "user.test", []byte("y"), 0) == nil
			acls := unix.Lsetxattr(live, accessACL, acl(), 0) == nil
			before, err := os.Lstat(live)
			must(t, err)
			s.disk.step = step
			second, third := ca.set(t, example), ca.set(t, example)
			l = renew(t, renew(t, l, second), third)
			isLive(t, l, third, 3)
			if got := ls(t, live); !slices.Equal(got, []string{"README", "cert.pem", "chain.pem", "dangling", "fifo", "fullchain.pem", "link", "mine.txt", "privkey.pem"}) {
				t.Errorf("live has %q", got)
			}
			after, err := os.Lstat(live)
			if err != nil || after.Mode() != before.Mode() {
				t.Errorf("mode %v, was %v", after.Mode(), before.Mode())
			}
			got, err := attributes(live)
			if err != nil || attrs && string(got["user.test"]) != "y" || acls && !bytes.Equal(got[accessACL], acl()) {
				t.Errorf("attributes %q, %v", got, err)
			}
			write(t, filepath.Join(live, "mine.txt"), "changed")
			if text, err := os.ReadFile(filepath.Join(live, "link")); err != nil || string(text) != "changed" {
				t.Errorf("%q %v", text, err)
			}
		})
	}
}

// What others do in live/NAME while the next directory is being made is not lost, and what they do after the exchange neither.
func TestForeignFilesThatChangeMeanwhile(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	live := l.Dir()
	for _, name := range []string{"goes", "replaced", "stays", "late"} {
		write(t, filepath.Join(live, name), "old")
	}
	replace := func(name string) {
		write(t, filepath.Join(live, "t"), "new")
		must(t, os.Rename(filepath.Join(live, "t"), filepath.Join(live, name)))
	}
	exchanged := false
	s.disk.step = func(op, path string) error {
		switch {
		case op == "exchange":
			must(t, os.Remove(filepath.Join(live, "goes")))
			replace("replaced")
			write(t, filepath.Join(live, "comes"), "new")
			exchanged = true
		case op == "fsync" && exchanged && path == filepath.Dir(live):
			exchanged = false
			replace("late")
		}
		return nil
	}
	set := ca.set(t, example)
	isLive(t, renew(t, l, set), set, 2)
	for name, want := range map[string]string{"replaced": "new", "stays": "old", "comes": "new", "late": "new", "goes": ""} {
		if text, _ := os.ReadFile(filepath.Join(live, name)); string(text) != want {
			t.Errorf("%s is %q, want %q", name, text, want)
		}
	}
}

func TestForeignDirectoryMakesTheLinksChangeOneByOne(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	must(t, os.MkdirAll(filepath.Join(l.Dir(), "sub/sub"), 0o755))
	before, err := os.Lstat(l.Dir())
	must(t, err)
	set := ca.set(t, example)
	l = renew(t, l, set)
	isLive(t, l, set, 2)
	after, err := os.Lstat(l.Dir())
	if err != nil || !os.SameFile(before, after) {
		t.Error("the directory with a foreign directory was exchanged")
	}
	for _, name := range ls(t, l.Dir()) {
		if strings.HasPrefix(name, "previous_") || strings.HasPrefix(name, ".") {
			t.Errorf("%s is left", name)
		}
	}
}
