package httpclient

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for text, words := range map[string]string{
		"https://service.example.com/base":   "",
		"http://127.0.0.1:8080":              "",
		"http://[::1]":                       "",
		"http://localhost":                   "",
		"http://service.example.com":         "in the open",
		"http://192.0.2.1":                   "in the open",
		"http://127.0.0.1.example.com":       "in the open",
		"https://user:hunter2@example.com":   "no user name",
		"https://example.com?token=hunter2":  "no ? or #",
		"https://example.com#hunter2":        "no ? or #",
		"https://example.com?":               "no ? or #",
		"https://example.com#":               "no ? or #",
		"http://[::ffff:127.0.0.1]":          "",
		"http://LOCALHOST:1":                 "",
		"ftp://example.com":                  "not a URL",
		"example.com":                        "not a URL",
		"https://":                           "not a URL",
		"https://exa\x00mple.com/\nhunter2/": "not a URL",
	} {
		u, err := ParseURL(text)
		if (err == nil) != (words == "") || err != nil && (!strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v, %v, want an error with %q", text, u, err, words)
		}
	}
}
