//go:build !linux

package safepath

import (
	"io/fs"
	"os"
	"syscall"
)

// spot is what a path without links leads to. Elsewhere than on Linux, where no certificates are kept, there is no O_PATH; as each
// directory in such a path was judged, no other user can exchange what it leads to.
type spot struct{ name string }

func (s spot) close() {}

func (s spot) look(_, path string) (spot, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	return spot{path}, info, err
}

func (s spot) open(_, path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

func (s spot) readlink() (string, error) { return os.Readlink(s.name) }

func (s spot) path() string { return s.name }

func (s spot) chmod(mode uint32) error { return syscall.Chmod(s.name, mode) }

func (s spot) chown(uid, gid int) error { return os.Lchown(s.name, uid, gid) }
