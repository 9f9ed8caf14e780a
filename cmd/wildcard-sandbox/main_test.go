package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wildcard/internal/testkit/executable"
	"wildcard/internal/testkit/script"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wildcard-sandbox": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  script.Exits,
			"signal": signalled,
		},
	})
}

// signal SIGNAL FILE STATUS COMMAND ARGUMENT... starts a command, waits until FILE is there, sends the process the signal, and
// waits for its end with that status. Standard error goes to the file "stderr.txt".
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	numbers := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}
	if neg || len(args) < 4 || numbers[args[0]] == 0 {
		ts.Fatalf("usage: signal INT|TERM|HUP FILE STATUS COMMAND ARGUMENT...")
	}
	stderr, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer stderr.Close()
	file, err := findProgram(args[3], ts.Getenv("PATH"))
	ts.Check(err)
	cmd := exec.Command(file, args[4:]...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), stderr
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, whatever runs the tests
	executable.DefaultSignals()
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if _, err := os.Stat(ts.MkAbs(filepath.FromSlash(args[1]))); err == nil {
			break
		}
		select {
		case err := <-ended:
			ts.Fatalf("%s ended before %s was there: %v", args[3], args[1], err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	ts.Check(cmd.Process.Signal(numbers[args[0]]))
	script.CheckStatus(ts, args[2], <-ended)
}
