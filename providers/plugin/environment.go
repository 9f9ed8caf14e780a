package plugin

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/settings"
	"wildcard/internal/system/confine"
	"wildcard/internal/system/safepath"
	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

// environment is what every program of ours gets, made from nothing but what programs need to work at all.
func environment(from []string) []string {
	environ := []string{subprocess.Path}
	for _, entry := range from {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case "HOME", "TZ", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
			"https_proxy", "no_proxy":
			if value != "" {
				environ = append(environ, entry)
			}
		}
	}
	return environ
}

// fileVariables are the lines of an env file as variables; none without a file.
func fileVariables(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	file, err := settings.ReadEnvFile(path)
	if err != nil {
		return nil, err
	}
	var environ []string
	for _, name := range file.Names() {
		if v := (Description{Variables: []Variable{{Name: name}}}); v.check() != nil {
			return nil, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured,
				"%s: %s may not be set for another program", path, providers.Excerpt(name))
		}
		environ = append(environ, name+"="+file.Get(name))
	}
	slices.Sort(environ)
	return environ, nil
}

// named are the files and folders that variables name, with which the operator gives them to the plugin; root certificates, which are
// not the plugin's, to be read alone. The error is for one that another user could change.
func named(environ []string) (confine.Named, error) {
	var found confine.Named
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains([]string{"HOME", "PATH", "TZ", "LANG"}, name) {
			continue
		}
		for _, path := range filepath.SplitList(value) { // FILE:/tmp/krb5cc_0, or folders of certificates
			at, err := nameable(path)
			switch {
			case err != nil:
				return found, providers.Errorf(providers.CodeUnsafeFile, providers.Misconfigured,
					"%s: it is not used: %w", name, err)
			case at == "":
			case name == "SSL_CERT_FILE", name == "SSL_CERT_DIR":
				found.Read = append(found.Read, at)
			default:
				found.Write = append(found.Write, at)
			}
		}
	}
	return found, nil
}

// nameable is a path without links, "" if there is nothing that a variable could mean. A folder of the root, such as /etc, is none: it
// is rather the beginning of an address. What is in a folder of the plugin's own, or is not there yet, is named by that folder.
func nameable(path string) (string, error) {
	if !filepath.IsAbs(path) || strings.HasPrefix(path, "//") {
		return "", nil
	}
	info, missing := os.Stat(path)
	last := safepath.File
	if missing == nil && info.IsDir() {
		last = safepath.Dir
	}
	found, err := safepath.Look(path, last)
	if unsafe, ok := errors.AsType[*safepath.Error](err); ok && isPlugins(unsafe.Path) {
		return unsafe.Path, nil
	}
	if missing != nil {
		return "", nil //nolint:nilerr // the plugin says what it misses
	}
	if _, other := errors.AsType[*safepath.KindError](err); other || info.IsDir() && filepath.Dir(found.Path) == "/" {
		return "", nil
	}
	return found.Path, err
}

// isPlugins reports whether a file or folder, reached by what is ours, belongs to plugins.
func isPlugins(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && (info.IsDir() || info.Mode().IsRegular()) && confine.Owns(info)
}
