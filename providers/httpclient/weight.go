package httpclient

import "io"

// A reply is weighed while it is read: what a decoder makes of JSON can be a hundred times its size, so the size alone bounds nothing. An
// honest list of ten thousand zones has some 120,000 values, none deeper than five levels.
const (
	mostValues = 250_000
	mostDepth  = 64
)

// weighed passes a body on, and ends with [ErrTooLarge] after too many values of JSON, or too deep within each other.
type weighed struct {
	io.Reader
	values           int
	depth, deepest   int
	quoted, escaping bool
}

func (w *weighed) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	for _, c := range p[:n] {
		w.take(c)
	}
	if w.values > mostValues || w.deepest > mostDepth {
		return 0, ErrTooLarge
	}
	return n, err
}

// take counts a byte: every value but the first of a list or an object follows a comma, and brackets hold one or none.
func (w *weighed) take(c byte) {
	switch {
	case w.escaping:
		w.escaping = false
	case w.quoted && c == '\\':
		w.escaping = true
	case c == '"':
		w.quoted = !w.quoted
	case w.quoted:
	case c == '{' || c == '[':
		w.values++
		w.depth++
		w.deepest = max(w.deepest, w.depth)
	case c == '}' || c == ']':
		w.depth--
	case c == ',':
		w.values++
	}
}
