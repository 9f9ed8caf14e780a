package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + unix.SignalName(i.signal) }

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP ends. The second one ends the process as the
// system does by default; the journal then has what is left.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	caught := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup stays nohup
		caught = append(caught, syscall.SIGHUP)
	}
	signal.Notify(signals, caught...)
	go func() {
		select {
		case s := <-signals:
			signal.Reset(caught...)
			cancel(interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// exitCode is the exit status for err: 130 and 143 for signals, as a shell would say, else by the error's class.
func exitCode(err error) int {
	if i, ok := errors.AsType[interrupted](err); ok {
		if i.signal == syscall.SIGINT {
			return 130
		}
		return 143
	}
	return fault.ClassOf(err).ExitCode()
}

// version is that of the module, as the Go command put it into the program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func userAgent() string { return "wildcard/" + version() }

// cause is why a context ended, nil if it did not.
func cause(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
