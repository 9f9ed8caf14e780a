package plugin

import (
	"slices"
	"strings"

	"wildcard/internal/settings"
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
