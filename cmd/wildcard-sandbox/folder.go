package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wildcard/internal/fault"
)

// folder is the directory in which everything of a sandbox is; its methods are the paths in it.
type folder string

func (f folder) path(elements ...string) string {
	return filepath.Join(append([]string{string(f)}, elements...)...)
}

func (f folder) letsencrypt() string { return f.path("etc", "letsencrypt") } // certbot's config dir
func (f folder) certbotWork() string { return f.path("var", "lib", "letsencrypt") }
func (f folder) certbotLogs() string { return f.path("var", "log", "letsencrypt") }
func (f folder) config() string      { return f.path("config") } // XDG_CONFIG_HOME
func (f folder) state() string       { return f.path("state") }
func (f folder) run() string         { return f.path("run") }
func (f folder) temporary() string   { return f.path("tmp") }
func (f folder) bin() string         { return f.path("bin") }
func (f folder) root() string        { return f.path("ca.pem") }      // TLS root of the ACME server
func (f folder) issuer() string      { return f.path("issuer.pem") }  // root of the certificates it issues
func (f folder) environment() string { return f.path("environment") } // what serve prints

// contains reports whether a path of a command line, relative ones from the working directory, is the folder or lies in it.
func (f folder) contains(path string) bool {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	relative, err := filepath.Rel(string(f), absolute)
	return err == nil && filepath.IsLocal(relative)
}

// newFolder makes the folder: dir, which must be absent or empty, or one in the temporary directory if dir is "".
func newFolder(dir string) (folder, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "wildcard-sandbox-")
		if err != nil {
			return "", fmt.Errorf("make folder: %w", err)
		}
		if err := usable(made); err != nil {
			os.Remove(made)
			return "", err
		}
		return folder(made), nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := usable(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", misconfigured("make folder: %w", err)
	}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return folder(dir), nil
	case !errors.Is(err, fs.ErrExist):
		return "", misconfigured("make folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return "", misconfigured("read folder: %w", err)
	case len(entries) > 0:
		return "", usage("--dir %s is not empty: give a new folder, or remove that one first", dir)
	}
	return folder(dir), nil
}

// usable refuses folders whose name would change its meaning where it has to stand: in certbot's configuration file, which
// knows lists and comments, in XDG_CONFIG_HOME, which certbot takes as a file name pattern, in PATH, and in a .env file.
func usable(dir string) error {
	const special = "*?[]{}:;#=,'\"`$\\"
	unsafe := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(special, r) }
	if i := strings.IndexFunc(dir, unsafe); i >= 0 {
		return usage("folder %q: its path must not have %q in it; choose another with --dir or TMPDIR", dir, dir[i:i+1])
	}
	return nil
}

// misconfigured is an error that the operator has to fix: exit status 78.
func misconfigured(format string, args ...any) error {
	return fault.Errorf(fault.CodeState, fault.Misconfigured, format, args...)
}

// fill makes what stands in the folder before a command runs.
func (f folder) fill(w *world) error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{
		{f.letsencrypt(), 0o755},
		{filepath.Join(f.letsencrypt(), "conoha"), 0o700},
		{f.certbotWork(), 0o755},
		{f.certbotLogs(), 0o700},
		{filepath.Join(f.config(), "letsencrypt"), 0o755},
		{f.state(), 0o700},
		{f.run(), 0o700},
		{f.temporary(), 0o700},
		{f.bin(), 0o755},
	} {
		if err := os.MkdirAll(dir.path, dir.mode); err != nil {
			return misconfigured("make folder: %w", err)
		}
	}
	for _, file := range []struct {
		path     string
		contents string
		mode     fs.FileMode
	}{
		{f.root(), string(w.ca.RootPEM()), 0o644},
		{f.issuer(), string(w.ca.IssuerPEM()), 0o644},
		{filepath.Join(f.config(), "letsencrypt", "cli.ini"), f.certbotSettings(w), 0o644},
		{filepath.Join(f.letsencrypt(), "conoha", ".env"), w.credentialsFile(), 0o600},
	} {
		if err := os.WriteFile(file.path, []byte(file.contents), file.mode); err != nil {
			return misconfigured("write file: %w", err)
		}
	}
	return nil
}

// certbotSettings is certbot's configuration file. Sleeping at random before a renewal without a terminal spreads the load of
// a CA that millions use, which this one is not.
func (f folder) certbotSettings(w *world) string {
	return fmt.Sprintf(`# Made by wildcard-sandbox. certbot reads this file after /etc/letsencrypt/cli.ini, and what stands here wins.
server = %s
config-dir = %s
work-dir = %s
logs-dir = %s
agree-tos = true
register-unsafely-without-email = true
no-eff-email = true
no-random-sleep-on-renew = true
`, w.ca.DirectoryURL(), f.letsencrypt(), f.certbotWork(), f.certbotLogs())
}

// lineages are the names of the certificates in the folder.
func (f folder) lineages() []string {
	entries, _ := os.ReadDir(filepath.Join(f.letsencrypt(), "live")) // absent: none
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") { // what was live before has a dot
			names = append(names, e.Name())
		}
	}
	return names
}
