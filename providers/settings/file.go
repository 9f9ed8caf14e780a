package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wildcard/providers"
)

// mostFile is the size of the largest file that is read, in bytes.
const mostFile = 64 << 10

// trust is who besides its owner may read a file with secrets.
type trust fs.FileMode

const (
	private trust = 0     // nobody
	service trust = 0o440 // systemd hands credentials to a service's group too (systemd.exec(5), LoadCredential=)
)

// readFile reads a file with secrets. What it refuses, and why, is in the package comment.
func readFile(path string, trust trust) (string, error) {
	if !filepath.IsAbs(path) {
		return "", bad(path, "the path is not absolute")
	}
	link, err := os.Lstat(path)
	if err != nil {
		return "", cannotRead(path, err)
	}
	if link.Mode()&fs.ModeSymlink != 0 && !ours(link) {
		return "", unsafeFile(path, "it is a link that is neither root's nor ours: rm %s", path)
	}
	// Opening a FIFO would wait for a writer without O_NONBLOCK.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", cannotRead(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", cannotRead(path, err)
	}
	if err := check(path, info, trust); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(file, mostFile+1))
	switch {
	case err != nil:
		return "", cannotRead(path, err)
	case len(text) > mostFile:
		return "", bad(path, fmt.Sprintf("it is larger than %d bytes", mostFile))
	}
	return string(text), nil
}

// check looks at an open file's owner and mode, and at its folder's.
func check(path string, info fs.FileInfo, trust trust) error {
	switch perm := info.Mode().Perm(); {
	case !info.Mode().IsRegular():
		return bad(path, "it is not a regular file")
	case !ours(info):
		return unsafeFile(path, "it belongs to somebody else: chown %d %s", os.Geteuid(), path)
	case perm&0o077&^fs.FileMode(trust) != 0:
		return unsafeFile(path, "others can read or write it (mode %04o): chmod 600 %s", perm, path)
	}
	folder := filepath.Dir(path)
	dir, err := os.Stat(folder)
	if err != nil {
		return cannotRead(path, err)
	}
	if !ours(dir) {
		return unsafeFile(path, "its folder belongs to somebody else: chown %d %s", os.Geteuid(), folder)
	}
	if dir.Mode().Perm()&0o022 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return unsafeFile(path, "others can replace it: chmod go-w %s", folder)
	}
	return nil
}

// ours reports whether a file belongs to root or to the user we act as.
func ours(info fs.FileInfo) bool {
	owner := info.Sys().(*syscall.Stat_t).Uid
	return owner == 0 || int(owner) == os.Geteuid()
}

func cannotRead(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return providers.Errorf(providers.CodeMissing, providers.Misconfigured, "settings: read %s: %w", path, err)
}

func unsafeFile(path, format string, args ...any) error {
	return providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured, "settings: %s is not safe: %s", path, fmt.Sprintf(format, args...))
}

func bad(path, why string) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "settings: %s: %s", path, why)
}
