// Package nameservers runs the DNS servers that are deployed (BIND, Knot, NSD, PowerDNS, unbound, dnsmasq) for tests, on port 53
// of addresses of their own: in a network namespace in which nothing else is, and from which no packet leaves.
package nameservers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside says that this process is the test in its namespace.
const inside = "NAMESERVERS_INSIDE"

// Alone runs a test once more, as its own process in a network and mount namespace of its own, and calls test there. It needs
// no root. In the namespace the loopback interface is up, and /etc/resolv.conf names resolver.
func Alone(t *testing.T, resolver string, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		LoopbackUp(t)
		resolvConf := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(resolvConf, []byte("nameserver "+resolver+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(resolvConf, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		test(t)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// LoopbackUp brings up lo, which is down in a new network namespace.
func LoopbackUp(t testing.TB) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

// AddAddresses gives lo further addresses. named listens only on addresses that an interface has.
func AddAddresses(t testing.TB, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		if out, err := exec.Command("ip", "addr", "add", addr+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// Filter loads rules of nftables, in place of those that were loaded before.
func Filter(t testing.TB, rules string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader("flush ruleset\n" + rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the test needs nftables: %v: %s", err, out)
	}
}

// Redirect sends all packets to port 53, but those from and to the given addresses, to a port of 127.0.0.1, as a router does that
// answers in the place of all name servers.
func Redirect(t testing.TB, port int, but ...string) {
	t.Helper()
	set := strings.Join(but, ", ")
	Filter(t, fmt.Sprintf(`table ip intercept {
	chain output {
		type nat hook output priority -100;
		ip daddr { %[1]s } return
		ip saddr { %[1]s } return
		udp dport 53 redirect to :%[2]d
		tcp dport 53 redirect to :%[2]d
	}
}`, set, port))
}

// Drop drops all packets to port 53 but those from and to the given addresses.
func Drop(t testing.TB, but ...string) {
	t.Helper()
	Filter(t, fmt.Sprintf(`table ip closed {
	chain output {
		type filter hook output priority 0;
		ip daddr { %[1]s } accept
		ip saddr { %[1]s } accept
		udp dport 53 drop
		tcp dport 53 drop
	}
}`, strings.Join(but, ", ")))
}

// RefuseTCP lets TCP connections to port 53 be refused.
func RefuseTCP(t testing.TB) {
	t.Helper()
	Filter(t, `table ip notcp {
	chain input {
		type filter hook input priority 0;
		tcp dport 53 reject with tcp reset
	}
}`)
}
