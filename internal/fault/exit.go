package fault

import (
	"errors"
	"slices"
	"syscall"
)

// Interrupted is the failure of work that a signal ended.
type Interrupted struct{ Signal syscall.Signal }

func (i Interrupted) Error() string {
	switch i.Signal {
	case syscall.SIGINT:
		return "interrupted by SIGINT"
	case syscall.SIGHUP:
		return "interrupted by SIGHUP"
	case syscall.SIGQUIT:
		return "interrupted by SIGQUIT"
	}
	return "interrupted by SIGTERM"
}

// Exit statuses of a program that a signal ended, as shells have them.
const (
	exitInterrupt = 128 + int(syscall.SIGINT)
	exitTerminate = 128 + int(syscall.SIGTERM)
)

// ExitCode is the exit status of a program that ends because of err: 0 for nil, 130 after SIGINT and 143 after any other signal,
// else that of the error's class.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if i, ok := errors.AsType[Interrupted](err); ok {
		if i.Signal == syscall.SIGINT {
			return exitInterrupt
		}
		return exitTerminate
	}
	return ClassOf(err).ExitCode()
}

// Worse returns the exit status that decides of two: interruptions, then our own defects, then what a person has to change, then
// failures, then what may succeed by itself. Of two of one rank it is a.
func Worse(a, b int) int {
	order := []int{0, Temporary.ExitCode(), Failed.ExitCode(), Usage.ExitCode(), Refused.ExitCode(),
		Misconfigured.ExitCode(),
		Internal.ExitCode(), exitInterrupt, exitTerminate}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
