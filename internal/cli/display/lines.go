package display

import (
	"io"
	"time"
)

const (
	mostWaiting = 4096            // lines that a reader may be behind
	lastLines   = 2 * time.Second // what it may take for the last of them
)

// Lines prints lines in the background, so that a reader who does not read, and a terminal that was stopped, never hold up a
// run whose records are in the DNS. What a reader is too far behind for is dropped.
type Lines struct {
	waiting chan waiting
	end     chan struct{}
}

// waiting is a line that is not printed yet, or a Flush that waits until all before are.
type waiting struct {
	line    string
	printed chan struct{}
}

// NewLines prints lines until Close.
func NewLines(to io.Writer) *Lines {
	l := &Lines{make(chan waiting, mostWaiting), make(chan struct{})}
	go l.print(to)
	return l
}

func (l *Lines) print(to io.Writer) {
	for {
		select {
		case w := <-l.waiting:
			if w.printed != nil {
				close(w.printed)
				continue
			}
			_, _ = io.WriteString(to, w.line) // no one reads it then
		case <-l.end:
			return
		}
	}
}

// Close ends the printing. What was not flushed is dropped, and so is what is written from now on.
func (l *Lines) Close() { close(l.end) }

// Write takes whole lines.
func (l *Lines) Write(text []byte) (int, error) {
	l.offer(string(text))
	return len(text), nil
}

// offer takes text that is printed whole, or not at all: it reports which.
func (l *Lines) offer(text string) bool {
	select {
	case l.waiting <- waiting{line: text}:
		return true
	default:
		return false
	}
}

// behind reports whether something is waiting.
func (l *Lines) behind() bool { return len(l.waiting) > 0 }

// Flush waits until everything is printed, but not for a reader who does not read.
func (l *Lines) Flush() {
	late := time.NewTimer(lastLines)
	defer late.Stop()
	all := waiting{printed: make(chan struct{})}
	select {
	case l.waiting <- all:
	case <-late.C:
		return
	}
	select {
	case <-all.printed:
	case <-late.C:
	}
}
