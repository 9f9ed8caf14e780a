package subprocess

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"wildcard/internal/messages"
)

const (
	mostOutput = 64 << 10 // bytes of one program that are passed on
	mostLine   = 1 << 10
)

// Lines passes a program's lines on, each with Prefix before it: 64 KiB in all, 1 KiB a line, without what a terminal would
// obey. Write never fails, so that a program never hangs or dies of its output.
type Lines struct {
	To     io.Writer // nil drops everything
	Prefix string

	mu    sync.Mutex
	line  []byte
	spent int
	ended bool
	last  string
}

// Last is the last line that was not empty.
func (o *Lines) Last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Write takes output as it comes.
func (o *Lines) Write(text []byte) (int, error) {
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

// End passes on a last line that was not ended. What comes later is dropped.
func (o *Lines) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.flush()
	}
	o.ended = true
}

func (o *Lines) flush() {
	line := o.line
	o.line = o.line[:0]
	if text := strings.TrimSpace(messages.OneLine(string(line))); text != "" {
		o.last = text
	}
	if o.To == nil || o.ended || o.spent > mostOutput {
		return
	}
	o.spent += len(line) + 1
	text := o.Prefix + messages.OneLine(string(line))
	if o.spent > mostOutput {
		text = o.Prefix + "(further output is not shown)"
	}
	_, _ = io.WriteString(o.To, text+"\n") // no one reads it then
}
