//go:build e2e

package target_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
)

// served is what a server on a port of this machine serves, compared with a certificate.
func served(t *testing.T, port string, c target.Certificate) bool {
	t.Helper()
	looks := new(deploy.Prover).Look(t.Context(), deploy.Endpoint{Host: "127.0.0.1", Port: port}, c.Leaf)
	return len(looks) == 1 && looks[0].Addr == netip.MustParseAddr("127.0.0.1") && looks[0].Serves(c.Leaf)
}

// TestHAProxy_Real gives certificates to a running HAProxy, by its socket: the new one is served without a reload, one that it refuses
// leaves the former, and what is in its file is what the next start serves.
func TestHAProxy_Real(t *testing.T) {
	w := newWorld(t)
	w.Write = func(path string, text []byte) error { return os.WriteFile(path, text, 0o600) }
	dir, err := os.MkdirTemp("/tmp", "haproxy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	first, second := certificate(t), certificate(t)
	text, err := first.Set.Combined()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	file, conf := dir+"/example.com.pem", dir+"/conf"
	config := fmt.Sprintf(`global
	stats socket %[1]s/s mode 600 level admin
	stats socket %[1]s/o mode 600 level operator
defaults
	mode http
	timeout client 5s
	timeout connect 5s
	timeout server 5s
frontend f
	bind 127.0.0.1:%[2]s ssl crt %[3]s
	http-request return status 200
`, dir, port, file)
	if err := errors.Join(listener.Close(), os.WriteFile(file, text, 0o600), os.WriteFile(conf, []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	start := func(c target.Certificate) func() {
		proxy := exec.Command("haproxy", "-db", "-f", conf)
		proxy.Stdout, proxy.Stderr = &log, &log
		if err := proxy.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := new(deploy.Prover).Prove(t.Context(), []deploy.Endpoint{{Host: "127.0.0.1", Port: port}}, c.Leaf); err != nil {
			t.Errorf("%v\n%s", err, log.String())
		}
		return func() { _ = proxy.Process.Kill(); _ = proxy.Wait() }
	}
	stop := start(first)
	defer func() { stop() }()
	spec := "haproxy:" + dir + "/s=" + file
	wants(t, w.check(spec), "")
	wants(t, w.check("haproxy:"+dir+"/o="+file), target.CodeUnusable, "operator")
	wants(t, w.check(spec+"x"), target.CodeUnusable)
	for range 2 {
		wants(t, w.deploy(t.Context(), second, spec)[0], "")
		if !served(t, port, second) {
			t.Fatalf("the new one is not served\n%s", log.String())
		}
	}
	wants(t, w.deploy(t.Context(), certificate(t), spec+"x")[0], target.CodeFailed)
	weak := certificate(t)
	weak.Set.Cert = []byte(strings.Replace(string(weak.Set.Cert), "M", "N", 1))
	if err := w.deploy(t.Context(), weak, spec)[0]; err == nil || !served(t, port, second) {
		t.Errorf("%v; the former one is not served any more", err)
	}
	stop()
	stop = start(second) // with what is in the file
}
