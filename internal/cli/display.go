package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// display shows on standard error how a run goes: a live picture on a terminal (tui.go), lines elsewhere (plain.go), nothing
// with --quiet. It may be used by several goroutines.
type display struct {
	quiet    bool
	language messages.Language
	live     *picture // nil for lines
	lines    *outlet
}

func newDisplay(out *os.File, lines *outlet, environ []string, language messages.Language, plain, quiet bool) *display {
	d := &display{lines: lines, quiet: quiet, language: language}
	if !plain && !quiet && isTerminal(out) && !slices.Contains(environ, "TERM=dumb") {
		colour := !slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "NO_COLOR=") && entry != "NO_COLOR=" })
		d.live = newPicture(out, colour, language)
	}
	return d
}

// lineage returns what is to be told of the events of a lineage's run.
func (d *display) lineage(name string) func(issuance.Event) {
	return func(e issuance.Event) {
		switch {
		case d.quiet:
		case d.live != nil:
			d.live.event(name, e)
		default:
			if line := plainLine(d.language, name, e); line != "" {
				d.print(line)
			}
		}
	}
}

// note says something that a person should know, in the user's language.
func (d *display) note(format string, args ...any) {
	if !d.quiet {
		d.print("wildcard: " + messages.OneLine(d.language.Sprintf(format, args...)))
	}
}

// Write prints whole lines of others, such as a hook's output.
func (d *display) Write(text []byte) (int, error) {
	d.print(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

func (d *display) print(line string) {
	if d.live != nil {
		d.live.above(line)
		return
	}
	_, _ = io.WriteString(d.lines, line+"\n")
}

// close leaves the picture as it is at the end, and has all lines printed. What comes after is printed below. It may be
// called again.
func (d *display) close() {
	if d.live != nil {
		d.live.close()
	}
	d.lines.flush()
}

// seconds writes a duration as a stopwatch does.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
