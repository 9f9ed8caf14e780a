package cli

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"wildcard/internal/acmeserver"
	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/system/wait"
)

// serveDirs are the folders of a machine that has nothing yet.
func serveDirs(t *testing.T) settings.Directories {
	dir := t.TempDir()
	return settings.Directories{Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}
}

// TestServe_TwoOfThem has a second server on the state of one that runs: it waits, and ends without having done anything.
func TestServe_TwoOfThem(t *testing.T) {
	t.Parallel()
	dirs := serveDirs(t)
	release, err := acmeserver.Claim(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it has waited for long enough
	second := &service{machine: &machine{dirs: dirs}, name: "acme.example.com"}
	if err := second.run(ctx, "127.0.0.1:0", ""); fault.CodeOf(err) != fault.CodeUnavailable {
		t.Errorf("it ran: %v", err)
	}
}

// TestServe_StatusFails has the listener of --status fail, which is a failure of the whole.
func TestServe_StatusFails(t *testing.T) {
	t.Parallel()
	dirs := serveDirs(t)
	state, err := acmeserver.OpenState(dirs)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &service{upstream: &acmeserver.Managed{Log: log}}
	s.own = &acmeserver.Own{Upstream: s.upstream, Log: log, Sleep: wait.For}
	s.server, err = acmeserver.New(acmeserver.Options{State: state, Clients: acmeserver.NewClients(dirs, state), Upstream: s.upstream})
	if err != nil {
		t.Fatal(err)
	}
	var sockets net.ListenConfig
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = sockets.Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := listeners[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.serve(t.Context(), listeners[0], listeners[1]); fault.CodeOf(err) != acmeserver.CodeListen {
		t.Errorf("it ended with %v", err)
	}
}
