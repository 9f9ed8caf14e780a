package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/providers"
)

// TestMain lets the test binary be other processes: one that adds an entry and hangs, one that says who called it.
func TestMain(m *testing.M) {
	switch os.Getenv("JOURNAL_TEST_PROGRAM") {
	case "add":
		self, err := Self()
		if err != nil {
			panic(err)
		}
		j, err := Open(os.Getenv("JOURNAL_TEST_DIR"), nil)
		if err != nil {
			panic(err)
		}
		e := sample(self)
		e.Handle = "zone/record"
		if e, err = j.Add(e); err != nil {
			panic(err)
		}
		fmt.Println(e.ID)
		select {}
	case "client":
		client, err := Client()
		if err != nil {
			panic(err)
		}
		_ = json.NewEncoder(os.Stdout).Encode(client)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const value43 = "AAAA_first_value_43_characters_long_AAAAAAA"

func sample(owner Process) Entry {
	return Entry{
		Spec: "conoha", Fingerprint: "conoha https://identity.example/v2.0 tenant user", Zone: "example.com.", Domain: "example.com",
		FQDN: "_acme-challenge.example.com.", Value: value43, Owner: owner,
	}
}

func open(t testing.TB) *Journal {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func self(t testing.TB) Process {
	t.Helper()
	p, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func program(name string, environ ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Path, _ = os.Executable()
	cmd.Env = append(append(os.Environ(), "JOURNAL_TEST_PROGRAM="+name), environ...)
	cmd.Stderr = os.Stderr
	return cmd
}

// startAdder starts a process that adds an entry, and returns when it has.
func startAdder(t *testing.T, j *Journal) *exec.Cmd {
	t.Helper()
	cmd := program("add", "JOURNAL_TEST_DIR="+j.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// eventually waits for a condition that another process or goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func entries(t testing.TB, j *Journal) []Entry {
	t.Helper()
	all, damaged, err := j.Entries()
	if err != nil || len(damaged) > 0 {
		t.Fatalf("%v, damaged %v", err, damaged)
	}
	return all
}

// service is a DNS service in memory that notes what it is asked to delete.
type service struct {
	zones   []string
	err     error
	cleaned []string
	listed  int
}

func (s *service) Present(context.Context, providers.Challenge) (providers.Handle, error) {
	panic("a sweep creates nothing")
}

func (s *service) CleanUp(_ context.Context, c providers.Challenge, h providers.Handle) error {
	s.cleaned = append(s.cleaned, strings.Join([]string{c.FQDN, c.Value, string(h)}, " "))
	return s.err
}

func (s *service) Zones(context.Context, bool) ([]string, error) {
	s.listed++
	return s.zones, nil
}
