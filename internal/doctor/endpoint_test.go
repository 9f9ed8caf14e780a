package doctor

import (
	"testing"

	"wildcard/internal/fault"
)

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Endpoint{
		"www.example.com":           {"", "www.example.com:443"},
		"www.example.com:8443":      {"", "www.example.com:8443"},
		"[2001:db8::1]:993":         {"", "[2001:db8::1]:993"},
		"[2001:db8::1]":             {"", "[2001:db8::1]:443"},
		"mail=192.0.2.1:993":        {"mail", "192.0.2.1:993"},
		"example.com=example.com:1": {"example.com", "example.com:1"},
	} {
		if got, err := ParseEndpoint(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":443", "https://example.com/", "example.com:0", "example.com:99999", "example.com:https", "=example.com", "a b"} {
		if got, err := ParseEndpoint(text); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
}
