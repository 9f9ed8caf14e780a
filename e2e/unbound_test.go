//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/testkit/bindtest"
	"wildcard/internal/testkit/nameservers"
)

// unbound is Debian's unbound as a CA's resolver, set as those of Let's Encrypt are (jsha/unboundtest has their configuration;
// that TXT and its absence are kept for min(TTL, 60 s) is community.letsencrypt.org 126670).
type unbound struct {
	t       *testing.T
	address string // 127.0.0.1:port
	log     string // path; has a line for each question
}

// startUnbound starts one that asks these servers (127.0.0.1:port) for a zone.
func startUnbound(t *testing.T, zone string, servers ...string) *unbound {
	t.Helper()
	port := bindtest.Port(t)
	u := &unbound{t: t, address: net.JoinHostPort("127.0.0.1", port), log: filepath.Join(t.TempDir(), "log")}
	stubs := strings.ReplaceAll(strings.Join(servers, ","), ":", "@")
	nameservers.Unbound(t, "127.0.0.1@"+port, "127.0.0.1", fmt.Sprintf(`  logfile: %q
  log-queries: yes
  cache-max-ttl: 60
  cache-max-negative-ttl: 60
  edns-buffer-size: 1232
  qname-minimisation: no
  use-caps-for-id: yes`, u.log), zone+"="+stubs)
	return u
}

func (u *unbound) said() string {
	text, err := os.ReadFile(u.log)
	if err != nil {
		u.t.Error(err)
	}
	return string(text)
}

// asked reports whether it was asked for the TXT records of a name.
func (u *unbound) asked(name string) bool {
	return strings.Contains(u.said(), " "+name+". TXT IN")
}
