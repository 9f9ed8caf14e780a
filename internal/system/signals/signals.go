// Package signals ends work when the operating system asks for it.
//
// A signal that was ignored when the program started stays ignored, as POSIX has it for every utility (XCU 1.4, ASYNCHRONOUS
// EVENTS): SIGHUP below nohup(1), SIGINT in a command that a script runs in the background. The Go runtime knows that of these two
// alone (runtime, sigInstallGoHandler); the other signals of this kind are ignored by no program that starts others.
package signals

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"wildcard/internal/fault"
)

// Notify is [signal.Notify] for those of the signals that were not ignored at the start, which it returns.
func Notify(c chan<- os.Signal, wanted ...os.Signal) []os.Signal {
	var caught []os.Signal
	for _, s := range wanted {
		if !signal.Ignored(s) {
			caught = append(caught, s)
		}
	}
	if len(caught) > 0 { // none would mean all
		signal.Notify(c, caught...)
	}
	return caught
}

// Context returns a context that the first SIGINT, SIGTERM or SIGHUP ends; its cause is a [fault.Interrupted]. The second one ends
// the process as the system does by default; the journal then has what is left.
func Context(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	caught := Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			signal.Reset(caught...)
			cancel(fault.Interrupted{Signal: s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
