package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/terminal"
)

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}
}

// confirm asks a person who sits at the terminal, in the user's language. Where no answer can be given, --yes has to: with standard
// input or standard error elsewhere, a pipe's "n" among them, and with --json, whose reader is a program.
func (m *machine) confirm(c *cli.Context, format messages.Text, args ...any) error {
	switch {
	case c.Bool("yes"):
		return nil
	case m.json:
		return fault.Errorf(codeConfirm, fault.Usage, "not confirmed, since --json asks nothing; nothing was changed: --yes confirms it beforehand")
	case !terminal.Is(m.stdin) || !terminal.Is(m.stderr):
		return fault.Errorf(codeConfirm, fault.Usage,
			"not confirmed, since there is no terminal to ask at; nothing was changed: --yes confirms it beforehand")
	}
	fmt.Fprintf(m.language.Writer(m.stderr, m.environ), "%s [y/N] ", m.language.Sprintf(format, args...))
	answers := make(chan string, 1)
	go func() { // the read has no deadline; with the process it ends
		line, err := bufio.NewReader(io.LimitReader(m.stdin, 1<<10)).ReadString('\n')
		if err != nil {
			line = ""
		}
		answers <- line
	}()
	select {
	case line := <-answers:
		if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
			return nil
		}
		return fault.Errorf(codeConfirm, fault.Failed, "not confirmed; nothing was changed")
	case <-c.Context.Done():
		return fmt.Errorf("%w; nothing was changed", context.Cause(c.Context))
	}
}
