package display

import (
	"fmt"
	"strings"
	"time"

	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// Progress shows on standard error how a run goes: a live view on a terminal, lines elsewhere, nothing if it is to be quiet.
// It may be used by several goroutines; none ever waits for a reader.
type Progress struct {
	lines    *Lines
	language messages.Language
	quiet    bool
	live     *liveView // nil for lines
}

// NewProgress shows a run until Close: live on a terminal, in lines without one.
func NewProgress(lines *Lines, language messages.Language, terminal *Terminal, quiet bool) *Progress {
	p := &Progress{lines: lines, language: language, quiet: quiet}
	if terminal != nil && !quiet {
		p.live = newLiveView(lines, language, *terminal)
	}
	return p
}

// Lineage returns what is to be told of the events of a lineage's run.
func (p *Progress) Lineage(name string) func(issuance.Event) {
	return func(e issuance.Event) {
		switch {
		case p.quiet:
		case p.live != nil:
			p.live.event(name, e)
		default:
			if line := stepLine(p.language, name, e); line != "" {
				p.Print(line)
			}
		}
	}
}

// Notice says something that a person should know, in the user's language.
func (p *Progress) Notice(format messages.Text, args ...any) {
	if !p.quiet {
		p.Print("wildcard: " + messages.OneLine(p.language.Sprintf(format, args...)))
	}
}

// Write prints whole lines of others, such as a hook's output.
func (p *Progress) Write(text []byte) (int, error) {
	p.Print(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

// Print prints a line, even if all else is quiet.
func (p *Progress) Print(line string) {
	if p.live == nil || !p.live.above(line) {
		_, _ = p.lines.Write([]byte(line + "\n"))
	}
}

// Close leaves the live view as it is at the end, and has all lines printed. What comes after is printed below. It may be
// called again.
func (p *Progress) Close() {
	if p.live != nil {
		p.live.close()
	}
	p.lines.Flush()
}

// Seconds writes a duration as a stopwatch does.
func Seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
