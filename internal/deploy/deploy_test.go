package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/testkit/executable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is a writer that may be read meanwhile.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

type world struct {
	*deploy.Hooks
	dir    string
	stderr *screen
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), stderr: &screen{}}
	w.Hooks = &deploy.Hooks{ConfigDir: w.dir, Environ: []string{"PATH=/usr/bin:/bin", "CONOHA_API_PASSWORD=canary", "LC_ALL=C"}, Stderr: w.stderr}
	return w
}

// hook puts a program into renewal-hooks.
func (w *world) hook(t *testing.T, kind, name, script string) string {
	t.Helper()
	dir := filepath.Join(w.dir, "renewal-hooks", kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	executable.Write(t, path, "#!/bin/sh\n"+script+"\n")
	return path
}

// TestOrder has hooks run as certbot runs them: the folder's programs by name, then the command lines, none twice, and all
// of them although one fails.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ConfigDir = filepath.Join(w.dir, strings.Repeat("deep", 25)) // no error cuts a program's name off
	w.dir = w.ConfigDir
	w.hook(t, "deploy", "20-second", "echo second")
	first := w.hook(t, "deploy", "10-first", "echo first; exit 7")
	w.hook(t, "deploy", "30-backup~", "echo backup")
	plain := w.hook(t, "deploy", "40-plain", "echo plain")
	if err := os.Chmod(plain, 0o644); err != nil {
		t.Fatal(err)
	}
	w.hook(t, "pre", "pre", "echo other")
	err := w.Deploy(t.Context(), "/etc/letsencrypt/live/example.com", []string{"*.example.com", "example.com"},
		[]string{"", first, `echo "third: $RENEWED_LINEAGE $RENEWED_DOMAINS"; exit 3`, "echo fourth | cat"})
	want := "deploy hook: first\ndeploy hook: second\ndeploy hook: third: /etc/letsencrypt/live/example.com *.example.com example.com\ndeploy hook: fourth\n"
	if got := w.stderr.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if fault.CodeOf(err) != deploy.CodeFailed || fault.ClassOf(err) != fault.Failed ||
		!strings.Contains(err.Error(), "10-first") || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
}

func TestRun_NoHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := errors.Join(w.Pre(t.Context(), nil), w.Deploy(t.Context(), "", nil, nil), w.Post(t.Context(), []string{""}, nil, nil)); err != nil || w.Any("deploy") {
		t.Errorf("%v %v", err, w.Any("deploy"))
	}
	w.hook(t, "deploy", "x", "")
	if !w.Any("deploy") || w.Any("pre") {
		t.Error("hooks for all are not seen")
	}
}

// TestEnvironment has hooks see what they need and no credentials.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Environ = append(w.Environ, "CREDENTIALS_DIRECTORY=/canary", "AWS_SECRET_ACCESS_KEY=canary", "HTTPS_PROXY=http://proxy", "LD_PRELOAD=canary")
	if err := w.Post(t.Context(), []string{"env; pwd"}, []string{"a.example", "*.a.example"}, []string{"b.example"}); err != nil {
		t.Fatal(err)
	}
	got := w.stderr.String()
	for _, want := range []string{"RENEWED_DOMAINS=a.example *.a.example\n", "FAILED_DOMAINS=b.example\n", "LC_ALL=C\n", "PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin\n", "HTTPS_PROXY=http://proxy\n", "hook: /\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(got, "canary") {
		t.Errorf("a hook sees %q", got)
	}
	w = newWorld(t)
	w.Environ = nil
	if err := w.Pre(t.Context(), []string{`case "$PATH" in */usr/sbin*) ;; *) exit 1;; esac`}); err != nil {
		t.Error(err)
	}
}

// TestUnsafe: Fault #130: what another user can change is not run.
func TestUnsafe(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(path string) error{
		"file":       func(path string) error { return os.Chmod(path, 0o777) },
		"folder":     func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"link":       linkOut(0o777),
		"link's dir": linkOut(0o755),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := spoil(w.hook(t, "deploy", "hook", "echo ran")); err != nil {
				t.Fatal(err)
			}
			err := w.Deploy(t.Context(), "", nil, nil)
			if fault.CodeOf(err) != deploy.CodeUnsafe || fault.ClassOf(err) != fault.Misconfigured || !strings.Contains(err.Error(), "chmod go-w") {
				t.Errorf("%v", err)
			}
			if got := w.stderr.String(); got != "" {
				t.Errorf("it ran: %q", got)
			}
		})
	}
}

// linkOut makes a hook a link to a program in a folder that any user may write.
func linkOut(mode os.FileMode) func(string) error {
	return func(path string) error {
		dir := filepath.Join(filepath.Dir(filepath.Dir(path)), "open")
		program := filepath.Join(dir, "program")
		err := os.Mkdir(dir, 0o755)
		err = errors.Join(err, os.Rename(path, program), os.Symlink(program, path), os.Chmod(program, mode))
		if mode == 0o755 {
			err = errors.Join(err, os.Chmod(dir, 0o777))
		}
		return err
	}
}

// TestOutput has a hook's output bounded, cleaned, and never in its way.
func TestOutput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.Deploy(t.Context(), "", nil, []string{
		`printf 'a\033[31mred\rb\tc\n' >&2; printf 'no end'`,
		`head -c 5000 /dev/zero | tr '\0' x; echo; head -c 3000000 /dev/zero | tr '\0' '\n'; echo late`,
		`echo next`,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.stderr.String()
	if !strings.HasPrefix(got, "deploy hook: a [31mred b c\ndeploy hook: no end\n") {
		t.Errorf("printed %q", got[:80])
	}
	if strings.Contains(got, "late") || strings.Count(got, "further output is not shown") != 1 || !strings.HasSuffix(got, "deploy hook: next\n") || len(got) > 2<<20 {
		t.Errorf("printed %d bytes: …%q", len(got), got[max(0, len(got)-200):])
	}
	for line := range strings.SplitSeq(got, "\n") {
		if len(line) > 1100 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// TestDeadline has a hook that hangs, and what it started, killed.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Timeout = 300 * time.Millisecond
	pidFile := filepath.Join(w.dir, "pid")
	err := w.Deploy(t.Context(), "", nil, []string{fmt.Sprintf("sleep 1000 & echo $! > %s; wait", pidFile)})
	if fault.CodeOf(err) != deploy.CodeFailed || !strings.Contains(err.Error(), "took longer than 300ms") {
		t.Errorf("%v", err)
	}
	waitEnded(t, pidFile)
}

// TestCancelled has a run that ends take its hooks along, and not call that their failure.
func TestCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pidFile := filepath.Join(w.dir, "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	end := errors.New("the end")
	done := make(chan error)
	go func() {
		done <- w.Deploy(ctx, "", nil, []string{fmt.Sprintf("echo $$ > %s; sleep 1000", pidFile), "echo not me"})
	}()
	for {
		if text, err := os.ReadFile(pidFile); err == nil && len(text) > 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel(end)
	if err := <-done; !errors.Is(err, end) || fault.CodeOf(err) != "" {
		t.Errorf("%v", err)
	}
	waitEnded(t, pidFile)
	if got := w.stderr.String(); got != "" {
		t.Errorf("printed %q", got)
	}
}

// TestBackground has a server that a hook starts neither killed nor waited for.
func TestBackground(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pidFile := filepath.Join(w.dir, "pid")
	if err := w.Deploy(t.Context(), "", nil, []string{fmt.Sprintf("sleep 1000 & echo $! > %s", pidFile)}); err != nil {
		t.Error(err)
	}
	pid := readPID(t, pidFile)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the server is gone: %v", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// TestNotFound has a command that is not there be a failure that says so.
func TestNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.Deploy(t.Context(), "", nil, []string{"/no/such/program"})
	if fault.CodeOf(err) != deploy.CodeFailed || !strings.Contains(w.stderr.String(), "/no/such/program") {
		t.Errorf("%v, printed %q", err, w.stderr.String())
	}
}

func readPID(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// waitEnded waits until a process has ended: away, or a zombie that no init reaps.
func waitEnded(t *testing.T, pidFile string) {
	t.Helper()
	pid := readPID(t, pidFile)
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if slices.Contains([]string{"Z", "X"}, fields[0]) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
