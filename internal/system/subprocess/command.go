package subprocess

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// lateOutput is how long output is waited for after a program has ended, since what it left running holds the pipe.
const lateOutput = 500 * time.Millisecond

// Command makes a command that runs in a process group of its own, in the root directory and with no other environment than
// this. When ctx ends, the whole group is killed; Run and Wait return soon after the program has ended, with
// [exec.ErrWaitDelay] if something it started still holds its output.
func Command(ctx context.Context, environ []string, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.Dir = environ, "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = lateOutput
	return c
}

// Program is [Command] for a program that others could have changed: it is run where [Trusted] has found it, under the name that the
// caller gives (of scripts, the kernel makes it the path without links).
func Program(ctx context.Context, environ []string, path string, args ...string) (*exec.Cmd, error) {
	at, err := Trusted(path)
	if err != nil {
		return nil, err
	}
	c := Command(ctx, environ, at, args...)
	c.Args[0] = path
	return c, nil
}
