package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"wildcard/providers"
)

// Directories are the folders our programs work in.
type Directories struct {
	Config string // certbot's: certificates and credentials
	State  string // what must survive a crash: journal, history
	Run    string // what the next process may reuse and nobody misses: locks, tokens
}

// FindDirectories finds them: from the flags, else from WILDCARD_CONFIG_DIR, WILDCARD_STATE_DIR and WILDCARD_RUN_DIR, else
// /etc/letsencrypt and, for root, /var/lib/wildcard and /run/wildcard; for others the XDG base directories. systemd's
// STATE_DIRECTORY is not read, since hooks run inside certbot's unit. Nothing is created. Errors are CodeState.
func FindDirectories(configFlag, stateFlag string, environ []string) (Directories, error) {
	return findDirectories(configFlag, stateFlag, environ, os.Geteuid() == 0)
}

func findDirectories(configFlag, stateFlag string, environ []string, root bool) (Directories, error) {
	env := lookup(environ)
	first := func(paths ...string) string {
		for _, path := range paths {
			if path != "" {
				return path
			}
		}
		return ""
	}
	below := func(dir string, elem ...string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(append([]string{dir}, elem...)...)
	}
	d := Directories{
		Config: first(configFlag, env["WILDCARD_CONFIG_DIR"], "/etc/letsencrypt"),
		State:  first(stateFlag, env["WILDCARD_STATE_DIR"]),
		Run:    env["WILDCARD_RUN_DIR"],
	}
	if root {
		d.State, d.Run = first(d.State, "/var/lib/wildcard"), first(d.Run, "/run/wildcard")
	} else {
		d.State = first(d.State, below(env["XDG_STATE_HOME"], "wildcard"), below(env["HOME"], ".local", "state", "wildcard"))
		d.Run = first(d.Run, below(env["XDG_RUNTIME_DIR"], "wildcard"), below(d.State, "run"))
	}
	if d.State == "" {
		return d, state("there is no HOME to keep state in: set WILDCARD_STATE_DIR, or --state-dir")
	}
	for _, path := range []string{d.Config, d.State, d.Run} {
		if !filepath.IsAbs(path) {
			return d, state("%s is not an absolute path", providers.Excerpt(path))
		}
	}
	return d, nil
}

// PrivateDir makes a folder that only we can enter, with mode 0700 whatever the umask, and what leads to it with 0755. One
// that is there already must be ours, no link, and closed to others. Errors are CodeState and name the command to run.
func PrivateDir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return state("%w", err)
	}
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return state("%w", err)
	}
	made := err == nil
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return state("%w", err)
	case !info.IsDir():
		return state("%s is not a folder", path)
	case !ours(info):
		return state("%s belongs to somebody else: chown %d %s", path, os.Geteuid(), path)
	case made && info.Mode().Perm() != 0o700:
		// A umask that takes the owner's own bits away.
		if err := os.Chmod(path, 0o700); err != nil {
			return state("%w", err)
		}
	case info.Mode().Perm()&0o077 != 0:
		return state("%s is open to others (mode %04o): chmod 700 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

func state(format string, args ...any) error {
	return providers.Errorf(providers.CodeState, providers.Misconfigured, "settings: "+format, args...)
}
