package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wildcard/internal/fault"
	"wildcard/internal/system/failpoint"
)

// Directories are the folders our programs work in, as absolute paths without "." and "..".
type Directories struct {
	Config string // certbot's: certificates and credentials
	State  string // what must survive a crash: journal, history
	Run    string // what the next process may reuse and no run misses: locks, tokens
}

// FindDirectories finds them: from the flags, else from WILDCARD_CONFIG_DIR, WILDCARD_STATE_DIR and WILDCARD_RUN_DIR, else
// /etc/letsencrypt and, for root, /var/lib/wildcard and /run/wildcard; for others wildcard in the XDG base directories
// ($XDG_STATE_HOME, else $HOME/.local/state; $XDG_RUNTIME_DIR, else run in the state directory). A relative path is refused
// wherever it comes from. systemd's STATE_DIRECTORY is not read, since hooks run inside certbot's unit, and /tmp is never
// used unasked. Nothing is created. Errors are CodeState.
func FindDirectories(configFlag, stateFlag string, environ []string) (Directories, error) {
	return findDirectories(configFlag, stateFlag, environ, os.Geteuid() == 0)
}

func findDirectories(configFlag, stateFlag string, environ []string, root bool) (Directories, error) {
	env := lookup(environ)
	below := func(dir string, elem ...string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(append([]string{dir}, elem...)...)
	}
	d := Directories{
		Config: cmp.Or(configFlag, env.get("WILDCARD_CONFIG_DIR"), "/etc/letsencrypt"),
		State:  cmp.Or(stateFlag, env.get("WILDCARD_STATE_DIR")),
		Run:    env.get("WILDCARD_RUN_DIR"),
	}
	if root {
		d.State, d.Run = cmp.Or(d.State, "/var/lib/wildcard"), cmp.Or(d.Run, "/run/wildcard")
	} else {
		d.State = cmp.Or(d.State, below(env.get("XDG_STATE_HOME"), "wildcard"),
			below(env.get("HOME"), ".local", "state", "wildcard"))
		d.Run = cmp.Or(d.Run, below(env.get("XDG_RUNTIME_DIR"), "wildcard"), below(d.State, "run"))
	}
	if d.State == "" {
		return Directories{}, state("there is no HOME to keep state in: set WILDCARD_STATE_DIR, or give --state-dir")
	}
	for _, dir := range []struct {
		path *string
		what string
	}{
		{&d.Config, "the configuration directory (--config-dir, WILDCARD_CONFIG_DIR)"},
		{&d.State, "the state directory (--state-dir, WILDCARD_STATE_DIR, XDG_STATE_HOME, HOME)"},
		{&d.Run, "the run directory (WILDCARD_RUN_DIR, XDG_RUNTIME_DIR)"},
	} {
		if !filepath.IsAbs(*dir.path) {
			return Directories{}, state("%s is not an absolute path: %s", dir.what, fault.Excerpt(*dir.path))
		}
		*dir.path = filepath.Clean(*dir.path)
	}
	return d, nil
}

// PrivateDir makes a folder that only we can enter, with mode 0700 whatever the umask. Missing folders on the way to it get
// 0755 less what the umask takes, though never less than we need to go through. A folder that is there already must be a
// real one, no link, and must be ours, not just root's, and closed to everybody else. Errors are CodeState and name the
// command to run.
func PrivateDir(path string) error {
	if !filepath.IsAbs(path) {
		return state("%s is not an absolute path", Shown(path))
	}
	path = filepath.Clean(path) // Lstat would follow a link that ends in a slash
	if err := makeParents(filepath.Dir(path)); err != nil {
		return state("%w", err)
	}
	if err := makeFolder(path, 0o700); err != nil {
		return state("%w", err)
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return state("%w", err)
	case !info.IsDir():
		return state("%s is not a folder, nor may it be a link to one", Shown(path))
	case owner(info) != os.Geteuid():
		return state("%s belongs to another user: %s", Shown(path), commandLine("chown", fmt.Sprint(os.Geteuid()), path))
	case info.Mode().Perm()&0o077 != 0:
		return state("%s is open to others (mode %04o): %s", Shown(path), info.Mode().Perm(),
			commandLine("chmod", "700", path))
	}
	return nil
}

func makeParents(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is not a folder", Shown(path))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := makeParents(filepath.Dir(path)); err != nil {
		return err
	}
	return makeFolder(path, 0o755)
}

// makeFolder makes a folder if there is nothing at path, and sees to it that the umask took none of the owner's bits.
func makeFolder(path string, mode fs.FileMode) error {
	if err := failpoint.Do("folder", "mkdir", func() error { return os.Mkdir(path, mode) }); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm()&0o700 == 0o700 {
		return err
	}
	return failpoint.Do("folder", "chmod", func() error { return os.Chmod(path, info.Mode().Perm()|0o700) })
}

func state(format string, args ...any) error {
	return fault.Errorf(fault.CodeState, fault.Misconfigured, "settings: "+format, args...)
}
