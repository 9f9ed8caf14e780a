package nameservers

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Run starts a DNS server, which ends with the test, and waits until it serves a zone with authority at an address, ip:port; with
// "" until it answers anything. What it said is shown if the test fails.
func Run(t testing.TB, addr, zone, program string, args ...string) *os.Process {
	t.Helper()
	cmd := exec.Command(program, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("the test needs %s: %v", program, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said\n%s", program, &said)
		}
	})
	for range 3000 {
		r, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(zone), dns.TypeSOA), addr)
		if err == nil && (zone == "" || r.Authoritative && len(r.Answer) == 1) {
			return cmd.Process
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not serve %q at %s", program, zone, addr)
	return nil
}

// at is an address with its port, 53 if it names none.
func at(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(addr, "53")
	}
	return addr
}
