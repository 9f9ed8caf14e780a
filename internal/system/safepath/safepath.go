// Package safepath decides whom a path belongs to. What we execute, read secrets or roots from, or take hook lines from, has to be
// root's or ours, and no other user may be able to put something else in its place: neither the file, nor a directory that is passed,
// nor a link that is followed. There is no second walk like it in this module.
//
// The walk goes from descriptor to descriptor (openat(2) with O_PATH and O_NOFOLLOW), so each name is looked up in the very directory
// that was judged. It ends with a path without links, of which each directory was judged, or with an open file: callers use these and
// never the path that they were given.
//
// Writing is what the mode bits say. Where there is an ACL, they show its mask (acl(5)), so what it allows to others counts too.
package safepath

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Last is what is to be at the end of a path.
type Last int

// A directory with the sticky bit, such as /tmp, lets its users make names and change their own alone. Where a file is only read or
// run, it may be in such a directory, if it is root's or ours and has no other name; where one is made, others could take its name
// first.
const (
	File       Last = iota // a regular file
	ClosedFile             // a regular file, in a directory that others cannot write to at all
	Dir                    // a directory
	ClosedDir              // a directory that others cannot write to at all
)

// mostLinks is how many links are followed; the kernel follows as many (path_resolution(7)).
const mostLinks = 40

// Error is why another user could change what a path leads to, and the command that ends it.
type Error struct {
	Path string // of the directory, link or file that is the reason
	Why  string
	Mode fs.FileMode // of the file itself, if that is why; else 0
	fix  string
}

func (e *Error) Error() string { return e.Why + ": " + e.Fix() }

// Fix is the command. After it, there may be a further reason.
func (e *Error) Fix() string { return e.fix + " " + Shown(e.Path) }

// KindError says that something else is at a path than was wanted, such as a directory in place of a file.
type KindError struct {
	Path string
	Want Last
}

func (e *KindError) Error() string {
	if e.Want == Dir || e.Want == ClosedDir {
		return Shown(e.Path) + " is not a directory"
	}
	return Shown(e.Path) + " is not a file"
}

// Found is what a path led to.
type Found struct {
	Path string // without links
	Info fs.FileInfo
}

// Look follows a path to its end. The error is an [*Error] if another user could change what is found there, a [*KindError] if it
// is something else, and an [*fs.PathError] if the path cannot be followed.
func Look(path string, last Last) (Found, error) {
	w, err := walk(path, last)
	if err != nil {
		return Found{}, err
	}
	defer w.close()
	return w.found()
}

// Open follows a path to a file, and opens it for reading; its name is the path without links. What is there is neither waited for
// nor changed by that. Errors are those of [Look].
func Open(path string, last Last) (*os.File, error) {
	w, err := walk(path, last)
	if err != nil {
		return nil, err
	}
	defer w.close()
	file, err := w.dir.open(w.base, w.path())
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = w.judge(info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// walker is at a directory without links in its path, with names still to be looked up.
type walker struct {
	at     string
	dir    spot
	folder fs.FileInfo // of dir
	base   string      // the last name, of a file in dir
	last   Last
	rest   []string
	links  int
}

// walk goes as far as the directory, or as the file's. A trailing slash means a directory, as it does to the kernel.
func walk(path string, last Last) (*walker, error) {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		path = here + "/" + path // not cleaned: link/.. is not here
	}
	w := &walker{last: last, rest: strings.Split(path, "/")}
	if err := w.open("/", "/"); err != nil {
		return nil, err
	}
	for len(w.rest) > 0 {
		if err := w.step(path); err != nil {
			w.close()
			return nil, err
		}
	}
	if err := w.arrived(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *walker) close() { w.dir.close() }

// open goes into a directory that is one for sure: the root, or that above the one where we are.
func (w *walker) open(name, path string) error {
	dir, info, err := w.dir.look(name, path)
	if err != nil {
		return err
	}
	w.enter(dir, info, path)
	return nil
}

func (w *walker) enter(dir spot, info fs.FileInfo, path string) {
	w.close()
	w.dir, w.folder, w.at = dir, info, path
}

// step looks up the next name.
func (w *walker) step(path string) error {
	if err := passed(w.at, w.folder); err != nil {
		return err
	}
	name := w.rest[0]
	w.rest = w.rest[1:]
	switch name {
	case "", ".":
		return nil
	case "..":
		return w.open("..", filepath.Dir(w.at))
	}
	next := filepath.Join(w.at, name)
	there, info, err := w.dir.look(name, next)
	if err != nil {
		return err
	}
	if info.IsDir() {
		w.enter(there, info, next)
		return nil
	}
	defer there.close()
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return w.follow(there, next, info, path)
	case len(w.rest) > 0 || w.last == Dir || w.last == ClosedDir:
		return &fs.PathError{Op: "open", Path: next, Err: syscall.ENOTDIR}
	}
	w.base = name
	return w.judge(info)
}

// follow puts what a link holds before the names that are left.
func (w *walker) follow(link spot, at string, info fs.FileInfo, path string) error {
	if w.links++; w.links > mostLinks {
		return &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
	}
	if err := owned(at, info, "the link "); err != nil {
		return err
	}
	if err := w.named(info); err != nil {
		return err
	}
	target, err := link.readlink()
	if err != nil {
		return &fs.PathError{Op: "readlink", Path: at, Err: err}
	}
	w.rest = append(strings.Split(target, "/"), w.rest...)
	if filepath.IsAbs(target) {
		return w.open("/", "/")
	}
	return nil
}

// arrived judges what the names led to.
func (w *walker) arrived() error {
	switch {
	case w.last == File || w.last == ClosedFile:
		if w.base == "" {
			return &KindError{w.at, w.last}
		}
		return nil
	case w.last == ClosedDir:
		return closed(w.at, w.folder)
	}
	return passed(w.at, w.folder)
}

// found is where the walk ended.
func (w *walker) found() (Found, error) {
	if w.base == "" {
		return Found{w.at, w.folder}, nil
	}
	there, info, err := w.dir.look(w.base, w.path())
	if err != nil {
		return Found{}, err
	}
	defer there.close()
	return Found{w.path(), info}, w.judge(info)
}

func (w *walker) path() string { return filepath.Join(w.at, w.base) }

// judge is whether a file may be used, in the directory that the walk has come to.
func (w *walker) judge(info fs.FileInfo) error {
	path := w.path()
	if !info.Mode().IsRegular() {
		return &KindError{path, w.last}
	}
	if w.last == ClosedFile {
		if err := closed(w.at, w.folder); err != nil {
			return err
		}
	}
	return cmp.Or(owned(path, info, ""), w.named(info), writable(path, info))
}

// named refuses a name that others may have given to one of our files or links: in a directory with the sticky bit it could not be
// exchanged, and could have been made (link(2), where fs.protected_hardlinks is 0).
func (w *walker) named(info fs.FileInfo) error {
	if info.Sys().(*syscall.Stat_t).Nlink == 1 {
		return nil
	}
	return closed(w.at, w.folder)
}

// passed is an error if others could exchange what is in a directory and is root's or ours.
func passed(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSticky != 0 {
		return owner(path, info)
	}
	return closed(path, info)
}

// closed is an error if others can make names in a directory.
func closed(path string, info fs.FileInfo) error {
	if err := owner(path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		why := fmt.Sprintf("others may write to %s, and could replace the file", Shown(path))
		return &Error{Path: path, Why: why, fix: "chmod go-w"}
	}
	return nil
}

// owner is an error if a directory belongs to another user.
func owner(path string, info fs.FileInfo) error {
	uid, ok := Ours(info)
	if ok {
		return nil
	}
	why := fmt.Sprintf("%s belongs to user %d, who could replace the file", Shown(path), uid)
	return &Error{Path: path, Why: why, fix: chown("")}
}

// owned is an error if a file or a link belongs to another user.
func owned(path string, info fs.FileInfo, what string) error {
	uid, ok := Ours(info)
	if ok {
		return nil
	}
	option := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		option = "-h "
	}
	return &Error{Path: path, Why: fmt.Sprintf("%s%s belongs to user %d", what, Shown(path), uid), fix: chown(option)}
}

// chown is the command that makes something ours.
func chown(option string) string {
	if os.Geteuid() == 0 {
		return "chown " + option + "root"
	}
	return fmt.Sprintf("chown %s%d", option, os.Geteuid())
}

// writable is an error if others may write to a file.
func writable(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return &Error{path, "others may write to " + Shown(path), info.Mode().Perm(), "chmod go-w"}
	}
	return nil
}

// Ours is the owner of what was looked at, and whether that is root or the user we act as.
func Ours(info fs.FileInfo) (uid int, ours bool) {
	uid = int(info.Sys().(*syscall.Stat_t).Uid)
	return uid, uid == 0 || uid == os.Geteuid()
}
