package cli

import (
	"slices"

	"wildcard/internal/cli/display"
	"wildcard/providers/manual"
)

// terminal is what a live view is shown on; nil for lines.
func (m *machine) terminal() *display.Terminal {
	if m.plain || !display.IsTerminal(m.stderr) || slices.Contains(m.environ, "TERM=dumb") {
		return nil
	}
	return &display.Terminal{
		Size:   func() (columns, rows int) { return display.SizeOf(m.stderr) },
		Colour: m.environment("NO_COLOR") == "",
	}
}

// taskPrinter tells a person what to do by hand (provider "manual"). It is nil if there is none: neither end of the program is
// a terminal, as in a timer's run.
func (m *machine) taskPrinter() func(manual.Task) {
	if !display.IsTerminal(m.stdin) && !display.IsTerminal(m.stderr) {
		return nil
	}
	return m.display.Task
}

// details prints what follows the first line of an answer.
func (p *program) details() display.Details {
	return display.Details{Out: p.stdout, Language: p.language}
}
