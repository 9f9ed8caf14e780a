//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/nameservers"
)

// The look-ups that a server in the wild makes: delegations by resolvers, name servers on port 53 of addresses of their own.
// That port is ours only where the test runs alone.
func TestPort53(t *testing.T) { nameservers.Alone(t, "127.0.0.1", port53) }

func port53(t *testing.T) {
	service, err := conohatest.Start(conohatest.Options{CommonPort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	a := service.AddAccount(conohatest.Account{Version: 2})
	for _, zone := range []string{"example.com", "example.co.jp"} {
		service.AddZone(a.Tenant, zone)
	}
	forward(t, "127.0.0.1:53", service.Resolver())
	for _, server := range service.NameServers(2, 3) {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			t.Fatal(err)
		}
		forward(t, host+":53", server)
	}
	dir := t.TempDir()
	executable.Build(t, dir+"/bin", "wildcard", "wildcard-auth-hook", "wildcard-cleanup-hook")
	environ := slices.DeleteFunc(service.Environ(a), func(kv string) bool { return strings.HasPrefix(kv, "WILDCARD_") })
	environ = append(environ, "WILDCARD_RESOLVERS=127.0.0.1", "WILDCARD_STATE_DIR="+dir+"/state", "WILDCARD_RUN_DIR="+dir+"/run", "WILDCARD_CONFIG_DIR="+dir,
		"WILDCARD_CA_CACHE=0", // no CA looks
		"CERTBOT_VALIDATION=AAAA_first_value_43_characters_long_AAAAAAA",
		"LD_PRELOAD=/nonexistent.so") // fault 115: the programs are static
	run := func(hook, domain string) (string, int) {
		t.Helper()
		cmd := exec.Command(dir + "/bin/wildcard-" + hook + "-hook")
		cmd.Env = append(slices.Clone(environ), "CERTBOT_DOMAIN="+domain)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			if _, exited := errors.AsType[*exec.ExitError](err); !exited {
				t.Fatal(err)
			}
		}
		return stderr.String(), cmd.ProcessState.ExitCode()
	}
	for _, hook := range []string{"auth", "cleanup"} {
		if stderr, code := run(hook, "www.example.com"); code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, %s", hook, code, stderr)
		}
	}
	for _, q := range service.Questions() {
		if strings.HasPrefix(q.Name, "_acme-challenge") && q.Server == conohatest.ResolverName {
			t.Errorf("the resolver was asked for %s %s", q.Name, q.Type)
		}
	}
	calls := service.Calls()
	if want := (conohatest.Calls{Logins: 1, ZoneLists: 1, Creates: 1, Deletes: 1, Connections: calls.Connections}); calls != want {
		t.Errorf("calls %+v, want %+v", calls, want)
	}
	service.Delegate("example.co.jp", "ns1.elsewhere.example", "ns2.elsewhere.example")
	stderr, code := run("auth", "example.co.jp")
	if code != 78 || !strings.Contains(stderr, "ns1.elsewhere.example") || !strings.Contains(stderr, "ns-a1.conoha.io") {
		t.Errorf("delegated elsewhere: exit %d, %s", code, stderr)
	}
	if got := service.Calls(); got.Creates != 1 {
		t.Errorf("calls %+v", got)
	}

	// Where no name server can be asked, what foretells an issuance says so.
	for _, host := range []string{"ns-a1.conoha.io", "ns-a2.conoha.io", "ns-a3.conoha.io"} {
		service.SetHostAddresses(host, "127.0.0.250")
	}
	for _, c := range []struct{ args, text string }{
		{"plan --agree-tos --server https://127.0.0.9:1/directory example.com", "no name server of example.com. can be asked from here"},
		{"providers test --zone example.com conoha", "what the name servers of example.com. have cannot be seen: port 53"},
	} {
		cmd := exec.Command(dir+"/bin/wildcard", strings.Fields(c.args)...)
		cmd.Env = environ
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), c.text) {
			t.Errorf("wildcard %s: %s", c.args, out)
		}
	}
}

// forward passes what comes to an address, over UDP and TCP, on to another one until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	packets, err := net.ListenPacket("udp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	go func() {
		buffer := make([]byte, 65535)
		for {
			n, client, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			conn, err := net.Dial("udp", to)
			if err != nil {
				continue
			}
			_, _ = conn.Write(buffer[:n])
			go func() {
				defer conn.Close()
				answer := make([]byte, 65535)
				if n, err := conn.Read(answer); err == nil {
					_, _ = packets.WriteTo(answer[:n], client)
				}
			}()
		}
	}()
	stream, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.Close() })
	go func() {
		for {
			client, err := stream.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer server.Close()
				go func() { _, _ = io.Copy(server, client) }()
				_, _ = io.Copy(client, server)
			}()
		}
	}()
}
