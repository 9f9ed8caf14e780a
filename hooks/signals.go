package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + unix.SignalName(i.signal) }

// errClientGone is the cause of a context that ended because certbot did.
var errClientGone = errors.New("certbot ended before the challenge was done")

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP ends. The second one ends the process as the
// system does by default; the journal then has what is left.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	caught := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
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

// failureLines are the lines a user reads, in a terminal, in certbot's log or in a mail: what happened, with the code to look
// it up by; then, if the code says so much, the likely cause and what to do next.
func failureLines(l messages.Language, program string, err error) string {
	line := fmt.Sprintf("%s: %s", program, messages.OneLine(l.Error(err)))
	code := fault.CodeOf(err)
	if code != "" {
		line += " [" + code + "]"
	}
	if known, ok := l.Explain(code); ok {
		if code == fault.CodeUsage {
			known.Next = program + " --help"
		}
		line += "\n  " + l.Sprintf("cause: %s", known.Cause) + "\n  " + l.Sprintf("next:  %s", known.Next)
	}
	return line
}
