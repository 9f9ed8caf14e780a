package safepath

import (
	"io/fs"
	"os"
)

// Held is a directory that is held: by its path, another user who may rename it would have something else changed.
type Held struct {
	path string
	dir  spot
	info fs.FileInfo
}

// Change holds a directory, to change what it is. The error is an [*Error] if it is not ours.
func Change(path string) (Held, error) {
	h, err := Hold(path)
	if err != nil {
		return Held{}, err
	}
	if uid, _ := Ours(h.info); uid != os.Geteuid() {
		h.Close()
		return Held{}, owned(path, h.info, "")
	}
	return h, nil
}

// Hold holds a directory, to read what it is. A link is not followed.
func Hold(path string) (Held, error) {
	dir, info, err := spot{}.look(path, path)
	if err != nil {
		return Held{}, err
	}
	if !info.IsDir() {
		dir.close()
		return Held{}, &KindError{path, Dir}
	}
	return Held{path, dir, info}, nil
}

// Close lets it go.
func (h Held) Close() { h.dir.close() }

// Mode is the permissions that it had when it was held.
func (h Held) Mode() uint32 { return uint32(h.info.Mode().Perm()) }

// Path leads to the directory, whatever its name is by now, for the calls that want a path; they have to follow links.
func (h Held) Path() string { return h.dir.path() }

// Chmod gives it a mode, as chmod(2) counts.
func (h Held) Chmod(mode uint32) error { return h.failed("chmod", h.dir.chmod(mode)) }

// Chown gives it to another user and group.
func (h Held) Chown(uid, gid int) error { return h.failed("chown", h.dir.chown(uid, gid)) }

func (h Held) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: h.path, Err: err}
}
