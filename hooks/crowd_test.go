//go:build load

package hooks_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
)

// mostDescriptors is what a hook of a crowd may have open at once, and mostResident what it may have in memory.
const (
	mostDescriptors = 24
	mostResident    = 32 << 10 // KiB
)

// crowd is many certbots in one world, which call the hooks that servers have.
type crowd struct {
	*world
	bin     string // where the hooks are
	zone    string
	members []*member
	clock   atomic.Int64 // nanoseconds by which the world's clock is ahead

	mu       sync.Mutex
	resident int // KiB, the most that a hook had
	open     int // the most descriptors that a hook had
	atOnce   int // the most hooks that ran at once
}

// member plays certbot: a shell that runs what it is sent and lives until its input ends, so that its records have a living owner.
type member struct {
	call
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	stderr bytes.Buffer
}

// newCrowd is n certbots with a value each for names in one zone of a generation. Two of every three have a name in common.
// What they create is published when publish is called.
func newCrowd(t *testing.T, version, n int) *crowd {
	t.Helper()
	c := &crowd{bin: t.TempDir()}
	executable.Build(t, c.bin, "wildcard-auth-hook", "wildcard-cleanup-hook")
	c.world = newWorld(t, conohatest.Options{
		Latency:          5 * time.Millisecond,
		PublicationDelay: []time.Duration{time.Hour},
		Now:              func() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) },
	})
	account := c.v2
	if c.zone = "example.com"; version == 3 {
		account, c.zone = c.v3, "example.net"
	}
	c.environ = slices.Concat(c.conoha.Environ(account), c.without("CONOHA", "WILDCARD_RESOLVERS", "WILDCARD_NAMESERVERS"), []string{"PATH=" + c.bin + ":" + os.Getenv("PATH")})
	for i := range n {
		c.join(call{domain: fmt.Sprintf("h%d.%s", i-i%3%2, c.zone), value: value(i)})
	}
	return c
}

// join adds a certbot.
func (c *crowd) join(what call) *member {
	c.t.Helper()
	m := &member{call: what, cmd: exec.Command("sh")}
	m.cmd.Env = c.environ
	m.cmd.Stderr = &m.stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := m.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	m.stdout = bufio.NewScanner(stdout)
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = m.stdin.Close()
		_ = m.cmd.Wait()
	})
	c.members = append(c.members, m)
	_, _ = fmt.Fprintf(m.stdin, "ulimit -n %d\n", mostDescriptors)
	return m
}

// hook has certbot call a hook, and returns its exit code, or -1 if certbot itself has ended, and what it printed.
func (m *member) hook(kind string) (code int, stdout string) {
	_, _ = fmt.Fprintf(m.stdin, "env CERTBOT_DOMAIN=%s CERTBOT_ALL_DOMAINS=%[1]s CERTBOT_VALIDATION=%s CERTBOT_REMAINING_CHALLENGES=%d CERTBOT_AUTH_OUTPUT='%s' wildcard-%s-hook </dev/null; echo exit $?\n",
		m.domain, m.value, m.remaining, m.output, kind)
	var lines []string
	for m.stdout.Scan() {
		status, ok := strings.CutPrefix(m.stdout.Text(), "exit ")
		if !ok {
			lines = append(lines, m.stdout.Text())
			continue
		}
		code, err := strconv.Atoi(status)
		if err != nil {
			return -1, status
		}
		return code, strings.Join(lines, "\n")
	}
	return -1, strings.Join(lines, "\n")
}

// pid returns the process of the hook that certbot runs now; 0 if there is none.
func (m *member) pid() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", m.cmd.Process.Pid))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// all has all certbots call a hook at the same time. It returns what waits for all calls, and what came of those that have ended.
func (c *crowd) all(kind string) (wait func(), calls func() []said) {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		ended   []said
	)
	start := make(chan struct{})
	for _, m := range c.members {
		running.Go(func() {
			<-start
			code, stdout := m.hook(kind)
			call := said{m, code, stdout, c.published(m)}
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, call)
		})
	}
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			c.measure()
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	close(start)
	wait = func() {
		running.Wait()
		close(done)
		<-watched
	}
	return wait, func() []said {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ended)
	}
}

// measure looks at the hooks that run.
func (c *crowd) measure() {
	running := 0
	for _, m := range c.members {
		pid := m.pid()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil || !bytes.HasPrefix(status, []byte("Name:\twildcard-")) {
			continue
		}
		running++
		descriptors, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // for root to see
		_, after, _ := strings.Cut(string(status), "VmHWM:")
		resident, _, _ := strings.Cut(strings.TrimSpace(after), " ")
		kib, _ := strconv.Atoi(resident)
		c.mu.Lock()
		c.resident, c.open = max(c.resident, kib), max(c.open, len(descriptors))
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.atOnce = max(c.atOnce, running)
	c.mu.Unlock()
}

// figures checks what the hooks needed, and prints it.
func (c *crowd) figures() {
	c.t.Helper()
	if c.resident == 0 || c.resident > mostResident || c.open > mostDescriptors {
		c.t.Errorf("a hook had %d KiB resident and %d descriptors open", c.resident, c.open)
	}
	c.t.Logf("up to %d hooks at once, each with up to %d KiB resident and %d descriptors open (seen by root alone)", c.atOnce, c.resident, c.open)
}

// publish has the name servers serve all that was created.
func (c *crowd) publish() { c.clock.Store(int64(2 * time.Hour)) }

// published reports whether every name server of the zone serves a value.
func (c *crowd) published(m *member) bool {
	version := 2
	if c.zone == "example.net" {
		version = 3
	}
	return !slices.ContainsFunc(c.conoha.NameServers(version), func(server string) bool {
		_, ok := c.conoha.PublishedAt(server, "_acme-challenge."+m.domain+".", m.value)
		return !ok
	})
}

// kept is what a hook leaves for the next one, and nothing else may stay: how long publication took, a token, a list of zones.
var kept = regexp.MustCompile(`^(state/history/[0-9a-f]+(\.json)?|run/conoha-[0-9a-f]+\.(token|zones)(\.lock)?)$`)

// nothingLeft ends the certbots and fails the test unless all is as it was before: no records, journal entries, files under
// way, or processes; none had anything to say, and nothing was asked that the service refused.
func (c *crowd) nothingLeft() {
	c.t.Helper()
	for _, m := range c.members {
		_ = m.stdin.Close()
		_ = m.cmd.Wait()
		if err := syscall.Kill(-m.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
			c.t.Errorf("processes of %s %s are left: %v", m.domain, m.value, err)
		}
		if m.stderr.Len() > 0 {
			c.t.Errorf("%s %s: %s", m.domain, m.value, m.stderr.Bytes())
		}
	}
	c.clean()
	for _, dir := range []string{"state", "run"} {
		if err := filepath.WalkDir(filepath.Join(c.dir, dir), func(path string, entry fs.DirEntry, err error) error {
			if name, _ := filepath.Rel(c.dir, path); err == nil && !entry.IsDir() && !kept.MatchString(name) {
				c.t.Errorf("left: %s", name)
			}
			return err
		}); err != nil {
			c.t.Error(err)
		}
	}
	for _, r := range c.conoha.Log() {
		if r.Refused != "" && !(r.Method == http.MethodDelete && r.Status == http.StatusNotFound) {
			c.t.Errorf("%s %s: %d: %s", r.Method, r.Path, r.Status, r.Refused)
		}
	}
}

// said is what came of one certbot's call.
type said struct {
	*member
	code      int
	stdout    string
	published bool // at that time
}

// TestCrowd lets 200 hooks run at once in one zone, each for a certbot of its own, and then the 200 for the clean-up.
func TestCrowd(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("Ver.", version), func(t *testing.T) {
			const n = 200
			c := newCrowd(t, version, n)
			began := time.Now()
			wait, calls := c.all("auth")
			c.eventually("a record for each", func() bool { return len(c.txt()) == n })
			created := time.Since(began)
			if len(calls()) > 0 {
				t.Errorf("returned before anything was published: %+v", calls())
			}
			c.publish()
			wait()
			took := time.Since(began)
			handles := map[string]bool{}
			for _, call := range calls() {
				receipt, handle, _ := strings.Cut(call.stdout, ". ")
				if call.code != 0 || !call.published || receipt != "wildcard/1 created _acme-challenge."+call.domain {
					t.Errorf("%s %s: exit %d, published: %v, %q", call.domain, call.value, call.code, call.published, call.stdout)
				}
				handles[handle] = true
				call.output = call.stdout
			}
			want := make([]string, n)
			for i := range want {
				want[i] = value(i)
			}
			if got := c.txt(); !slices.Equal(got, want) || len(handles) != n || len(c.journal()) != n {
				t.Errorf("%d handles, %d entries in the journal, records %q", len(handles), len(c.journal()), got)
			}
			if got := c.conoha.Calls(); got.Logins != 1 || got.ZoneLists != 1 || got.Creates != n {
				t.Errorf("calls %+v", got)
			}

			began = time.Now()
			wait, calls = c.all("cleanup")
			wait()
			cleaned := time.Since(began)
			for _, call := range calls() {
				if call.code != 0 || call.stdout != "" {
					t.Errorf("%s %s: exit %d, %q", call.domain, call.value, call.code, call.stdout)
				}
			}
			if got := c.conoha.Calls(); got.Logins != 1 || got.ZoneLists != 1 || got.Creates != n || got.Deletes != n {
				t.Errorf("calls %+v", got)
			}
			c.nothingLeft()
			c.figures()
			t.Logf("%d records created after %v, all hooks back %v after their publication, all records deleted in %v", n, created, took-created, cleaned)
		})
	}
}

// TestCrowd_Killed kills some of 60 certbots with their hooks, at different instants, while the others go on. What these left is
// deleted after the next start of a hook.
func TestCrowd_Killed(t *testing.T) {
	const n = 60
	c := newCrowd(t, 2, n)
	instants := []string{"at its start", "before its record is there", "before it knows of its record", "while it waits"}
	victims := map[*member]string{}
	for i := range 3 * len(instants) {
		victims[c.members[5*i]] = instants[i%len(instants)]
	}
	for m, instant := range victims {
		if after := instant == "before it knows of its record"; after || instant == "before its record is there" {
			c.conoha.Fault(conohatest.Fault{Hang: true, After: after, Times: -1, Match: conohatest.Match{Func: func(r conohatest.Request) bool {
				return r.Create() && bytes.Contains(r.Body, []byte(m.value))
			}}})
		}
	}
	wait, calls := c.all("auth")
	for m, instant := range victims {
		asked := func() bool {
			return slices.ContainsFunc(c.conoha.Log(), func(r conohatest.Request) bool { return r.Create() && bytes.Contains(r.Body, []byte(m.value)) })
		}
		there := map[string]func() bool{
			"at its start":                  func() bool { return m.pid() != 0 },
			"before its record is there":    asked,
			"before it knows of its record": func() bool { return slices.Contains(c.txt(), m.value) },
			"while it waits":                func() bool { return slices.Contains(c.txt(), m.value) },
		}[instant]
		c.eventually(instant, there)
		c.kill9(-m.cmd.Process.Pid)
	}
	c.eventually("a record for each that lives", func() bool {
		return !slices.ContainsFunc(c.members, func(m *member) bool { return victims[m] == "" && !slices.Contains(c.txt(), m.value) })
	})
	c.conoha.ClearFaults()
	c.publish()
	wait()
	left := len(c.txt()) - (n - len(victims))
	for _, kind := range []string{"auth", "cleanup"} {
		if kind == "cleanup" {
			wait, calls = c.all(kind)
			wait()
		}
		for _, call := range calls() {
			if victims[call.member] == "" && call.code != 0 {
				t.Errorf("%s %s %s: exit %d, %q", kind, call.domain, call.value, call.code, call.stdout)
			}
			call.output = call.stdout
		}
	}
	// What was being written has no writer for sure only when it is a minute old.
	for _, path := range c.journal() {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-2*time.Minute)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	next := c.join(call{domain: "next." + c.zone, value: value(n), remaining: 1}) // so it does not wait
	for _, kind := range []string{"auth", "cleanup"} {
		code, stdout := next.hook(kind)
		if code != 0 {
			t.Errorf("the next start: %s: exit %d", kind, code)
		}
		next.output = stdout
	}
	c.nothingLeft()
	c.figures()
	got := c.conoha.Calls()
	t.Logf("%d of %d killed; when the others had come back, %d of their records were left; %d records created and %d deletions asked for", len(victims), n, left, got.Creates, got.Deletes)
}
