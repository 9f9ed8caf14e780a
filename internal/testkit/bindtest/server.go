// Package bindtest runs Debian's BIND for tests, in a folder and on a loopback port of the test's own.
package bindtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wildcard/internal/testkit/nameservers"
	"wildcard/internal/testkit/zonetest"
)

// Options stands in the configurations that [Start] takes for the statements of the options clause that keep named in its
// folder, on its port, and from asking others.
const Options = "OPTIONS"

// Port is a loopback port that is free now.
func Port(t testing.TB) string {
	t.Helper()
	stream, packets, err := zonetest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(stream.Addr().String())
	_, _ = stream.Close(), packets.Close()
	return port
}

// Key makes a TSIG key: its clause of a configuration, as tsig-keygen writes it, and the secret in that.
func Key(t testing.TB, algorithm, name string) (clause, secret string) {
	t.Helper()
	text, err := exec.Command("tsig-keygen", "-a", algorithm, name).Output()
	if err != nil {
		t.Fatalf("the test needs BIND: %v", err)
	}
	return string(text), string(regexp.MustCompile(`secret "([^"]+)"`).FindSubmatch(text)[1])
}

// Start runs named until the test ends. It returns its process and its address, ip:port, when it serves a zone. What it said
// is shown if the test fails.
func Start(t testing.TB, dir, port, zone, config string) (process *os.Process, address string) {
	t.Helper()
	own := fmt.Sprintf(`directory "%[1]s"; pid-file "%[1]s/pid"; session-keyfile "%[1]s/session.key"; managed-keys-directory "%[1]s"; lock-file none;
	listen-on port %[2]s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no;`, dir, port)
	path := filepath.Join(dir, "named.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(config, Options, own)), 0o600); err != nil {
		t.Fatal(err)
	}
	address = net.JoinHostPort("127.0.0.1", port)
	return nameservers.Run(t, address, zone, "named", "-4", "-g", "-n", "1", "-c", path), address
}
