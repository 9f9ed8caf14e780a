//go:build k8s

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/miekg/dns"
)

// startBIND starts a real primary of example.com, which takes updates signed with a key, and returns its address and the
// key's secret.
func startBIND(t *testing.T) (server, secret string) {
	t.Helper()
	key, err := exec.Command("tsig-keygen", "-a", "hmac-sha256", "wildcard-key").Output()
	if err != nil {
		t.Fatalf("the k8s ring needs BIND: %v", err)
	}
	dir, port := t.TempDir(), freePort(t)
	for name, text := range map[string]string{
		"example.com": "$TTL 300\n@ SOA ns1 root 1 86400 86400 864000 60\n@ NS ns1\nns1 A 127.0.0.1\n",
		"named.conf": fmt.Sprintf(`%[1]s
options {
	directory "%[2]s"; pid-file "%[2]s/pid"; session-keyfile "%[2]s/session.key"; managed-keys-directory "%[2]s"; lock-file none;
	listen-on port %[3]s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no;
};
zone "example.com" { type primary; file "example.com"; update-policy { grant wildcard-key zonesub TXT; }; };
`, key, dir, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, os.Environ(), "named", "-4", "-f", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	server = net.JoinHostPort("127.0.0.1", port)
	until(t, "BIND", func() (bool, string) {
		r, err := dns.Exchange(new(dns.Msg).SetQuestion("example.com.", dns.TypeSOA), server)
		if err != nil {
			return false, err.Error()
		}
		return r.Authoritative && len(r.Answer) == 1, r.String()
	})
	return server, string(regexp.MustCompile(`secret "(.*)"`).FindSubmatch(key)[1])
}
