package executable

import (
	"os"
	"os/signal"
	"syscall"
)

// DefaultSignals lets the programs that tests start be ended by SIGHUP and SIGINT where the tests themselves ignore them, as below
// nohup or in the background of a script: what is caught here begins with the default in a program that is started.
func DefaultSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
