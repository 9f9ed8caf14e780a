package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/parallel"
	"wildcard/providers"
)

// TestMain lets the test binary be other processes.
func TestMain(m *testing.M) {
	if name := os.Getenv("JOURNAL_TEST_PROGRAM"); name != "" {
		if err := programs()[name](); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	parallel.Waiting()
	goleak.VerifyTestMain(m)
}

func programs() map[string]func() error {
	return map[string]func() error{
		// add adds an entry when it is told to, and hangs.
		"add": func() error {
			j, self, err := here()
			if err != nil {
				return err
			}
			if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
				return err
			}
			e := sample(self)
			e.Handle = "zone/record"
			if e, err = j.Add(e); err != nil {
				return err
			}
			fmt.Println(e.ID)
			time.Sleep(time.Hour)
			return nil
		},
		// half begins to write an entry, and hangs.
		"half": func() error {
			j, _, err := here()
			if err != nil {
				return err
			}
			f, err := j.create()
			if err != nil {
				return err
			}
			if _, err := f.WriteString(`{"version":1,`); err != nil {
				return err
			}
			fmt.Println(filepath.Base(f.Name()))
			time.Sleep(time.Hour)
			return f.Close()
		},
		// masked adds one entry under each of the worst umasks.
		"masked": func() error {
			j, self, err := here()
			if err != nil {
				return err
			}
			for _, mask := range []int{0, 0o777} {
				unix.Umask(mask)
				if _, err := j.Add(sample(self)); err != nil {
					return err
				}
			}
			return nil
		},
		// crowded adds entries while files may have no more than 0, 1, 2, … bytes, until that is enough.
		"crowded": func() error {
			j, self, err := here()
			if err != nil {
				return err
			}
			text, err := encode(sample(self))
			if err != nil {
				return err
			}
			var limit unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
				return err
			}
			for most := range text {
				limit.Cur = uint64(most)
				if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
					return err
				}
				_, err := j.Add(sample(self))
				if fault.CodeOf(err) != fault.CodeState || fault.ClassOf(err) != fault.Temporary {
					return fmt.Errorf("with %d bytes: %w", most, err)
				}
				if files, err := os.ReadDir(j.dir); err != nil || len(files) > 0 {
					return fmt.Errorf("with %d bytes: left %v, %w", most, files, err)
				}
			}
			return nil
		},
		// sweep sweeps when it is told to, and says what it did.
		"sweep": func() error {
			j, self, err := here()
			if err != nil {
				return err
			}
			if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
				return err
			}
			s := &service{zones: []string{"example.com."}}
			report, err := j.Sweep(context.Background(), []providers.Account{{Provider: s, Fingerprint: sample(self).Fingerprint}}, nil)
			if err == nil {
				fmt.Println(len(report.Swept), len(report.Kept))
			}
			return err
		},
		// certbot runs a hook as certbot does (compat/misc.py): by a shell, with the variables in its environment alone.
		"certbot": func() error {
			hook := exec.Command("/bin/sh", "-c", os.Getenv("JOURNAL_TEST_HOOK"))
			hook.Env = append(os.Environ(), "CERTBOT_VALIDATION="+value43, "JOURNAL_TEST_PROGRAM=client")
			hook.Stdout, hook.Stderr = os.Stdout, os.Stderr
			return hook.Run()
		},
		// client says who called it.
		"client": func() error {
			client, err := Client()
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(client)
		},
		// orphan says so when its parent has ended.
		"orphan": func() error {
			for parent := os.Getenv("JOURNAL_TEST_PARENT"); strconv.Itoa(os.Getppid()) == parent; {
				time.Sleep(time.Millisecond)
			}
			client, err := Client()
			if err != nil {
				return err
			}
			fmt.Println(client.PID, os.Getppid(), client.Dead(0))
			return nil
		},
	}
}

// here is what every program needs.
func here() (*Journal, Process, error) {
	self, err := Self()
	if err != nil {
		return nil, self, err
	}
	j, err := Open(os.Getenv("JOURNAL_TEST_DIR"), nil)
	return j, self, err
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

// program is the test binary as another process.
func program(t *testing.T, name string, environ ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(append(os.Environ(), "JOURNAL_TEST_PROGRAM="+name), environ...)
	cmd.Stderr = os.Stderr
	return cmd
}

// child is a running program that is told what to do and says what it did, in lines.
type child struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func start(t *testing.T, j *Journal, name string) child {
	t.Helper()
	cmd := program(t, name, "JOURNAL_TEST_DIR="+j.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := child{cmd, in, bufio.NewReader(out)}
	t.Cleanup(c.kill)
	return c
}

func (c child) tell(t *testing.T) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, "go"); err != nil {
		t.Fatal(err)
	}
}

func (c child) says(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// kill is kill -9; the process has ended when it returns.
func (c child) kill() {
	_ = c.Process.Kill()
	_ = c.Wait()
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

// service is a DNS service in memory. It notes what it is asked to delete, and deletes it.
type service struct {
	zones   []string
	err     error
	records []string // "FQDN VALUE HANDLE"

	mu      sync.Mutex
	cleaned []string
	listed  []bool // fresh or not
}

func (s *service) Present(context.Context, providers.Challenge) (providers.Handle, error) {
	panic("a sweep creates nothing")
}

func (s *service) CleanUp(_ context.Context, c providers.Challenge, h providers.Handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := strings.Join([]string{c.FQDN, c.Value, string(h)}, " ")
	s.cleaned = append(s.cleaned, record)
	if s.err == nil {
		s.records = slices.DeleteFunc(s.records, func(r string) bool { return r == record || h == "" && strings.HasPrefix(r, record) })
	}
	return s.err
}

func (s *service) Zones(_ context.Context, fresh bool) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = append(s.listed, fresh)
	return s.zones, nil
}

// blind is a service that cannot list zones.
type blind struct{ s *service }

func (b blind) Present(ctx context.Context, c providers.Challenge) (providers.Handle, error) {
	return b.s.Present(ctx, c)
}

func (b blind) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	return b.s.CleanUp(ctx, c, h)
}

// hanging never answers before its context ends.
type hanging struct{ service }

func (h *hanging) CleanUp(ctx context.Context, c providers.Challenge, handle providers.Handle) error {
	_ = h.service.CleanUp(ctx, c, handle)
	<-ctx.Done()
	return fmt.Errorf("hangs: %w", ctx.Err())
}
