package conoha

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// reading reads the ordinary settings of an account and keeps the first error.
type reading struct {
	set    settings.Set
	prefix string
	err    error
}

func badSetting(name, format string, args ...any) error {
	return providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "conoha: "+name+": "+format, args...)
}

func (r *reading) bad(name, format string, args ...any) {
	if r.err == nil {
		r.err = badSetting(r.prefix+name, format, args...)
	}
}

func (r *reading) get(name string) string {
	value, _ := r.set.Setting(r.prefix + name)
	return strings.TrimSpace(value)
}

// shared is get for what is set once for both accounts unless the second one has a value of its own.
func (r *reading) shared(name string) string {
	if value := r.get(name); value != "" {
		return value
	}
	value, _ := r.set.Setting("CONOHA_" + name)
	return value
}

// url reads a base URL and returns it without trailing slashes. What is wrong with it is said without quoting it, since
// people put passwords into URLs.
func (r *reading) url(name string) string {
	raw := r.get(name)
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		r.bad(name, "it is not a URL like https://host/path")
	case u.User != nil:
		r.bad(name, "there must be no user name or password in it")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		r.bad(name, "there must be no ? or # in it")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		r.bad(name, "it must begin with https://, for passwords and tokens go there (http:// is for loopback addresses only)")
	}
	if r.err != nil {
		return ""
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

func (r *reading) number(name string, otherwise, least, most int) int {
	raw := r.shared(name)
	if raw == "" {
		return otherwise
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < least || n > most {
		r.bad(name, "%s is not a number of seconds from %d to %d", providers.Excerpt(raw), least, most)
	}
	return n
}

// duration reads seconds, as lego does, or a duration of Go such as 1m30s.
func (r *reading) duration(name string, otherwise time.Duration) time.Duration {
	raw := r.shared(name)
	if raw == "" {
		return otherwise
	}
	d, ok := settings.ParseDuration(raw, time.Millisecond)
	if !ok {
		r.bad(name, "%s is neither a number of seconds nor a duration such as 90s or 10m", providers.Excerpt(raw))
	}
	return d
}
