//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers/bindtest"
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
	dir := t.TempDir()
	port := bindtest.Port(t)
	u := &unbound{t: t, address: net.JoinHostPort("127.0.0.1", port), log: filepath.Join(dir, "log")}
	var stubs strings.Builder
	for _, server := range servers {
		fmt.Fprintf(&stubs, "  stub-addr: %s\n", strings.Replace(server, ":", "@", 1))
	}
	config := filepath.Join(dir, "unbound.conf")
	if err := os.WriteFile(config, []byte(fmt.Sprintf(`server:
  directory: %[1]q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "log"
  log-queries: yes
  interface: 127.0.0.1@%[2]s
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  cache-max-ttl: 60
  cache-max-negative-ttl: 60
  edns-buffer-size: 1232
  qname-minimisation: no
  use-caps-for-id: yes
remote-control:
  control-enable: no
stub-zone:
  name: %[3]q
%[4]s`, dir, port, zone, &stubs)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unbound", "-d", "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatalf("the e2e ring needs unbound: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("unbound said\n%s", u.said())
		}
	})
	for range 1000 {
		r, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(zone+".", dns.TypeSOA), u.address)
		if err == nil && r.Rcode == dns.RcodeSuccess && len(r.Answer) == 1 {
			return u
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("unbound does not answer for %s\n%s", zone, u.said())
	return nil
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
