package target

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/failpoint"
)

// files is a directory on another machine, with these names in it:
//
//	.wildcard-ID/   the files of one certificate
//	.live           a link to the directory of the one that is live
//	privkey.pem     a link to .live/privkey.pem; likewise fullchain.pem, cert.pem, chain.pem, combined.pem
//	renewed         changes after each switch, for a path unit that reloads a server
//
// The switch is the renaming of .live, one instant for all names. Whatever ends a run, key and certificate are of one pair, and the next run
// finds by .live what there is to do. The former directory stays until the switch after next. Files that were there before, with
// the names of ours, are moved first into a directory of their own.
type files struct {
	c   *sftp.Client
	dir string
}

const (
	versionPrefix = ".wildcard-"
	former        = versionPrefix + "former" // what was there before us
	probe         = versionPrefix + "probe"
	live          = ".live"
	renewed       = "renewed"

	leastRoom = 1 << 20 // bytes that are to be free
	mostFile  = 1 << 20
)

// content is a file of a certificate.
type content struct {
	name string
	text []byte
	key  bool
}

func contents(c Certificate) ([]content, error) {
	combined, err := c.Set.Combined()
	if err != nil {
		return nil, err
	}
	return []content{
		{"privkey.pem", c.Set.Key, true}, {"cert.pem", c.Set.Cert, false}, {"chain.pem", c.Set.Chain, false},
		{"fullchain.pem", c.Set.Fullchain(), false}, {"combined.pem", combined, true},
	}, nil
}

func (f *files) close() { _ = f.c.Close() }

func (f *files) path(elem ...string) string { return path.Join(append([]string{f.dir}, elem...)...) }

// step is an outward step: its failure tells of the place.
func (f *files) step(what string, do func() error) error {
	err := failpoint.Do("ssh", what, do)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s cannot be written (%s)", f.dir, what))
	case errors.Is(err, fs.ErrNotExist):
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s is not there (%s)", f.dir, what))
	}
	if roomErr := f.room(); roomErr != nil {
		return roomErr
	}
	return fmt.Errorf("%s in %s: %w", what, f.dir, err)
}

// room is an error if there is none.
func (f *files) room() error {
	stat, err := f.c.StatVFS(f.dir)
	if err != nil || stat.Blocks == 0 || stat.Bavail*cmp.Or(stat.Frsize, stat.Bsize) >= leastRoom {
		return nil // it cannot be known, or is enough
	}
	return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("there is no room in %s", f.dir))
}

// check tries what put does.
func (f *files) check() error {
	if _, ok := f.c.HasExtension("posix-rename@openssh.com"); !ok {
		return fault.Errorf(CodeUnusable, fault.Misconfigured, "%w",
			messages.New("the server cannot put a file in the place of another in one step (posix-rename)"))
	}
	if info, err := f.c.Stat(f.dir); err == nil && !info.IsDir() {
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s is not a directory", f.dir))
	}
	if err := f.room(); err != nil {
		return err
	}
	defer func() { _ = f.clear(probe) }()
	if err := f.fresh(probe, []content{{"file", []byte("probe\n"), true}}, 0o600, -1); err != nil {
		return err
	}
	if err := f.link("file", probe+".link"); err != nil {
		return err
	}
	return f.step("remove", func() error { return f.c.Remove(f.path(probe + ".link")) })
}

// put makes a certificate the live one.
func (f *files) put(c Certificate) error {
	if _, ok := f.c.HasExtension("posix-rename@openssh.com"); !ok {
		return f.check()
	}
	all, err := contents(c)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(c.Leaf.Raw)
	version := versionPrefix + hex.EncodeToString(digest[:8])
	was, err := f.c.ReadLink(f.path(live))
	if err != nil {
		if was, err = f.takeOver(all); err != nil {
			return err
		}
	}
	if was != version || f.same("", all) != nil {
		if err := f.replace(was, version, all); err != nil {
			return err
		}
	}
	for _, file := range all {
		if err := f.lead(file.name); err != nil {
			return err
		}
	}
	if err := f.same("", all); err != nil {
		return err
	}
	f.tidy(was, version)
	return f.file(renewed, []byte(version+" "+deploy.Serial(c.Leaf)+"\n"), 0o644, -1)
}

// replace writes the files of a version and switches to it. Where a directory of that name is live, and is not what it should be, the new
// one gets another name.
func (f *files) replace(was, version string, all []content) error {
	if was == version {
		version += "-again"
	}
	mode, gid := f.keyRights()
	if err := f.fresh(version, all, mode, gid); err != nil {
		return err
	}
	if err := f.same(version, all); err != nil {
		return err
	}
	return f.link(version, live)
}

// keyRights are mode and group of the key that is there: its readers are to read the new one.
func (f *files) keyRights() (mode fs.FileMode, gid int) {
	info, err := f.c.Stat(f.path("privkey.pem"))
	if err != nil {
		return 0o600, -1
	}
	mode, gid = 0o600|info.Mode().Perm()&0o040, -1
	if stat, ok := info.Sys().(*sftp.FileStat); ok && mode != 0o600 {
		gid = int(stat.GID)
	}
	return mode, gid
}

// takeOver moves files that were there before us into a directory of their own, and has their names lead there: a reader sees no
// difference. Without such files there is nothing to do.
func (f *files) takeOver(all []content) (was string, err error) {
	var there []content
	for _, file := range all {
		info, err := f.c.Lstat(f.path(file.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		text, err := f.read(file.name)
		if errors.Is(err, fs.ErrNotExist) && info.Mode()&fs.ModeSymlink != 0 {
			continue
		}
		if err != nil {
			return "", err
		}
		there = append(there, content{file.name, text, file.key})
	}
	if len(there) == 0 {
		return "", nil
	}
	mode, gid := f.keyRights()
	if err := f.fresh(former, there, mode, gid); err != nil {
		return "", err
	}
	if err := f.link(former, live); err != nil {
		return "", err
	}
	for _, file := range there {
		if err := f.lead(file.name); err != nil {
			return "", err
		}
	}
	return former, nil
}

// lead makes a name a link into what is live.
func (f *files) lead(name string) error {
	if to, err := f.c.ReadLink(f.path(name)); err == nil && to == live+"/"+name {
		return nil
	}
	return f.link(live+"/"+name, name)
}

// link puts a link at a name, whatever is there.
func (f *files) link(to, name string) error {
	next := f.path(strings.TrimPrefix(name, ".") + ".new")
	_ = f.c.Remove(next) // of a run that was ended
	if err := f.step("link", func() error { return f.c.Symlink(to, next) }); err != nil {
		return err
	}
	return f.step("rename", func() error { return f.c.PosixRename(next, f.path(name)) })
}

// fresh makes a directory with files.
func (f *files) fresh(dir string, all []content, mode fs.FileMode, gid int) error {
	if err := f.clear(dir); err != nil { // of a run that was ended
		return err
	}
	if err := f.step("mkdir", func() error { return f.c.Mkdir(f.path(dir)) }); err != nil {
		return err
	}
	if err := f.step("chmod", func() error { return f.c.Chmod(f.path(dir), 0o755) }); err != nil {
		return err
	}
	for _, file := range all {
		own, group := fs.FileMode(0o644), -1
		if file.key {
			own, group = mode, gid
		}
		if err := f.write(path.Join(dir, file.name), file.text, own, group); err != nil {
			return err
		}
	}
	return nil
}

// clear removes a directory of ours with its files, if it is there.
func (f *files) clear(dir string) error {
	there, err := f.c.ReadDir(f.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range there {
		err = errors.Join(err, f.step("remove", func() error { return f.c.Remove(f.path(dir, file.Name())) }))
	}
	if err == nil {
		err = f.step("rmdir", func() error { return f.c.RemoveDirectory(f.path(dir)) })
	}
	return err
}

// file puts a file in its place whole.
func (f *files) file(name string, text []byte, mode fs.FileMode, gid int) error {
	next := name + ".new"
	_ = f.c.Remove(f.path(next))
	if err := f.write(next, text, mode, gid); err != nil {
		return err
	}
	return f.step("rename", func() error { return f.c.PosixRename(f.path(next), f.path(name)) })
}

// write writes a new file: mode first, so that no other can read a key for a moment.
func (f *files) write(name string, text []byte, mode fs.FileMode, gid int) error {
	var file *sftp.File
	err := f.step("create", func() (err error) {
		file, err = f.c.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		return err
	})
	if err != nil {
		return err
	}
	rights := func() error {
		if err := file.Chmod(0o600); err != nil || gid < 0 {
			return errors.Join(err, file.Chmod(mode))
		}
		info, err := file.Stat()
		if stat, ok := info.Sys().(*sftp.FileStat); err == nil && ok && int(stat.GID) != gid {
			err = file.Chown(int(stat.UID), gid)
		}
		return errors.Join(err, file.Chmod(mode))
	}
	err = f.step("rights", rights)
	if err == nil {
		err = f.step("write", func() error { _, err := file.Write(text); return err })
	}
	if _, ok := f.c.HasExtension("fsync@openssh.com"); ok && err == nil {
		err = f.step("fsync", file.Sync)
	}
	closeErr := file.Close()
	if err == nil && closeErr != nil {
		return f.step("close", func() error { return closeErr })
	}
	return err
}

// read reads a file, as far as a certificate's may be long.
func (f *files) read(name string) ([]byte, error) {
	file, err := f.c.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostFile))
}

// same is an error if files are not as they should be.
func (f *files) same(dir string, all []content) error {
	for _, file := range all {
		text, err := f.read(path.Join(dir, file.name))
		if err == nil && !bytes.Equal(text, file.text) {
			err = fault.Errorf(CodeFailed, fault.Failed, "%w",
				messages.New("%s is not what was written", f.path(dir, file.name)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tidy removes the directories of certificates but the live one and the one before. What it cannot remove, the next run may.
func (f *files) tidy(was, version string) {
	entries, err := f.c.ReadDir(f.dir)
	now, liveErr := f.c.ReadLink(f.path(live))
	if err != nil || liveErr != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() && strings.HasPrefix(name, versionPrefix) && name != was && name != version && name != now {
			_ = f.clear(name)
		}
	}
}
