package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

const mostFile = 64 << 10 // the size of the largest file that is read, in bytes

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
	file, err := safepath.Open(path, safepath.File)
	if unsafe, ok := errors.AsType[*safepath.Error](err); ok && unsafe.Mode != 0 {
		return "", openToOthers(unsafe.Path, unsafe.Mode)
	}
	if err != nil {
		return "", refused(path, err)
	}
	defer file.Close()
	at := file.Name()
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

// refused is why a file is not opened: others could exchange it, or it is none.
func refused(path string, err error) error {
	if unsafe, ok := errors.AsType[*safepath.Error](err); ok {
		return unsafeFile(path, unsafe.Why, unsafe.Fix())
	}
	if kind, ok := errors.AsType[*safepath.KindError](err); ok {
		return bad(Shown(kind.Path), "it is not a regular file")
	}
	return cannotRead(path, err)
}

// checkFile looks at an open file's mode and size.
func checkFile(path string, info fs.FileInfo, trust trust) error {
	switch perm := info.Mode().Perm(); {
	case perm&0o077&^fs.FileMode(trust) != 0:
		return openToOthers(path, perm)
	case info.Size() > mostFile:
		return bad(Shown(path), fmt.Sprintf("it is larger than %d bytes", mostFile))
	}
	return nil
}

func cannotRead(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fault.Errorf(fault.CodeMissing, fault.Misconfigured, "read %s: %w", Shown(path), err)
}

func openToOthers(path string, mode fs.FileMode) error {
	why := fmt.Sprintf("others can read or write it (mode %04o)", mode)
	return unsafeFile(path, why, commandLine("chmod", "600", path))
}

// unsafeFile says what is wrong with a file, and ends with the command that mends it.
func unsafeFile(path, why, command string) error {
	return fault.Errorf(fault.CodeUnsafeFile, fault.Misconfigured, "%s is not safe: %s: %s", Shown(path), why, command)
}

func bad(what, why string) error {
	return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s: %s", what, why)
}

// within says where an error of ours happened.
func within(where string, err error) error {
	return fault.Errorf(fault.CodeOf(err), fault.ClassOf(err), "%s: %w", where, err)
}
