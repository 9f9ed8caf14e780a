package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wildcard/internal/fault"
)

const (
	mostFile  = 64 << 10 // the size of the largest file that is read, in bytes
	mostLinks = 8        // how many links may lead to it, one after the other
)

// trust is who besides its owner may read a file with secrets.
type trust fs.FileMode

const (
	private trust = 0     // by no other user
	public  trust = 0o444 // by all: it has no secret, but says what we do
	service trust = 0o440 // systemd hands credentials to a service's group too (systemd.exec(5), LoadCredential=)
)

// ReadTrusted reads a file that others may read and only root and we may change.
func ReadTrusted(path string) (string, error) { return readFile(path, public) }

// readFile reads a file with secrets. What it refuses, and why, is in the package comment.
func readFile(path string, trust trust) (string, error) {
	if !filepath.IsAbs(path) {
		return "", bad(Shown(path), "the path is not absolute")
	}
	at, err := follow(path)
	if err != nil {
		return "", err
	}
	// Should it have become a link by now, or a FIFO, whose opening would wait for a writer, O_NOFOLLOW and O_NONBLOCK help.
	file, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", cannotRead(at, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", cannotRead(at, err)
	}
	if err := checkFile(at, info, trust); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(file, mostFile+1))
	switch {
	case err != nil:
		return "", cannotRead(at, err)
	case len(text) > mostFile:
		return "", bad(Shown(at), fmt.Sprintf("it is larger than %d bytes", mostFile))
	}
	return string(text), nil
}

// follow returns where the links at path lead. A user who may exchange an entry of a folder on the way, or made one of the
// links, is us or root; so what was looked at is what is opened.
func follow(path string) (string, error) {
	for range mostLinks + 1 {
		info, err := os.Lstat(path)
		if err != nil {
			return "", cannotRead(path, err)
		}
		link := info.Mode()&fs.ModeSymlink != 0
		if !link && !info.Mode().IsRegular() { // not to be opened at all: opening a device does things
			return "", bad(Shown(path), "it is not a regular file")
		}
		if err := checkFolder(path); err != nil {
			return "", err
		}
		switch {
		case !link:
			return path, nil
		case !ours(info):
			return "", unsafeFile(path, "it is a link that is neither root's nor ours", "rm", path)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", cannotRead(path, err)
		}
		if !filepath.IsAbs(target) {
			target = folderOf(path) + target
		}
		path = target
	}
	return "", cannotRead(path, syscall.ELOOP)
}

// folderOf is what stands before the last name of an absolute path. filepath.Dir would resolve ".." by the letter, and that
// is elsewhere if the name before it is a link.
func folderOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// checkFolder refuses a file's folder if others than root and we can exchange the file.
func checkFolder(path string) error {
	info, err := os.Stat(folderOf(path))
	if err != nil {
		return cannotRead(path, err)
	}
	folder := filepath.Dir(path)
	if !ours(info) {
		return unsafeFile(path, "its folder belongs to another user", "chown", fmt.Sprint(os.Geteuid()), folder)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return unsafeFile(path, fmt.Sprintf("others can replace it (its folder's mode is %04o)", info.Mode().Perm()),
			"chmod", "go-w", folder)
	}
	return nil
}

// checkFile looks at an open file's type, owner, mode and size.
func checkFile(path string, info fs.FileInfo, trust trust) error {
	switch perm := info.Mode().Perm(); {
	case !info.Mode().IsRegular():
		return bad(Shown(path), "it is not a regular file")
	case !ours(info):
		return unsafeFile(path, "it belongs to another user", "chown", fmt.Sprint(os.Geteuid()), path)
	case perm&0o077&^fs.FileMode(trust) != 0:
		return unsafeFile(path, fmt.Sprintf("others can read or write it (mode %04o)", perm), "chmod", "600", path)
	case info.Size() > mostFile:
		return bad(Shown(path), fmt.Sprintf("it is larger than %d bytes", mostFile))
	}
	return nil
}

// ours reports whether a file belongs to root or to the user we act as.
func ours(info fs.FileInfo) bool {
	uid := owner(info)
	return uid == 0 || uid == os.Geteuid()
}

func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func cannotRead(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fault.Errorf(fault.CodeMissing, fault.Misconfigured, "read %s: %w", Shown(path), err)
}

// unsafeFile says what is wrong with a file, and ends with the command that mends it.
func unsafeFile(path, why string, command ...string) error {
	return fault.Errorf(fault.CodeUnsafeFile, fault.Misconfigured, "%s is not safe: %s: %s", Shown(path), why,
		commandLine(command...))
}

func bad(what, why string) error {
	return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s: %s", what, why)
}

// within says where an error of ours happened.
func within(where string, err error) error {
	return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%s: %w", where, err)
}
