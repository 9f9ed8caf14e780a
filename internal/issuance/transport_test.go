package issuance

import (
	"net/url"
	"testing"
)

// A CA's URLs are its own however host and port are spelled; another host, port or scheme is not followed.
func TestCheck_Spelling(t *testing.T) {
	t.Parallel()
	for directory, urls := range map[string]map[string]bool{
		"https://ca.example/directory": {
			"https://ca.example:443/order/1": true, "https://CA.example/order/1": true, "https://ca.example./order/1": true,
			"https://ca.example:8443/order/1": false, "https://acme.ca.example/order/1": false, "http://ca.example/order/1": false,
			"https://ca.example:443.evil.example/": false, "https://ca.example@evil.example/order/1": false,
		},
		"https://ca.example:443/directory":   {"https://ca.example/order/1": true, "https://ca.example:443/order/1": true},
		"https://[2001:db8::1]:14000/dir":    {"https://[2001:DB8::1]:14000/order/1": true, "https://[2001:db8::1]/order/1": false},
		"https://ca.example:14000/directory": {"https://ca.example:14000/order/1": true, "https://ca.example/order/1": false},
	} {
		own, err := url.Parse(directory)
		if err != nil {
			t.Fatal(err)
		}
		for text, good := range urls {
			u, err := url.Parse(text)
			if err == nil {
				err = (&transport{directory: own}).check(u)
			}
			if (err == nil) != good {
				t.Errorf("%s of %s: %v", text, directory, err)
			}
		}
	}
}
