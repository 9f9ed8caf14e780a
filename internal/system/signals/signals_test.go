package signals

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/executable"
)

// TestMain is the program under test when it is started as one: it waits for its context's end and exits as our programs do.
func TestMain(m *testing.M) {
	if os.Getenv("SIGNALS_PROGRAM") == "" {
		executable.DefaultSignals()
		os.Exit(m.Run())
	}
	ctx, stop := Context(context.Background())
	defer stop()
	received := make(chan os.Signal, 1)
	Notify(received, syscall.SIGUSR1)
	fmt.Println("ready")
	for {
		select {
		case <-received:
			fmt.Println("alive")
		case <-ctx.Done():
			fmt.Println(context.Cause(ctx))
			os.Exit(fault.ExitCode(context.Cause(ctx)))
		}
	}
}

// A signal that is ignored when a program starts stays ignored; all others end it, with the status that a shell would give.
func TestContext(t *testing.T) {
	t.Parallel()
	for ignored, ends := range map[string][]syscall.Signal{
		"":         {syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP},
		"HUP":      {syscall.SIGINT, syscall.SIGTERM},
		"INT":      {syscall.SIGTERM, syscall.SIGHUP},
		"HUP INT":  {syscall.SIGTERM},
		"QUIT INT": {syscall.SIGTERM, syscall.SIGHUP},
	} {
		for _, end := range ends {
			t.Run("ignored "+ignored+", ended by "+end.String(), func(t *testing.T) {
				t.Parallel()
				started(t, ignored, end)
			})
		}
	}
}

func started(t *testing.T, ignored string, end syscall.Signal) {
	trap := "" // what a shell ignores its commands ignore
	if ignored != "" {
		trap = "trap '' " + ignored + "; "
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", trap+`exec "$0"`, exe)
	cmd.Env = []string{"SIGNALS_PROGRAM=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("%q, want %q", lines.Text(), want)
		}
	}
	send := func(s syscall.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Error(err)
		}
	}
	expect("ready")
	for name, s := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT} {
		if slices.Contains(strings.Fields(ignored), name) {
			send(s)
		}
	}
	send(syscall.SIGUSR1) // is delivered after what was sent before
	expect("alive")
	send(end)
	want := fault.Interrupted{Signal: end}
	expect(want.Error())
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != fault.ExitCode(want) {
		t.Errorf("exit status %d", got)
	}
}
