package messages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Text is something that can be said in each language.
type Text interface {
	In(l Language) string
}

// Message is a text with what is to be filled in, not yet put into a language. As a string and as an error it is English.
type Message struct {
	Format string
	Args   []any
}

// New returns a message. The verb %w is known: what it wraps is found by [errors.Is] and [errors.As].
func New(format string, args ...any) Message {
	return Message{format, args}
}

// Error returns the English text.
func (m Message) Error() string { return fmt.Errorf(m.Format, m.Args...).Error() }

// String returns the English text.
func (m Message) String() string { return m.Error() }

// Unwrap returns the errors among the arguments.
func (m Message) Unwrap() []error {
	var wrapped []error
	for _, arg := range m.Args {
		if err, ok := arg.(error); ok {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

// In returns the text in a language.
func (m Message) In(l Language) string {
	if l != Japanese {
		return m.Error()
	}
	return fmt.Sprintf(strings.ReplaceAll(l.Translate(m.Format), "%w", "%v"), l.all(m.Args)...)
}

// Quantity is a number of things, such as "1 TXT record" and "2 TXT records".
type Quantity struct {
	N    int
	Noun string // English singular; its plural has an "s" at the end
}

// Count returns n things. The catalogue has the plural of noun with a %d before it, as "%d TXT records".
func Count(n int, noun string) Quantity { return Quantity{n, noun} }

// String returns the English text.
func (q Quantity) String() string {
	text := strconv.Itoa(q.N) + " " + q.Noun
	if q.N != 1 {
		text += "s"
	}
	return text
}

// In returns the text in a language.
func (q Quantity) In(l Language) string {
	if l != Japanese {
		return q.String()
	}
	return fmt.Sprintf(l.Translate("%d "+q.Noun+"s"), q.N)
}

// Error returns the text of an error: in the language if a [Message] is all there is to it, else the English one.
func (l Language) Error(err error) string {
	text := err.Error()
	for ; err != nil && err.Error() == text; err = errors.Unwrap(err) {
		if m, ok := err.(Text); ok { // one that is wrapped in more text must not stand for the whole
			return m.In(l)
		}
	}
	return text
}
