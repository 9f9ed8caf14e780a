package plugin

import (
	"os"
	"path/filepath"
	"strings"

	"wildcard/providers"
)

// find looks for the program of a plugin.
func find(name string, environ []string) (string, error) {
	var dirs []string
	for _, entry := range environ {
		if dir, ok := strings.CutPrefix(entry, "WILDCARD_PLUGIN_DIR="); ok && filepath.IsAbs(dir) {
			dirs = []string{dir}
		}
	}
	if own, err := os.Executable(); err == nil {
		if own, err = filepath.EvalSymlinks(own); err == nil {
			dirs = append(dirs, filepath.Dir(own))
		}
	}
	dirs = append(dirs, "/usr/local/lib/wildcard", "/usr/lib/wildcard")
	program := "wildcard-dns-" + name
	for _, dir := range dirs {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", providers.Errorf(providers.CodeUnknownProvider, providers.Misconfigured, "there is no %s in %s", program, strings.Join(dirs, ", "))
}
