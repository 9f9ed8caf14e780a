package main

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// forwarded are the signals that a command is sent when we get them.
func forwarded() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
}

// ending returns the signal if it asks a program to end.
func ending(s os.Signal) (fault.Interrupted, bool) {
	switch s {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT:
		return fault.Interrupted{Signal: s.(syscall.Signal)}, true
	}
	return fault.Interrupted{}, false
}

// untilSignal calls work and returns its error, or cancels its context when a signal asks us to end and then returns interrupted.
func untilSignal(signals <-chan os.Signal, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if end, ok := ending(s); ok {
				cancel()
				<-done
				return end
			}
		}
	}
}

// forward passes signals on to a process until done is closed.
func forward(signals <-chan os.Signal, process *os.Process, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			if fromKeyboard(s) && inForeground() {
				continue
			}
			process.Signal(s) // an error means that it has just ended
		}
	}
}

func fromKeyboard(s os.Signal) bool { return s == syscall.SIGINT || s == syscall.SIGQUIT }

// inForeground reports whether our process group, which is the command's too, is the one that the terminal's interrupt keys
// reach.
func inForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
