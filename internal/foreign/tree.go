package foreign

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// mostFile is how much of a file is read: Traefik has all certificates in one.
const mostFile = 16 << 20

// open opens without leaving a time of reading, where the system lets us.
func open(path string, flags int) (*os.File, error) {
	flags |= os.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(path, flags|unix.O_NOATIME, 0)
	if errors.Is(err, fs.ErrPermission) { // for files of others it is root's alone
		f, err = os.OpenFile(path, flags, 0)
	}
	return f, err
}

// readFile reads a regular file, also behind links. What is none is not opened: opening a device does things.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("no regular file")}
	}
	if err != nil {
		return nil, err
	}
	f, err := open(path, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostFile {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("no regular file, or a very large one")}
	}
	return io.ReadAll(io.LimitReader(f, mostFile))
}

// names lists a folder, sorted; one that cannot be read is empty.
func names(dir string) []string {
	f, err := open(dir, unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	defer f.Close() // nothing was written
	all, _ := f.Readdirnames(-1)
	slices.Sort(all)
	return all
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// readJSON reads a document. An error quotes nothing of it.
func readJSON(path string, to any) error {
	text, err := readFile(path)
	if err == nil && json.Unmarshal(text, to) != nil {
		err = fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s is not what it should be", path)
	}
	return err
}

// locate is where a path that a file of the tree names is: below the tree or one of the folders that it is below, as in a backup or in a
// container's volume, else as it is.
func (r *reader) locate(path string) string {
	if !filepath.IsAbs(path) {
		return filepath.Join(r.folder(), path)
	}
	for dir := r.base; ; dir = filepath.Dir(dir) {
		if at := filepath.Join(dir, path); isFile(at) || isDir(at) || dir == "/" || dir == "." {
			return at
		}
	}
}

// folder is the folder of the tree.
func (r *reader) folder() string {
	if isDir(r.base) {
		return r.base
	}
	return filepath.Dir(r.base)
}
