package conoha

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/settings"
	"wildcard/providers"
)

func testStore(dir, password string) *store {
	return newStore(dir, "token", account{
		identityURL: "https://identity.example/v3", tenant: "tenant", user: "user",
		dnsURL: "https://dns.example", password: settings.NewSecret(password),
	}, slog.New(slog.DiscardHandler))
}

func TestStoreKeepsForTheNextProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	testStore(dir, "password").write("kept")
	var got string
	if !testStore(dir, "password").read(&got) || got != "kept" {
		t.Fatalf("got %q", got)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	testStore(dir, "password").remove()
	if testStore(dir, "password").read(&got) {
		t.Error("still there after remove")
	}
}

func TestStore_ForeignFiles(t *testing.T) {
	t.Parallel()
	other := func(change func(*store)) func(t *testing.T, path string) *store {
		return func(t *testing.T, path string) *store {
			s := testStore(filepath.Dir(path), "password")
			change(s)
			return s
		}
	}
	onDisk := func(change func(t *testing.T, path string)) func(t *testing.T, path string) *store {
		return func(t *testing.T, path string) *store {
			change(t, path)
			return testStore(filepath.Dir(path), "password")
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range map[string]func(t *testing.T, path string) *store{
		"another password": func(_ *testing.T, path string) *store { return testStore(filepath.Dir(path), "other") },
		"another DNS URL":  other(func(s *store) { s.binding = strings.Replace(s.binding, "dns.example", "evil.example", 1) }),
		"another kind":     other(func(s *store) { s.binding = strings.Replace(s.binding, "token", "zones", 1) }),
		"group may read":   onDisk(func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) }),
		"others may write": onDisk(func(t *testing.T, path string) { must(t, os.Chmod(path, 0o602)) }),
		"symbolic link": onDisk(func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".real"))
			must(t, os.Symlink(path+".real", path))
		}),
		"directory": onDisk(func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o600))
		}),
		"too large": onDisk(func(t *testing.T, path string) { must(t, os.Truncate(path, mostKept+1)) }),
		"empty":     onDisk(func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }),
		"cut":       onDisk(func(t *testing.T, path string) { must(t, os.Truncate(path, 40)) }),
		"changed": onDisk(func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			must(t, err)
			b = []byte(strings.Replace(string(b), `"data":"`, `"data":"AAAA`, 1))
			must(t, os.WriteFile(path, b, 0o600))
		}),
		"gone": onDisk(func(t *testing.T, path string) { must(t, os.Remove(path)) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "run")
			s := testStore(dir, "password")
			s.write("kept")
			var got string
			if open(t, filepath.Join(dir, s.name)).read(&got) {
				t.Errorf("read %q", got)
			}
		})
	}
}

func TestStore_DirectoryUnusable(t *testing.T) {
	t.Parallel()
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"none": "", "open to others": open, "a file": file} {
		s := testStore(dir, "password")
		s.write("kept")
		var got string
		if s.read(&got) {
			t.Errorf("%s: something was kept", name)
		}
		s.remove()
		s.lock(t.Context(), time.Minute)()
	}
	if entries, _ := os.ReadDir(open); len(entries) > 0 {
		t.Errorf("%v was written where others may write", entries)
	}
}

func TestStoreLock(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	unlock := testStore(dir, "password").lock(t.Context(), time.Minute)
	other := testStore(dir, "password")

	// The wait for it has an end, and so has the caller's time.
	other.lock(t.Context(), 10*time.Millisecond)()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other.lock(ctx, time.Minute)()

	got := make(chan struct{})
	go func() {
		defer close(got)
		other.lock(t.Context(), time.Minute)()
	}()
	unlock()
	<-got
}

// A refused password is tried once, though certbot starts a process for every name; another one is tried at once.
func TestRefusalIsKept(t *testing.T) {
	t.Parallel()
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	a := service.AddAccount(conohatest.Account{Version: 2})
	service.AddZone(a.Tenant, "example.com")
	runDir := t.TempDir() + "/run"
	zones := func(password string) error {
		t.Helper()
		wrong := a
		wrong.Password = password
		accounts, err := Open(providers.Spec{Name: "conoha"}, settings.Sources{Environ: service.Environ(wrong)}, Options{RunDir: runDir})
		if err != nil {
			t.Fatal(err)
		}
		_, err = accounts[0].Provider.(providers.Zones).Zones(t.Context(), false)
		return err
	}
	for range 3 {
		if err := zones("wrong"); providers.CodeOf(err) != providers.CodeCredentials || providers.ClassOf(err) != providers.Refused {
			t.Errorf("got %v", err)
		}
	}
	if n := service.Calls().Logins; n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	if err := zones(a.Password); err != nil {
		t.Error(err)
	}
}
