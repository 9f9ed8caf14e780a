package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/testkit/executable"
)

// atTerminal runs a command of the sandbox's at a pseudo-terminal, types there once the prompt is marked, and returns what is seen.
func atTerminal(t *testing.T, home, typed string, args ...string) string {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	number := 0
	if err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		number, err = unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("wildcard-sandbox", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + t.TempDir(), "TERM=dumb", "LC_ALL=C.UTF-8"}
	cmd.Dir = home // in the checkout our programs would be built anew
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	executable.DefaultSignals()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		var text strings.Builder
		done := false
		for buffer := make([]byte, 1<<10); ; {
			n, err := screen.Read(buffer)
			text.Write(buffer[:n])
			if !done && strings.Contains(text.String(), mark) {
				_, _ = screen.WriteString(typed)
				done = true
			}
			if err != nil { // the terminal has no program any more
				seen <- text.String()
				return
			}
		}
	}()
	err = cmd.Wait()
	tty.Close()
	text := <-seen
	if err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// TestRun_Shell: report N23. A shell at a terminal begins with what is here, three commands to try and how to leave; its prompt is marked,
// also where the user's own file sets one; the command as typed runs.
func TestRun_Shell(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, file := range []string{".bashrc", ".zshrc"} {
		if err := os.WriteFile(filepath.Join(home, file), []byte("PS1='mine> '\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := []string{"run", "--zone", "example.co.jp", "--zone", "example.net:3", "--delay", "0s"}
	for shell, prompt := range map[string]string{"sh": "(sandbox) $ ", "bash": "(sandbox) mine> ", "zsh": "(sandbox) mine> "} {
		if _, err := exec.LookPath(shell); err != nil {
			continue // bash and sh are everywhere
		}
		for _, language := range []string{"en", "ja"} {
			text := atTerminal(t, home, "test -d \"$WILDCARD_SANDBOX/etc\" && echo is-there-$?\nexit\n", append(run, "--lang", language, "--", shell)...)
			for _, want := range []string{
				prompt, "example.co.jp (ConoHa Ver.2.0)", "example.net (ConoHa Ver.3.0)", "https://127.0.0.1:", "/wildcard-sandbox-",
				"  wildcard issue --agree-tos '*.example.co.jp' example.co.jp\n", "  wildcard list\n", "  wildcard show example.co.jp\n", "exit", "is-there-0",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%s in %s: not %q:\n%s", shell, language, want, text)
				}
			}
		}
	}
}

// TestRun_ShellNotByAPerson: a shell that has a script, or no terminal, begins without a word.
func TestRun_ShellNotByAPerson(t *testing.T) {
	t.Parallel()
	text := atTerminal(t, t.TempDir(), "", "run", "--delay", "0s", "--", "sh", "-c", "echo only-this")
	if !strings.HasPrefix(text, "only-this\n") {
		t.Errorf("it begins with\n%s", text)
	}
	var out bytes.Buffer
	cmd := exec.Command("wildcard-sandbox", "run", "--delay", "0s", "--", "sh")
	cmd.Dir = t.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("echo only-this\n"), &out, &out
	if err := cmd.Run(); err != nil || !strings.HasPrefix(out.String(), "only-this\n") {
		t.Errorf("%v; it begins with\n%s", err, &out)
	}
}

// TestRun_ProgramsNotLeft: report N30. A folder that is kept has none of the programs that were built into it.
func TestRun_ProgramsNotLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kept")
	cmd := exec.Command("wildcard-sandbox", "run", "--dir", dir, "--delay", "0s", "--", "sh", "-c", "command -v wildcard && echo mine >\"$WILDCARD_SANDBOX/bin/own\"")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), dir+"/bin/wildcard\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	if size := sizeOf(t, dir); size > 1<<20 {
		t.Errorf("%d bytes are left", size)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "bin", "own")); err != nil || string(text) != "mine\n" {
		t.Errorf("what is the user's is not left: %q, %v", text, err)
	}
}
