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
	"strconv"
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
// the names of ours, are copied first into a directory of their own, which stays. No other user may write to the directory: a link of theirs
// could lead anywhere.
type files struct {
	c   *sftp.Client
	dir string
}

const (
	versionPrefix = ".wildcard-"
	former        = versionPrefix + "former" // what was there before us, with a number from the second on
	taking        = versionPrefix + "taking" // one that becomes such
	probe         = versionPrefix + "probe"
	live          = ".live"
	renewed       = "renewed"

	leastRoom = 1 << 20 // bytes that are to be free
	mostFile  = 1 << 20

	giving = "owner" // the step that gives a file to its readers
)

// content is a file of a certificate.
type content struct {
	name string
	text []byte
	key  bool
	rights
}

// rights are who may read a file. Owner and group below 0 are those of the login.
type rights struct {
	mode     fs.FileMode
	uid, gid int
}

// keys are the names with a private key.
func keys() []string { return []string{"privkey.pem", "combined.pem"} }

func contents(c Certificate) ([]content, error) {
	combined, err := c.Set.Combined()
	if err != nil {
		return nil, err
	}
	public := rights{0o644, -1, -1}
	return []content{
		{name: "privkey.pem", text: c.Set.Key, key: true},
		{name: "cert.pem", text: c.Set.Cert, rights: public},
		{name: "chain.pem", text: c.Set.Chain, rights: public},
		{name: "fullchain.pem", text: c.Set.Fullchain(), rights: public},
		{name: "combined.pem", text: combined, key: true},
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
	case errors.Is(err, fs.ErrPermission) && what == giving:
		return fault.Errorf(CodePlace, fault.Failed, "%w",
			messages.New("the login cannot give a file in %s to the owner and group of the one there", f.dir)).
			Advise("let the login be in that group, or the file belong to it")
	case errors.Is(err, fs.ErrPermission):
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s cannot be written (%s)", f.dir, what))
	case errors.Is(err, fs.ErrNotExist):
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s is not there (%s)", f.dir, what))
	}
	if roomErr := f.room(); roomErr != nil {
		return roomErr
	}
	return fmt.Errorf("%s in %s: %w", what, f.dir, short{err})
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
	if err := f.own(); err != nil {
		return err
	}
	if err := f.room(); err != nil {
		return err
	}
	var all []content
	for _, name := range keys() {
		all = append(all, content{name: name, text: []byte("probe\n"), rights: f.readers(name)})
	}
	defer func() { _ = f.clear(probe) }()
	if err := f.fresh(probe, all); err != nil {
		return err
	}
	if err := f.link("none", probe+".link"); err != nil {
		return err
	}
	return f.step("remove", func() error { return f.c.Remove(f.path(probe + ".link")) })
}

// own is an error if another user can write to the directory. The sticky bit does not help: it lets them make links.
func (f *files) own() error {
	var info fs.FileInfo
	err := f.step("stat", func() (err error) { info, err = f.c.Stat(f.dir); return err })
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s is not a directory", f.dir))
	}
	trusted := info.Mode().Perm()&0o022 == 0
	if trusted {
		if trusted, err = f.trusts(info); err != nil {
			return err
		}
	}
	if !trusted {
		return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("another user can write to %s", f.dir)).
			Advise("let it belong to root or to the user of the target, and let no other write to it")
	}
	return nil
}

// trusts is whether root or the login owns a file. Whose files the login's are is seen by a new one.
func (f *files) trusts(info fs.FileInfo) (bool, error) {
	stat, ok := info.Sys().(*sftp.FileStat)
	if !ok || stat.UID == 0 {
		return true, nil
	}
	name := f.path(probe + ".owner")
	_ = f.c.Remove(name) // of a run that was ended
	var made fs.FileInfo
	err := f.step("create", func() error {
		file, err := f.c.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		made, err = file.Stat()
		return errors.Join(err, file.Close(), f.c.Remove(name))
	})
	if err != nil {
		return false, err
	}
	mine, ok := made.Sys().(*sftp.FileStat)
	return ok && mine.UID == stat.UID, nil
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
	if err := f.own(); err != nil {
		return err
	}
	was, err := f.takeOver(all)
	if err != nil {
		return err
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
	return f.announce(version + " " + deploy.Serial(c.Leaf) + "\n")
}

// replace writes the files of a version and switches to it. Where a directory of that name is live, and is not what it should be, the new
// one gets another name.
func (f *files) replace(was, version string, all []content) error {
	if was == version {
		version += "-again"
	}
	for i, file := range all {
		if file.key {
			all[i].rights = f.readers(file.name)
		}
	}
	if err := f.fresh(version, all); err != nil {
		return err
	}
	if err := f.same(version, all); err != nil {
		return err
	}
	return f.link(version, live)
}

// readers are the rights of a new key: who may read the one that is there, is to read the new one, but for all others.
func (f *files) readers(name string) rights {
	info, err := f.c.Stat(f.path(name))
	if err != nil {
		return rights{0o600, -1, -1}
	}
	return keep(info, 0o600|info.Mode().Perm()&0o040)
}

// keep is a mode with owner and group of a file, where they matter: root reads all, and where all others may read, owner and group may.
func keep(info fs.FileInfo, mode fs.FileMode) rights {
	r := rights{mode, -1, -1}
	stat, ok := info.Sys().(*sftp.FileStat)
	if ok && stat.UID != 0 && mode&0o004 == 0 {
		r.uid = int(stat.UID)
	}
	if ok && mode>>3&7 != mode&7 {
		r.gid = int(stat.GID)
	}
	return r
}

// takeOver copies files of the operator's, that were there before us or were put in the place of ours, into a directory of their own, and has
// their names lead there: a reader sees no difference, and the switch then is that of all names. was is what is live.
func (f *files) takeOver(all []content) (was string, err error) {
	if was, err = f.c.ReadLink(f.path(live)); err != nil {
		was = ""
	}
	there, foreign, err := f.found(all)
	if err != nil || !foreign {
		return was, err
	}
	aside, err := f.setAside(there)
	if err != nil {
		return "", err
	}
	if err := f.link(aside, live); err != nil {
		return "", err
	}
	for _, file := range there {
		if err := f.lead(file.name); err != nil {
			return "", err
		}
	}
	return aside, nil
}

// found are the files of our names, with their rights; foreign is whether one of them is none of ours.
func (f *files) found(all []content) (there []content, foreign bool, err error) {
	for _, file := range all {
		info, err := f.c.Lstat(f.path(file.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		link, ours := info.Mode()&fs.ModeSymlink != 0, f.leads(file.name)
		if link && !ours {
			if err := f.mayFollow(file.name, info); err != nil {
				return nil, false, err
			}
		}
		text, err := f.read(file.name)
		if link && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			info, err = f.c.Stat(f.path(file.name))
		}
		if err != nil {
			return nil, false, err
		}
		foreign = foreign || !ours
		there = append(there, content{name: file.name, text: text, rights: keep(info, info.Mode().Perm()&0o644)})
	}
	return there, foreign, nil
}

// mayFollow is an error if a link is another user's, who may not be allowed to read what it leads to.
func (f *files) mayFollow(name string, link fs.FileInfo) error {
	trusted, err := f.trusts(link)
	if err != nil || trusted {
		return err
	}
	return fault.Errorf(CodePlace, fault.Failed, "%w", messages.New("%s is a link of another user's", f.path(name))).
		Advise("put the file itself in its place, or remove it")
}

// setAside copies files into a directory that stays, with the rights that they have, and returns its name. An earlier run may have done so.
func (f *files) setAside(there []content) (string, error) {
	for n := 1; ; n++ {
		name := former
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		_, err := f.c.Lstat(f.path(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := f.fresh(taking, there); err != nil {
				return "", err
			}
			if err := f.same(taking, there); err != nil {
				return "", err
			}
			return name, f.step("rename", func() error { return f.c.PosixRename(f.path(taking), f.path(name)) })
		case err != nil:
			return "", err
		case f.same(name, there) == nil:
			return name, nil
		}
	}
}

// leads is whether a name is a link into what is live.
func (f *files) leads(name string) bool {
	to, err := f.c.ReadLink(f.path(name))
	return err == nil && to == live+"/"+name
}

// lead makes a name a link into what is live.
func (f *files) lead(name string) error {
	if f.leads(name) {
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

// fresh makes a directory with files. It is open to others when they have their rights: the server makes them as its umask says.
func (f *files) fresh(dir string, all []content) error {
	if err := f.clear(dir); err != nil { // of a run that was ended
		return err
	}
	if err := f.step("mkdir", func() error { return f.c.Mkdir(f.path(dir)) }); err != nil {
		return err
	}
	if err := f.step("chmod", func() error { return f.c.Chmod(f.path(dir), 0o700) }); err != nil {
		return err
	}
	for _, file := range all {
		if err := f.write(path.Join(dir, file.name), file.text, file.rights); err != nil {
			return err
		}
	}
	return f.step("chmod", func() error { return f.c.Chmod(f.path(dir), 0o755) })
}

// clear removes a directory of ours with its files, if it is there, or what is in its place: of a link the link alone.
func (f *files) clear(dir string) error {
	info, err := f.c.Lstat(f.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return f.step("remove", func() error { return f.c.Remove(f.path(dir)) })
	}
	there, err := f.c.ReadDir(f.path(dir))
	for _, file := range there {
		err = errors.Join(err, f.step("remove", func() error { return f.c.Remove(f.path(dir, file.Name())) }))
	}
	if err == nil {
		err = f.step("rmdir", func() error { return f.c.RemoveDirectory(f.path(dir)) })
	}
	return err
}

// announce changes the file that a path unit looks at.
func (f *files) announce(text string) error {
	next := f.path(renewed + ".new")
	_ = f.c.Remove(next)
	if err := f.write(renewed+".new", []byte(text), rights{0o644, -1, -1}); err != nil {
		return err
	}
	return f.step("rename", func() error { return f.c.PosixRename(next, f.path(renewed)) })
}

// write writes a new file: rights first, so that no other can read a key for a moment.
func (f *files) write(name string, text []byte, r rights) error {
	var file *sftp.File
	err := f.step("create", func() (err error) {
		file, err = f.c.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		return err
	})
	if err != nil {
		return err
	}
	err = f.step("rights", func() error { return file.Chmod(0o600) })
	if err == nil && (r.uid >= 0 || r.gid >= 0) {
		err = f.step(giving, func() error { return give(file, r) })
	}
	if err == nil {
		err = f.step("rights", func() error { return file.Chmod(r.mode) })
	}
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

// give gives a file to owner and group, where it is not theirs.
func give(file *sftp.File, r rights) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*sftp.FileStat)
	if !ok {
		return nil
	}
	uid, gid := int(stat.UID), int(stat.GID)
	if r.uid >= 0 {
		uid = r.uid
	}
	if r.gid >= 0 {
		gid = r.gid
	}
	if uid == int(stat.UID) && gid == int(stat.GID) {
		return nil
	}
	return file.Chown(uid, gid)
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

// tidy removes the directories of certificates but the live one and the one before. What it cannot remove, the next run may. What was there
// before us stays, and so does the probe of a check that may be at work.
func (f *files) tidy(was, version string) {
	entries, err := f.c.ReadDir(f.dir)
	now, liveErr := f.c.ReadLink(f.path(live))
	if err != nil || liveErr != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		stays := name == was || name == version || name == now || name == probe || strings.HasPrefix(name, former)
		if entry.IsDir() && strings.HasPrefix(name, versionPrefix) && !stays {
			_ = f.clear(name)
		}
	}
}
