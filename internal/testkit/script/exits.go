// Package script has what the scripts of our programs' tests (testscript) have in common.
package script

import (
	"errors"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// Exits is the command "exits STATUS COMMAND ARGUMENT...", which runs a command that must end with just that status.
func Exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARGUMENT...")
	}
	CheckStatus(ts, args[0], ts.Exec(args[1], args[2:]...))
}

// CheckStatus fails the script unless a command ended with that status; err is what waiting for its end returned.
func CheckStatus(ts *testscript.TestScript, want string, err error) {
	got := 0
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}
