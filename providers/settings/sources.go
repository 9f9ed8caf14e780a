package settings

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"wildcard/providers"
)

// Sources is where settings are looked for (package comment). The zero value finds nothing.
type Sources struct {
	Environ        []string // the process environment, as [os.Environ] has it
	EnvFile        string   // the file that the user names
	CredentialsDir string   // systemd's $CREDENTIALS_DIRECTORY
	ProgramDirs    []string // folders of the program: as it was called, as it resolves
	ConfigDir      string   // certbot's configuration directory
}

// FromProcess returns the sources of a process: argv0 and environ as the system gave them, envFile from a flag, else
// WILDCARD_ENV_FILE, and configDir as [FindDirectories] has it.
func FromProcess(argv0 string, environ []string, envFile, configDir string) Sources {
	env := lookup(environ)
	if envFile == "" {
		envFile = env["WILDCARD_ENV_FILE"]
	}
	return Sources{
		Environ:        environ,
		EnvFile:        envFile,
		CredentialsDir: env["CREDENTIALS_DIRECTORY"],
		ProgramDirs:    programDirs(argv0),
		ConfigDir:      configDir,
	}
}

// programDirs returns the folder of the program as it was called and, where links lead elsewhere, of the file itself.
func programDirs(argv0 string) []string {
	path := argv0
	if !strings.Contains(path, "/") {
		var err error
		if path, err = exec.LookPath(argv0); err != nil {
			return nil
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	dirs := []string{filepath.Dir(path)}
	if resolved, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(resolved) != dirs[0] {
		dirs = append(dirs, filepath.Dir(resolved))
	}
	return dirs
}

// source is one place that was looked at.
type source struct {
	name   string
	values map[string]string
}

// candidate is a place to look at.
type candidate struct {
	path     string // "" for the environment
	explicit bool   // the user named it, so it must be there and be complete
	trust    trust
}

func (s Sources) candidates(spec providers.Spec) []candidate {
	if spec.EnvFile != "" {
		return []candidate{{path: spec.EnvFile, explicit: true}}
	}
	var all []candidate
	if s.EnvFile != "" {
		all = append(all, candidate{path: s.EnvFile, explicit: true})
	}
	all = append(all, candidate{})
	if filepath.IsAbs(s.CredentialsDir) {
		all = append(all, candidate{path: filepath.Join(s.CredentialsDir, spec.Name+".env"), trust: service})
	}
	for _, dir := range s.ProgramDirs {
		all = append(all, candidate{path: filepath.Join(dir, ".env")}, candidate{path: filepath.Join(dir, "conoha_id")})
	}
	if s.ConfigDir != "" {
		all = append(all, candidate{path: filepath.Join(s.ConfigDir, spec.Name, ".env")})
	}
	return all
}

// open reads a candidate. One that the user did not name and that does not exist is nil.
func (s Sources) open(c candidate) (*source, error) {
	if c.path == "" {
		return &source{name: "the environment", values: lookup(s.Environ)}, nil
	}
	file, err := readEnvFile(c.path, c.trust)
	switch {
	case err == nil:
		return &source{name: c.path, values: file.values}, nil
	case !c.explicit && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir)):
		return nil, nil
	}
	return nil, err
}

// lookup turns an environment into a map. As in the C library, the first of several equal names counts.
func lookup(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if _, dup := env[name]; !dup {
			env[name] = value
		}
	}
	return env
}
