package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"wildcard/internal/testkit/script"
)

// TestScripts types each command as a user does, in a world of its own: help, exit statuses, both outputs, wrong usage,
// questions, and the commands that texts advise.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all strings.Builder
	for _, file := range files {
		w := newWorld(t)
		all.WriteString(w.read(file))
		testscript.Run(t, testscript.Params{
			Files:               []string{file},
			RequireExplicitExec: true,
			Setup: func(env *testscript.Env) error {
				env.Vars = append(env.Vars, w.environ...)
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": script.Exits, "asked": w.answered},
		})
	}
	var typed func(path string, commands []*cli.Command)
	typed = func(path string, commands []*cli.Command) {
		for _, c := range commands {
			if name := path + " " + c.Name; !strings.Contains(all.String(), name) {
				t.Errorf("no script has%s", name)
			}
			typed(path+" "+c.Name, c.Subcommands)
		}
	}
	typed(" wildcard", (&program{}).app().Commands)
}

// answered is the command "asked ANSWER STATUS ARGUMENT...", which runs wildcard at a terminal where a person gives that answer to
// its question. What is seen there goes to the file "screen".
func (w *world) answered(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: asked ANSWER STATUS ARGUMENT...")
	}
	screen, program, err := openTerminal()
	ts.Check(err)
	defer screen.Close()
	c := w.command(args[2:]...)
	c.Stdin, c.Stderr, c.Dir = program, program, ts.MkAbs(".")
	seen := make(chan string)
	go func() {
		var text strings.Builder
		done := false
		for buffer := make([]byte, 1<<10); ; {
			n, err := screen.Read(buffer)
			text.Write(buffer[:n])
			if !done && strings.Contains(text.String(), "[y/N]") {
				_, _ = screen.WriteString(args[0] + "\n")
				done = true
			}
			if err != nil { // the terminal has no program any more
				seen <- text.String()
				return
			}
		}
	}()
	ts.Check(c.Start())
	end := c.end()
	ts.Check(program.Close())
	text := <-seen
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(text+end.stdout), 0o600))
	if strconv.Itoa(end.code) != args[1] {
		ts.Fatalf("exit status %d, want %s\n%s%s", end.code, args[1], text, end.stdout)
	}
}
