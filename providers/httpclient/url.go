package httpclient

import (
	"errors"
	"net/netip"
	"net/url"
)

// ParseURL reads the URL of a service to which secrets are sent: https, or http to this machine itself, without user, query
// and fragment. Its errors do not quote the text.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it is not a URL such as https://service.example.com")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("it would send secrets in the open: only https:// is used, but for this machine itself")
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
