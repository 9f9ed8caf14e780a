//go:build unix

package bindtest

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// Stall stops a process that this one has started, and returns what lets it go on. The signal alone is not enough: threads that run on
// other processors may answer for a moment. The kernel tells the parent when all have stopped (waitpid(2), WUNTRACED).
func Stall(t testing.TB, process *os.Process) (resume func()) {
	t.Helper()
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for {
		var status syscall.WaitStatus
		switch _, err := syscall.Wait4(process.Pid, &status, syscall.WUNTRACED, nil); {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || !status.Stopped():
			t.Fatalf("process %d does not stop: %v, %v", process.Pid, status, err)
		}
		return func() { _ = process.Signal(syscall.SIGCONT) }
	}
}
