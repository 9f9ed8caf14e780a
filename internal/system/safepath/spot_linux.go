package safepath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// spot is what a name leads to, held by a descriptor. The zero spot is that of absolute paths.
type spot struct{ file *os.File }

func (s spot) fd() int {
	if s.file == nil {
		return unix.AT_FDCWD
	}
	return int(s.file.Fd())
}

func (s spot) close() {
	if s.file != nil {
		_ = s.file.Close() // nothing was written
	}
}

// look has what a name in a directory is, links not followed; path is what it is called in errors.
func (s spot) look(name, path string) (spot, fs.FileInfo, error) {
	file, err := s.at(name, path, unix.O_PATH|unix.O_DIRECTORY) // which mounts what is mounted on demand (open(2), O_PATH)
	if errors.Is(err, unix.ENOTDIR) {
		file, err = s.at(name, path, unix.O_PATH)
	}
	if err != nil {
		return spot{}, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return spot{}, nil, errors.Join(err, file.Close())
	}
	return spot{file}, info, nil
}

// open opens a file in a directory for reading. A FIFO is not waited for.
func (s spot) open(name, path string) (*os.File, error) {
	return s.at(name, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
}

func (s spot) at(name, path string, flags int) (*os.File, error) {
	fd, err := unix.Openat(s.fd(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (s spot) readlink() (string, error) {
	var target [unix.PathMax]byte
	n, err := unix.Readlinkat(s.fd(), "", target[:])
	return string(target[:max(n, 0)]), err
}

// path leads to it, whatever its name is by now; it has to be followed as a link is (proc(5)).
func (s spot) path() string { return fmt.Sprintf("/proc/self/fd/%d", s.fd()) }

func (s spot) chmod(mode uint32) error {
	fd, err := unix.Openat(s.fd(), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil { // the umask took our own bits
		return unix.Chmod(s.path(), mode)
	}
	defer unix.Close(fd)
	return unix.Fchmod(fd, mode)
}

func (s spot) chown(uid, gid int) error {
	return unix.Fchownat(s.fd(), "", uid, gid, unix.AT_EMPTY_PATH)
}
