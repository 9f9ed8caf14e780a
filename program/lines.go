package deploy

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	mostOutput = 64 << 10 // bytes of one hook that are passed on
	mostLine   = 1 << 10
)

// output passes a hook's lines on, within bounds. It never fails, so that a hook never hangs or dies of its output.
type output struct {
	to     io.Writer
	prefix string

	mu    sync.Mutex
	line  []byte
	spent int
	ended bool
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := text; len(rest) > 0; {
		part, after, newline := bytes.Cut(rest, []byte("\n"))
		if room := mostLine - len(o.line); room > 0 {
			o.line = append(o.line, part[:min(len(part), room)]...)
		}
		if newline {
			o.flush()
		}
		rest = after
	}
	return len(text), nil
}

// end passes on a last line that was not ended. What comes later is dropped.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.flush()
	}
	o.ended = true
}

func (o *output) flush() {
	line := o.line
	o.line = o.line[:0]
	if o.to == nil || o.ended || o.spent > mostOutput {
		return
	}
	o.spent += len(line) + 1
	text := o.prefix + clean(string(line))
	if o.spent > mostOutput {
		text = o.prefix + "(further output is not shown)"
	}
	_, _ = io.WriteString(o.to, text+"\n") // nobody reads it then
}

// clean keeps what a terminal would obey out of a line.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError:
			return -1
		}
		return r
	}, line)
}
