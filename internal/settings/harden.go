package settings

import (
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"

	"wildcard/internal/fault"
	"wildcard/internal/system/environ"
)

// Harden makes a process keep its secrets to itself: files are private whatever umask it was given, its memory is hidden, and the
// environment names no root certificates to trust. Each of our programs calls it first.
func Harden() {
	HardenPlugin()
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		_ = os.Unsetenv(name) // cannot fail for a name without "="
	}
}

// HardenPlugin is [Harden] for a plugin, whose environment we make: the root certificates that are named there are the operator's word.
func HardenPlugin() {
	syscall.Umask(0o077)
	HideMemory()
}

// CheckProxies refuses an environment with a proxy that cannot be used as it is: the library passes over it without a word, and what
// was to go through the proxy would go past it. Its value, which may hold a password, is not shown.
func CheckProxies(environment []string) error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if value := environ.Get(environment, name); value != "" && !isProxy(value) {
			return fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
				"settings: %s cannot be used as it is (it is not shown): want http://HOST:PORT, or HOST:PORT", name)
		}
	}
	return nil
}

// isProxy reports whether the library takes a value for a proxy, and for the one that it seems to be (golang.org/x/net/http/httpproxy).
func isProxy(value string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" {
		u, err = url.Parse("http://" + value)
	}
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" ||
		strings.HasSuffix(u.Host, ":") || strings.ContainsAny(u.Hostname(), " \t\"'\\,;") {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return true
	}
	return false
}
