package subprocess

import "strings"

// Environment is what hooks see of our environment: what a program needs to find its way (PATH, HOME, LANG, TZ, proxies,
// the session bus), and no credentials.
func Environment(environ []string) []string {
	var kept []string
	path := false
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "PATH":
			path = true
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
	if !path {
		kept = append(kept, Path)
	}
	return kept
}
