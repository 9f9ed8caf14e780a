package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// commandError is a command that could not be started.
type commandError struct {
	status int // 127 if there is no such program, else 126
	err    error
}

func (e commandError) Error() string { return e.err.Error() }
func (e commandError) Unwrap() error { return e.err }

// findProgram returns the file that a shell with the given PATH runs for name.
func findProgram(name, searchPath string) (string, error) {
	if strings.ContainsRune(name, '/') {
		file, err := exec.LookPath(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", commandError{127, fmt.Errorf("%s: no such program", name)}
		case err != nil:
			return "", commandError{126, fmt.Errorf("%s: not a program that can be run", name)}
		}
		return file, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		if file, err := exec.LookPath(filepath.Clean(dir) + "/" + name); err == nil { // not Join: it removes "./"
			return file, nil
		}
	}
	return "", commandError{127, fmt.Errorf("%s: no such program in PATH", name)}
}

// runCommand runs the command, whose program is in file, with the given environment on our own standard streams, passes signals on to it, and returns
// its exit status as shells see it.
func (p *program) runCommand(file string, environ []string) (int, error) {
	cmd := &exec.Cmd{Path: file, Args: p.command, Env: environ, Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr}
	if err := cmd.Start(); err != nil {
		return 0, commandError{126, fmt.Errorf("%s: %w", p.command[0], err)}
	}
	ended, forwarding := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(forwarding)
		forward(p.signals, cmd.Process, ended)
	}()
	err := cmd.Wait()
	close(ended)
	<-forwarding
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("%s: %w", p.command[0], err)
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}
