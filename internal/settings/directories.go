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
	"wildcard/internal/system/safepath"
)

// Directories are the folders our programs work in, as absolute paths without "." and "..".
type Directories struct {
	Config string // certbot's: certificates and credentials
	State  string // what must survive a crash: journal, history
	Run    string // what the next process may reuse and no run misses: locks, tokens
}

// FindDirectories finds them: from the flags, else from WILDCARD_CONFIG_DIR, WILDCARD_STATE_DIR and WILDCARD_RUN_DIR, else
// /etc/letsencrypt and, for root, /var/lib/wildcard and /run/wildcard; for others wildcard in the XDG base directories
// ($XDG_STATE_HOME, else $HOME/.local/state; $XDG_RUNTIME_DIR, else run in the state directory). A HOME of / is none: a container
// gives it to a user that passwd(5) does not have. A relative path is refused
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
			below(home(env.get("HOME")), ".local", "state", "wildcard"))
		d.Run = cmp.Or(d.Run, below(env.get("XDG_RUNTIME_DIR"), "wildcard"), below(d.State, "run"))
	}
	if d.State == "" {
		return Directories{}, noHome(env.get("HOME"))
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

// home is the directory of a HOME; "" if that is no directory of the user's own.
func home(path string) string {
	if path != "" && filepath.Clean(path) == "/" {
		return ""
	}
	return path
}

func noHome(home string) error {
	err := state("there is no HOME to keep state in: set WILDCARD_STATE_DIR, or give --state-dir")
	if home != "" {
		err = state("HOME is %s, which is no place to keep state in: set WILDCARD_STATE_DIR, or give --state-dir", Shown(home))
	}
	return err.Advise("give --state-dir DIR, or set WILDCARD_STATE_DIR, to an absolute path in which this user may write")
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
		return unmade(err)
	}
	if err := makeFolder(path, 0o700); err != nil {
		return unmade(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return unmade(err)
	}
	uid, _ := safepath.Ours(info)
	switch {
	case !info.IsDir():
		return state("%s is not a folder, nor may it be a link to one", Shown(path))
	case uid != os.Geteuid():
		return unfit("%s belongs to another user: %s", path, "chown", fmt.Sprint(os.Geteuid()))
	case info.Mode().Perm()&0o077 != 0:
		return unfit(fmt.Sprintf("%%s is open to others (mode %04o): %%s", info.Mode().Perm()), path, "chmod", "700")
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
	dir, err := safepath.Change(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if made := dir.Mode(); made&0o700 != 0o700 {
		return failpoint.Do("folder", "chmod", func() error { return dir.Chmod(made | 0o700) })
	}
	return nil
}

// unmade is an error of a folder that cannot be made. What to look at is the path that failed, or what is there above it.
func unmade(err error) error {
	e := state("%w", err)
	at, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return e
	}
	dir := at.Path
	for dir != filepath.Dir(dir) {
		if _, err := os.Lstat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return e.Advise("ls -ld %s; df -h %s; or give another directory: --state-dir, WILDCARD_STATE_DIR, WILDCARD_RUN_DIR",
		Shown(dir), Shown(dir))
}

// unfit is an error of a folder that a command fixes, which gets the path as its last word.
func unfit(format, path string, command ...string) error {
	fix := commandLine(append(command, path)...)
	return state(format, Shown(path), fix).Advise(fault.Verbatim("%s"), fix)
}

func state(format string, args ...any) *fault.Error {
	return fault.Errorf(fault.CodeState, fault.Misconfigured, "settings: "+format, args...)
}
