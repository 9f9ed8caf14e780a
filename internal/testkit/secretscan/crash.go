package secretscan

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Crash is a program that is going to crash where the system keeps what it may of it: no limit to core files but the
// machine's own, a folder of its own that they can be written to, and Go's GOTRACEBACK=crash, under which a program prints the
// stacks of all its goroutines and aborts.
type Crash struct {
	Cmd    *exec.Cmd
	dir    string
	stderr bytes.Buffer
}

// NewCrash prepares a program, by name and environment. It prints to a buffer what it prints on standard error.
func NewCrash(t testing.TB, environ []string, program string, args ...string) *Crash {
	t.Helper()
	c := &Crash{dir: t.TempDir()}
	c.Cmd = exec.CommandContext(t.Context(), "sh",
		append([]string{"-c", `ulimit -S -c "$(ulimit -H -c)"; exec "$0" "$@"`, program}, args...)...)
	c.Cmd.Dir, c.Cmd.Stderr = c.dir, &c.stderr
	c.Cmd.Env = append(append([]string{}, environ...), "GOTRACEBACK=crash")
	return c
}

// Signal sends the program, which runs, a signal that it crashes from, and waits for its end. It returns what it printed. kept
// says how the system has kept the program's memory, or lets others have it; "" if not at all.
//
// Root may read every process's memory, and sees whether a core file is written, on a machine that writes any. Everybody else
// sees whether that of a process of the same user can be read, which depends on the same flag (prctl(2), PR_SET_DUMPABLE).
func (c *Crash) Signal(t testing.TB, signal syscall.Signal) (stderr []byte, kept string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.Cmd.Process.Pid)); err == nil && len(environ) > 0 {
			kept = "its memory is open to other processes of the user"
		}
	}
	if err := c.Cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = c.Cmd.Wait()
	status, ok := c.Cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		t.Fatalf("%v did not make it crash: %v: %s", signal, c.Cmd.ProcessState, c.stderr.Bytes())
	}
	if status.CoreDump() {
		kept = "its memory was dumped"
	}
	if files, err := filepath.Glob(filepath.Join(c.dir, "*")); err != nil || len(files) > 0 {
		kept = fmt.Sprintf("there are files %q: %v", files, err)
	}
	return c.stderr.Bytes(), kept
}
