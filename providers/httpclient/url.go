package httpclient

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// ParseURL reads the URL of a service to which secrets are sent: https, or http to this machine itself, without user, query
// and fragment. Its errors do not quote the text, since people put passwords into URLs.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it is not a URL such as https://service.example.com")
	case u.User != nil:
		return nil, errors.New("there must be no user name or password in the URL")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, errors.New("there must be no ? or # in the URL")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("it would send secrets in the open: only https:// is used, but for this machine itself")
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
