package cli

import (
	"io"
	"time"
)

const (
	mostWaiting = 4096            // lines that a reader may be behind
	lastLines   = 2 * time.Second // what it may take for the last of them
)

// outlet prints lines in the background, so that a reader who does not read never holds up a run whose records stand in the
// DNS. What a reader is too far behind for is dropped.
type outlet struct {
	waiting chan waiting
	end     chan struct{}
}

// waiting is a line that is not printed yet, or somebody who waits until all before are.
type waiting struct {
	line    string
	printed chan struct{}
}

func newOutlet(to io.Writer) *outlet {
	o := &outlet{make(chan waiting, mostWaiting), make(chan struct{})}
	go o.print(to)
	return o
}

func (o *outlet) print(to io.Writer) {
	for {
		select {
		case w := <-o.waiting:
			if w.printed != nil {
				close(w.printed)
				continue
			}
			_, _ = io.WriteString(to, w.line) // nobody reads it then
		case <-o.end:
			return
		}
	}
}

// close ends the printing. What was not flushed is dropped, and so is what is written from now on.
func (o *outlet) close() { close(o.end) }

// Write takes whole lines.
func (o *outlet) Write(text []byte) (int, error) {
	select {
	case o.waiting <- waiting{line: string(text)}:
	default:
	}
	return len(text), nil
}

// flush waits until everything is printed, but not for a reader who does not read.
func (o *outlet) flush() {
	late := time.NewTimer(lastLines)
	defer late.Stop()
	all := waiting{printed: make(chan struct{})}
	select {
	case o.waiting <- all:
	case <-late.C:
		return
	}
	select {
	case <-all.printed:
	case <-late.C:
	}
}
