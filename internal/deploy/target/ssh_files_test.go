package target_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/deploy/target"
)

// write writes files into the directory of the target.
func (f *far) write(name string, text []byte, mode fs.FileMode) {
	f.world.t.Helper()
	path := filepath.Join(f.place, name)
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, mode)); err != nil {
		f.world.t.Fatal(err)
	}
}

// mode is that of a file in the directory of the target, behind links.
func (f *far) mode(name string) fs.FileMode {
	f.world.t.Helper()
	info, err := os.Stat(filepath.Join(f.place, name))
	if err != nil {
		f.world.t.Fatal(err)
	}
	return info.Mode()
}

// whole marks the test as failed if key and certificate in the directory are not of one pair. It parses nothing: it is called often.
func (f *far) whole(all ...target.Certificate) {
	key, err := os.ReadFile(filepath.Join(f.place, "privkey.pem"))
	chain, chainErr := os.ReadFile(filepath.Join(f.place, "fullchain.pem"))
	if err := errors.Join(err, chainErr); err != nil {
		f.world.t.Error(err)
	}
	if !slices.ContainsFunc(all, func(c target.Certificate) bool {
		return bytes.Equal(key, c.Set.Key) && bytes.Equal(chain, c.Set.Fullchain())
	}) {
		f.world.t.Error("the pair is mixed")
	}
}

// TestSSH_LinkInPlaceOfDirectory removes the link, and nothing of what it leads to.
func TestSSH_LinkInPlaceOfDirectory(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	elsewhere := filepath.Join(f.dir, "etc")
	if err := errors.Join(os.Mkdir(elsewhere, 0o700), os.WriteFile(filepath.Join(elsewhere, "passwd"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".wildcard-probe", ".wildcard-taking", ".wildcard-probe.owner"} {
		if err := os.Symlink(elsewhere, filepath.Join(f.place, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := certificate(t)
	f.write("cert.pem", c.Set.Cert, 0o600)
	wants(t, f.check(f.spec), "")
	wants(t, f.deploy(t.Context(), c, f.spec)[0], "")
	f.pair(c)
	left, err := os.ReadDir(elsewhere)
	if err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestSSH_OthersWrite refuses a directory that others can write to, and touches nothing in it.
func TestSSH_OthersWrite(t *testing.T) {
	t.Parallel()
	for what, mode := range map[string]fs.FileMode{
		"group": 0o770, "others": 0o707, "sticky": 0o777 | fs.ModeSticky,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			if err := os.Chmod(f.place, mode); err != nil {
				t.Fatal(err)
			}
			wants(t, f.check(f.spec), target.CodePlace, "another user can write to "+f.place)
			wants(t, f.deploy(t.Context(), certificate(t), f.spec)[0], target.CodePlace, "another user can write to "+f.place)
			if entries, err := os.ReadDir(f.place); err != nil || len(entries) > 0 {
				t.Errorf("%v %v", entries, err)
			}
		})
	}
}

// TestSSH_KeyUnreadable has no moment at which a key, even an empty one, can be opened by others: the server makes files 0644 and directories 0755.
func TestSSH_KeyUnreadable(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	former, next := certificate(t), certificate(t)
	f.write("cert.pem", append(bytes.Clone(former.Set.Cert), former.Set.Key...), 0o600)
	f.seen(func(byte) bool {
		paths, _ := filepath.Glob(filepath.Join(f.place, ".wildcard-*", "*"))
		for _, path := range paths {
			file, err := os.Stat(path)
			dir, dirErr := os.Stat(filepath.Dir(path))
			if err != nil || dirErr != nil {
				t.Error(err, dirErr)
				continue
			}
			key := strings.HasSuffix(path, "privkey.pem") || strings.HasSuffix(path, "combined.pem") ||
				strings.HasSuffix(path, "former/cert.pem") || strings.HasSuffix(path, "taking/cert.pem")
			if key && file.Mode().Perm()&0o044 != 0 && dir.Mode().Perm()&0o011 != 0 {
				t.Errorf("%s can be opened: %v in %v", path, file.Mode(), dir.Mode())
			}
		}
		return true
	})
	wants(t, f.check(f.spec), "")
	wants(t, f.deploy(t.Context(), next, f.spec)[0], "")
	f.pair(next)
	if f.mode(".wildcard-former/cert.pem").Perm() != 0o600 || f.mode("cert.pem").Perm() != 0o644 || f.mode("privkey.pem").Perm() != 0o600 {
		t.Errorf("%v %v", f.mode(".wildcard-former/cert.pem"), f.mode("cert.pem"))
	}
}

// TestSSH_ReadersStay keeps for each file who may read it, and gives others no more than they had.
func TestSSH_ReadersStay(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		name                string
		mode, former, after fs.FileMode
	}{
		"combined with a group": {"combined.pem", 0o640, 0o640, 0o640},
		"key with a group":      {"privkey.pem", 0o440, 0o440, 0o640},
		"key of all":            {"privkey.pem", 0o666, 0o644, 0o640},
		"closed certificate":    {"fullchain.pem", 0o600, 0o600, 0o644},
		"program":               {"chain.pem", 0o755, 0o644, 0o644},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			f.write(test.name, []byte("former\n"), test.mode)
			for range 2 {
				c := certificate(t)
				wants(t, f.deploy(t.Context(), c, f.spec)[0], "")
				f.pair(c)
				if former, after := f.mode(".wildcard-former/"+test.name), f.mode(test.name); former != test.former || after != test.after {
					t.Errorf("former %v, after %v", former, after)
				}
			}
			for _, key := range []string{"privkey.pem", "combined.pem"} {
				if key != test.name && f.mode(key) != 0o600 {
					t.Errorf("%s is %v", key, f.mode(key))
				}
			}
		})
	}
}

// TestSSH_LostAtRequest loses the connection before each link, and where rights are asked for, and looks at each moment of the run after it: the pair is whole, and a lost
// connection is the failure of the target.
func TestSSH_LostAtRequest(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	former, next := certificate(t), certificate(t)
	ends := []byte{8, 20} // FSTAT and SYMLINK
	look := func() { f.whole(former, next) }
	for n, done := 0, false; !done && !t.Failed(); n++ {
		f.seen(nil)
		if err := errors.Join(os.RemoveAll(f.place), os.Mkdir(f.place, 0o700)); err != nil {
			t.Fatal(err)
		}
		f.write("privkey.pem", former.Set.Key, 0o640)
		f.write("fullchain.pem", former.Set.Fullchain(), 0o644)
		left := n
		f.seen(func(kind byte) bool {
			if look(); slices.Contains(ends, kind) {
				left--
			}
			return left >= 0
		})
		err := f.deploy(t.Context(), next, f.spec)[0]
		if done = err == nil; !done {
			wants(t, err, target.CodeFailed)
		}
		f.seen(func(byte) bool { look(); return true })
		wants(t, f.deploy(t.Context(), next, f.spec)[0], "")
		if f.pair(former, next) != 1 {
			t.Errorf("lost at request %d, the next run does not finish", n)
		}
		if kept, err := os.ReadFile(filepath.Join(f.place, ".wildcard-former", "privkey.pem")); err != nil || !bytes.Equal(kept, former.Set.Key) {
			t.Errorf("lost at request %d, the former key is gone: %v", n, err)
		}
	}
}

// TestSSH_FilesPutLater keeps files that were put in the place of ours between two renewals, and the pair is whole at each moment.
func TestSSH_FilesPutLater(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	first, own, last := certificate(t), certificate(t), certificate(t)
	wants(t, f.deploy(t.Context(), first, f.spec)[0], "")
	for _, name := range []string{"privkey.pem", "fullchain.pem"} {
		if err := os.Remove(filepath.Join(f.place, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.write("privkey.pem", own.Set.Key, 0o600)
	f.write("fullchain.pem", own.Set.Fullchain(), 0o644)
	f.seen(func(byte) bool {
		f.whole(first, own, last)
		return true
	})
	wants(t, f.deploy(t.Context(), last, f.spec)[0], "")
	f.pair(last)
	kept, err := os.ReadFile(filepath.Join(f.place, ".wildcard-former", "privkey.pem"))
	if err != nil || !bytes.Equal(kept, own.Set.Key) {
		t.Errorf("the operator's key is gone: %v", err)
	}
}

// TestSSH_FormerStays keeps what was there before us through renewals, and the probe of a check at work.
func TestSSH_FormerStays(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	former := certificate(t)
	f.write("privkey.pem", former.Set.Key, 0o600)
	if err := os.Mkdir(filepath.Join(f.place, ".wildcard-probe"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		wants(t, f.deploy(t.Context(), certificate(t), f.spec)[0], "")
	}
	kept, err := os.ReadFile(filepath.Join(f.place, ".wildcard-former", "privkey.pem"))
	if err != nil || !bytes.Equal(kept, former.Set.Key) {
		t.Errorf("the former key is gone: %v", err)
	}
	f.mode(".wildcard-probe")
	entries, err := os.ReadDir(f.place)
	if err != nil || len(entries) > 11 {
		t.Errorf("%v %v", entries, err)
	}
}
