package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"wildcard/providers/builtin"
)

// All solvers are served at once, and each can be told by its name from the others in the description of the API.
func TestServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	text := `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}], contexts: [{name: x, context: {cluster: c}}], current-context: x}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := configure("acme.example.com", []string{
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--authentication-skip-lookup", "--bind-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=" + dir,
	}, solvers(builtin.Registry(), nil, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.GenericAPIServer.Destroy()
	s.GenericAPIServer.PrepareRun() // makes the description, and ends the process if it cannot
	if got, want := len(s.GenericAPIServer.StaticOpenAPISpec.Paths.Paths), len(builtin.Registry()); got < want {
		t.Errorf("%d paths are described, and there are %d solvers", got, want)
	}
}

// What is no option is a mistake.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"conoha"}, {"--secure-prot=8443"}} {
		if _, err := configure("acme.example.com", args, nil); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
