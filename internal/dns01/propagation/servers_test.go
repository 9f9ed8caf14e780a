package propagation

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"wildcard/internal/fault"
)

func TestParseServers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"192.0.2.1":                       {"192.0.2.1:53"},
		"192.0.2.1:5353, 192.0.2.2":       {"192.0.2.1:5353", "192.0.2.2:53"},
		"2001:db8::1":                     {"[2001:db8::1]:53"},
		"[2001:db8::1]":                   {"[2001:db8::1]:53"},
		"[2001:db8::1]:5353":              {"[2001:db8::1]:5353"},
		"fe80::1%eth0":                    {"[fe80::1%eth0]:53"},
		"::ffff:192.0.2.1":                {"192.0.2.1:53"},
		"192.0.2.1,,192.0.2.2,":           {"192.0.2.1:53", "192.0.2.2:53"},
		"https://dns.example/dns-query":   {"https://dns.example/dns-query"},
		"https://[2001:db8::1]/dns-query": {"https://[2001:db8::1]/dns-query"},
	} {
		got, err := ParseServers(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseServers(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " , ", "ns1.example.com", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:dns", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "::", "ff02::1", "http://dns.example/", "https://", "https://user:pw@dns.example/", "tls://1.1.1.1", "192.0.2.1\x00"} {
		got, err := ParseServers(in)
		if err == nil {
			t.Errorf("ParseServers(%q) = %q, want an error", in, got)
			continue
		}
		wantError(t, err, fault.CodeBadSettings, fault.Misconfigured)
	}
}

func TestSystemServers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": {"127.0.0.1:53"},
		"# comment\nsearch lan\nnameserver 192.0.2.1\nnameserver 2001:db8::1 \n nameserver fe80::1%eth0\noptions edns0\n": {
			"192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%eth0]:53"},
		"nameserver\nnameserver example.com\nnameserver 0.0.0.0\n": {"127.0.0.1:53"},
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := SystemServers(path)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("SystemServers of %q = %q, %v, want %q", text, got, err, want)
		}
	}
	got, err := SystemServers(filepath.Join(t.TempDir(), "none"))
	if err != nil || !slices.Equal(got, []string{"127.0.0.1:53"}) {
		t.Errorf("SystemServers of no file = %q, %v", got, err)
	}
	_, err = SystemServers(t.TempDir())
	wantError(t, err, fault.CodeBadSettings, fault.Misconfigured)
}
