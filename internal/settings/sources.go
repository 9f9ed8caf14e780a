package settings

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// Sources is where settings are looked for (package comment). The zero value finds nothing.
type Sources struct {
	Environ        []string // the process environment, as [os.Environ] has it
	EnvFile        string   // the file that the user names; an absolute path
	CredentialsDir string   // systemd's $CREDENTIALS_DIRECTORY
	ProgramDirs    []string // folders of the program: as it was called, as it resolves
	ConfigDir      string   // certbot's configuration directory
}

// FromProcess returns the sources of a process: argv0 and environ as the system gave them, envFile from a flag, else
// WILDCARD_ENV_FILE, and configDir as [FindDirectories] has it.
func FromProcess(argv0 string, environ []string, envFile, configDir string) Sources {
	env := lookup(environ)
	if envFile == "" {
		envFile = env.get("WILDCARD_ENV_FILE")
	}
	return Sources{
		Environ:        environ,
		EnvFile:        envFile,
		CredentialsDir: env.get("CREDENTIALS_DIRECTORY"),
		ProgramDirs:    programDirs(argv0, env.get("PATH")),
		ConfigDir:      configDir,
	}
}

// WithoutFile are the sources without the file that the user names for DNS services.
func (s Sources) WithoutFile() Sources {
	s.EnvFile = ""
	return s
}

// programDirs returns the folder of the program as it was called and, where links lead elsewhere, of the file itself.
func programDirs(argv0, searched string) []string {
	path := argv0
	if !strings.Contains(path, "/") {
		if path = search(argv0, searched); path == "" {
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

// search returns the program that a shell finds in a PATH, or "". Folders that depend on the working directory are passed
// over: that may be any user's.
func search(program, searched string) string {
	for _, dir := range filepath.SplitList(searched) {
		if program == "" || !filepath.IsAbs(dir) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	return ""
}

// Environment is the [Set.Source] of what was in the process environment.
const Environment = "the environment"

// candidate is a place to look at.
type candidate struct {
	path     string // "" for the environment
	explicit bool   // the user named it, so it must be there and be complete
	trust    trust
}

func (c candidate) String() string {
	if c.path == "" {
		return Environment
	}
	return Shown(c.path)
}

// source is a candidate that was there, and what it holds.
type source struct {
	candidate
	values         variables
	credentialsDir string // files in it obey systemd's rules
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

// open reads a candidate. One that the user did not name, and that is not there or not for us to read, is nil, and why says
// what is worth saying about that.
func (s Sources) open(c candidate) (from *source, why string, err error) {
	if c.path == "" {
		return &source{c, lookup(s.Environ), s.CredentialsDir}, "", nil
	}
	_, err = os.Lstat(c.path)
	if err == nil || c.explicit { // whose the folders of a file are that is not there does not matter
		var file *EnvFile
		if file, err = readEnvFile(c.path, c.trust); err == nil {
			return &source{c, file.values, s.CredentialsDir}, "", nil
		}
	}
	switch {
	case c.explicit:
		return nil, "", err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, "", nil
	case errors.Is(err, fs.ErrPermission):
		return nil, " (permission denied)", nil
	}
	return nil, "", err
}

// lookup is [environ.Map] with values that are not printed.
func lookup(environment []string) variables {
	env := variables{}
	for name, value := range environ.Map(environment) {
		env[name] = NewSecret(value)
	}
	return env
}
