package cli

import (
	"slices"
	"strings"

	"wildcard/internal/cli/display"
	"wildcard/internal/messages"
	"wildcard/internal/system/terminal"
	"wildcard/providers/manual"
)

// terminal is what a live view is shown on; nil for lines.
func (m *machine) terminal() *display.Terminal {
	if m.plain || !terminal.Is(m.stderr) || slices.Contains(m.environ, "TERM=dumb") {
		return nil
	}
	return &display.Terminal{
		Size:   func() (columns, rows int) { return terminal.Size(m.stderr) },
		Colour: m.environment("NO_COLOR") == "",
		ASCII:  !m.language.ShowsUTF8(m.environ),
	}
}

// sayTable prints a table, on a terminal in lines that are no wider.
func sayTable(p *program, t *display.Table) { p.say("%s", t.Within(columns(p))) }

// columns is how wide the terminal is that the answer goes to; 0 if it goes elsewhere.
func columns(p *program) int {
	if !terminal.Is(p.stdout) {
		return 0
	}
	width, _ := terminal.Size(p.stdout)
	return width
}

// sayWrapped prints a sentence, on a terminal in lines that are no wider.
func sayWrapped(p *program, format messages.Text, args ...any) {
	text := p.language.Sprintf(format, args...)
	if width := columns(p); width > 0 {
		text = strings.Join(messages.Wrap(text, width-2), "\n  ")
	}
	p.say("%s", text)
}

// taskPrinter tells a person what to do by hand (provider "manual"). It is nil if there is none: neither end of the program is
// a terminal, as in a timer's run.
func (m *machine) taskPrinter() func(manual.Task) {
	if !terminal.Is(m.stdin) && !terminal.Is(m.stderr) {
		return nil
	}
	return m.display.Task
}

// details prints what follows the first line of an answer.
func (p *program) details() display.Details {
	return display.Details{Out: p.out, Language: p.language}
}
