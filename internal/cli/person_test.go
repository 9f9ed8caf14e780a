package cli

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a pseudo-terminal until the end of the test.
func pseudoTerminal(t testing.TB) (screen, program *os.File) {
	t.Helper()
	screen, program, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close(); program.Close() })
	return screen, program
}

// openTerminal opens a pseudo-terminal: what a person sees of it, and the end that a program has.
func openTerminal() (screen, program *os.File, err error) {
	if screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	number := 0
	if err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		number, err = unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		screen.Close()
	}
	return screen, program, err
}

// A person at a terminal reads which records to set, sets them, presses nothing, and is told what to remove.
func TestManual_Terminal(t *testing.T) {
	t.Parallel()
	record := regexp.MustCompile(`^    (\S+)\. TXT "(\S+)"\s*$`)
	for _, flag := range []string{"--plain", "--quiet", ""} {
		t.Run(strings.TrimLeft(flag, "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			screen, program := pseudoTerminal(t)
			seen := make(chan string)
			go func() {
				var text strings.Builder
				may := false // be removed
				for lines := bufio.NewScanner(screen); lines.Scan(); {
					text.WriteString(lines.Text() + "\n")
					may = may || strings.Contains(lines.Text(), "may be removed")
					if r := record.FindStringSubmatch(lines.Text()); r != nil && may {
						w.conoha.DeleteRecord("example.com", r[1], "TXT", r[2])
					} else if r != nil {
						w.conoha.PutRecord("example.com", r[1], "TXT", r[2])
					}
				}
				seen <- text.String()
			}()
			args := []string{"issue", "--agree-tos", "--provider", "manual", "*.example.com", "example.com"}
			if flag != "" {
				args = append(args, flag)
			}
			result := w.begin(nil, program, args...).end()
			program.Close() // the last: the screen ends
			text := <-seen
			if result.code != 0 {
				t.Fatalf("exit status %d\n%s", result.code, text)
			}
			// Records that come together are shown together; on a machine with much else to do they come apart.
			for words, times := range map[string][2]int{
				`TXT "`: {4, 4}, "Set these TXT records": {1, 2}, "nothing to press": {1, 2}, "may be removed": {1, 2},
			} {
				if n := strings.Count(text, words); n < times[0] || n > times[1] {
					t.Errorf("%d times %q, want %d to %d:\n%s", n, words, times[0], times[1], text)
				}
			}
			w.lineage("example.com")
			w.nothingLeft()
		})
	}
}

// A timer has no operator to tell: nothing is ordered, and nothing hangs.
func TestManual_NoTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("issue", "--agree-tos", "--provider", "manual", "*.example.com").exits(78, "[manual.nobody]", "at a terminal")
	w.orders(0)
}

// What a dead run asked for stays in the journal until the operator can be told.
func TestManual_RunKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	screen, program := pseudoTerminal(t)
	dies := w.begin(nil, program, "issue", "--agree-tos", "--plain", "--provider", "manual", "example.com")
	asked := false
	for lines := bufio.NewScanner(screen); !asked && lines.Scan(); {
		asked = strings.Contains(lines.Text(), `TXT "`)
	}
	if !asked {
		t.Fatal("nothing was asked for")
	}
	if err := dies.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	dies.end()
	w.run("clean").exits(75, "left     _acme-challenge.example.com.", "(manual)", "there is no terminal to show them at")
	w.run("clean", "--provider", "manual").exits(75, "left     _acme-challenge.example.com.", "(manual)")

	told := w.begin(nil, program, "clean", "--plain")
	removed := false
	for lines := bufio.NewScanner(screen); !removed && lines.Scan(); {
		removed = strings.Contains(lines.Text(), "may be removed")
	}
	if end := told.end(); end.code != 0 || !removed {
		t.Errorf("exit status %d, told: %t\n%s", end.code, removed, end.stdout)
	}
	w.nothingLeft()
}
