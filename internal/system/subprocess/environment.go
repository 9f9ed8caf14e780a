package subprocess

import (
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/system/environ"
)

// standard are the directories of programs. Cron gives two of them, and reload commands are in sbin; certbot adds what is
// missing likewise (certbot/_internal/plugins/util.py, path_surgery).
const standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Path is where programs are looked for that name none themselves, as an entry of an environment.
const Path = "PATH=" + standard

// SearchPath is the PATH of an environment, and after it the directories of [Path] that it does not have.
func SearchPath(environment []string) string {
	path := environ.Get(environment, "PATH")
	if path == "" {
		return standard
	}
	there := filepath.SplitList(path)
	for _, dir := range filepath.SplitList(standard) {
		if !slices.ContainsFunc(there, func(d string) bool { return filepath.Clean(d) == dir }) {
			path += ":" + dir
		}
	}
	return path
}

// Environment is what hooks see of our environment: what a program needs to find its way (PATH, HOME, LANG, TZ, proxies,
// the session bus), and no credentials. PATH is [SearchPath].
func Environment(environment []string) []string {
	kept := []string{"PATH=" + SearchPath(environment)}
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR",
			"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "INVOCATION_ID",
			"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
		default:
			if !strings.HasPrefix(name, "LC_") {
				continue
			}
		}
		kept = append(kept, entry)
	}
	return kept
}
