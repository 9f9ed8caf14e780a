//go:build k8s

package main

import (
	"os"
	"path/filepath"
	"testing"

	"wildcard/internal/testkit/bindtest"
)

// startBIND starts a real primary of example.com, which takes updates signed with a key, and returns its address and the
// key's secret.
func startBIND(t *testing.T) (server, secret string) {
	t.Helper()
	dir := t.TempDir()
	text := "$TTL 300\n@ SOA ns1 root 1 86400 86400 864000 60\n@ NS ns1\nns1 A 127.0.0.1\n"
	if err := os.WriteFile(filepath.Join(dir, "example.com"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	clause, secret := bindtest.Key(t, "hmac-sha256", "wildcard-key")
	_, server = bindtest.Start(t, dir, bindtest.Port(t), "example.com", clause+`
options { `+bindtest.Options+` notify no; };
zone "example.com" { type primary; file "example.com"; update-policy { grant wildcard-key zonesub TXT; }; };
`)
	return server, secret
}
