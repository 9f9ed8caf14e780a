package units

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

// The names of the units.
const (
	Timer   = "wildcard-renew.timer"
	Renewal = "wildcard-renew.service"
	Deploy  = "wildcard-deploy.service"
)

var (
	//go:embed wildcard-renew.timer
	timer string
	//go:embed wildcard-renew.service
	renewal string
	//go:embed wildcard-deploy.service
	deploy string
	//go:embed wildcard.conf
	tmpfiles string
)

// packaged is the program that the units of this folder run.
const packaged = "/usr/bin/wildcard"

// Where administrators and packages have units and what is made at boot.
const (
	unitDir     = "/etc/systemd/system"
	tmpfilesDir = "/etc/tmpfiles.d"
)

// File is a file of ours.
type File struct {
	Path  string `json:"path"`
	State State  `json:"state"`
	text  string
}

// State is what is at a file's place.
type State string

// What may be at a file's place.
const (
	Missing  State = "missing"
	Current  State = "installed"        // as this version of the program writes it
	Old      State = "older"            // as another version wrote it, or for the program at another place
	Edited   State = "edited"           // the administrator changed it, or wrote it
	Packaged State = "from the package" // nothing is to be written
)

// files are those that Install writes, with what is at their places now.
func (m Machine) files() ([]File, error) {
	files := []File{
		{Path: filepath.Join(unitDir, Renewal), text: renewal}, {Path: filepath.Join(unitDir, Deploy), text: deploy},
		{Path: filepath.Join(unitDir, Timer), text: timer},
		{Path: filepath.Join(tmpfilesDir, "wildcard.conf"), text: tmpfiles},
	}
	for i := range files {
		f := &files[i]
		f.text = stamped(strings.ReplaceAll(f.text, "="+packaged+" ", "="+m.Program+" "))
		there, err := os.ReadFile(m.path(f.Path))
		switch {
		case errors.Is(err, fs.ErrNotExist) && m.packaged(f.Path) != "":
			f.Path, f.State = m.packaged(f.Path), Packaged
		case errors.Is(err, fs.ErrNotExist):
			f.State = Missing
		case err != nil:
			return nil, failed("%w", err)
		case string(there) == f.text:
			f.State = Current
		case ours(there):
			f.State = Old
		default:
			f.State = Edited
		}
	}
	return files, nil
}

// packaged is where a package has a file for the program that we are; empty if none has.
func (m Machine) packaged(path string) string {
	if m.Program != packaged {
		return ""
	}
	for _, dir := range []string{"/usr/lib", "/lib"} {
		below, _ := strings.CutPrefix(path, "/etc")
		if info, err := os.Stat(m.path(dir + below)); err == nil && info.Mode().IsRegular() {
			return dir + below
		}
	}
	return ""
}

// path is where a path of the machine is for us.
func (m Machine) path(path string) string { return filepath.Join("/", m.Root, path) }

const stamp = `# Written by "wildcard systemd install". Do not edit it: "systemctl edit UNIT" makes a drop-in. sha256 of the rest: `

// stamped puts the stamp before a text.
func stamped(text string) string {
	digest := sha256.Sum256([]byte(text))
	return stamp + hex.EncodeToString(digest[:]) + "\n" + text
}

// ours reports whether a text is one that Install wrote, unedited.
func ours(text []byte) bool {
	_, rest, found := bytes.Cut(text, []byte("\n"))
	return found && string(text) == stamped(string(rest))
}

// write writes a file whole or not at all. The temporary name is always the same, so that a crash leaves one file at most, which
// the next call removes.
func (m Machine) write(f File) error {
	path, temporary := m.path(f.Path), m.temporary(f)
	if err := failpoint.Do("unit", "mkdir", func() error { return os.MkdirAll(filepath.Dir(path), 0o755) }); err != nil {
		return err
	}
	if err := remove(temporary); err != nil {
		return err
	}
	if err := failpoint.Hit("before unit create"); err != nil {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return atomicfile.PutDurably("unit", file, path, []byte(f.text), 0o644)
}

// temporary is the name of a file until it is whole.
func (m Machine) temporary(f File) string {
	path := m.path(f.Path)
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// remove removes a file; there need not be one.
func remove(path string) error {
	err := failpoint.Do("unit", "remove", func() error { return os.Remove(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
