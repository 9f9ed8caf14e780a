package plugin

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/system/environ"
	"wildcard/providers"
)

const prefix = "wildcard-dns-" // of the names of plugins' programs

// Installed is a plugin that is there. Whether it may be run is not looked at.
type Installed struct {
	Name string // as in plugin:NAME
	Path string // of its program
}

// Directories returns where plugins are looked for, in order.
func Directories(environment []string) []string {
	var dirs []string
	if dir := environ.Get(environment, "WILDCARD_PLUGIN_DIR"); filepath.IsAbs(dir) {
		dirs = []string{dir}
	}
	if own, err := os.Executable(); err == nil {
		if own, err = filepath.EvalSymlinks(own); err == nil {
			dirs = append(dirs, filepath.Dir(own))
		}
	}
	return append(dirs, "/usr/local/lib/wildcard", "/usr/lib/wildcard")
}

// List returns the plugins there are, by name. Of several with one name it is the one that would be run. Folders that are
// not there or cannot be read have none.
func List(environment []string) []Installed {
	var found []Installed
	for _, dir := range Directories(environment) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name, ok := strings.CutPrefix(entry.Name(), prefix)
			known := slices.ContainsFunc(found, func(p Installed) bool { return p.Name == name })
			if path := filepath.Join(dir, entry.Name()); ok && nameForm.MatchString(name) && !known && isFile(path) {
				found = append(found, Installed{name, path})
			}
		}
	}
	slices.SortFunc(found, func(a, b Installed) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// find looks for the program of a plugin; of lego's, for one of its services.
func find(name, service string, environment []string) (string, error) {
	dirs := Directories(environment)
	for _, dir := range dirs {
		if path := filepath.Join(dir, prefix+name); isFile(path) {
			return path, nil
		}
	}
	if name == "lego" {
		return "", legoMissing(service, dirs)
	}
	other := ""
	if meant := LegoService(name); meant != "" {
		other = "; did you mean lego:" + meant + "?"
	}
	return "", providers.Errorf(providers.CodeUnknownProvider, providers.Misconfigured, "there is no %s in %s%s", prefix+name,
		strings.Join(dirs, ", "), other)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
