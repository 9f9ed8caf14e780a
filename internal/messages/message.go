package messages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"wildcard/internal/fault"
)

// Text is English that users read in their own language: a whole text, or a format.
type Text = fault.Text

// Noun is an English singular that is counted. The catalogue has its plural, which has an "s" at the end, with a %d before it,
// as "%d TXT records".
type Noun string

// counted is the text that a number of things is said with.
func (n Noun) counted() Text { return Text("%d " + string(n) + "s") }

// Page is English of several paragraphs, with an empty line between them.
type Page string

// Paragraphs returns the texts of a page, and its examples: the paragraphs that are indented, which are the same in every language.
func (p Page) Paragraphs() (texts []Text, examples []string) {
	for paragraph := range strings.SplitSeq(string(p), "\n\n") {
		switch {
		case strings.HasPrefix(paragraph, "  "):
			examples = append(examples, paragraph)
		case paragraph != "":
			texts = append(texts, Text(paragraph))
		}
	}
	return texts, examples
}

// Localizer is something that can be said in each language.
type Localizer interface {
	In(l Language) string
}

// Message is a text with what is to be filled in, not yet put into a language. As a string and as an error it is English.
type Message struct {
	Format Text
	Args   []any
}

// New returns a message. The verb %w is known: what it wraps is found by [errors.Is] and [errors.As].
func New(format Text, args ...any) Message {
	return Message{format, args}
}

// Error returns the English text.
func (m Message) Error() string { return m.In(English) }

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
	return fmt.Sprintf(strings.ReplaceAll(l.Translate(m.Format), "%w", "%v"), l.all(m.Args)...)
}

// Quantity is a number of things, such as "1 TXT record" and "2 TXT records".
type Quantity struct {
	N    int
	Noun Noun
}

// Count returns n things.
func Count(n int, noun Noun) Quantity { return Quantity{n, noun} }

// String returns the English text.
func (q Quantity) String() string {
	text := strconv.Itoa(q.N) + " " + string(q.Noun)
	if q.N != 1 {
		text += "s"
	}
	return text
}

// In returns the text in a language.
func (q Quantity) In(l Language) string {
	if plural, ok := l.translation(q.Noun.counted()); ok {
		return fmt.Sprintf(plural, q.N)
	}
	return q.String()
}

// Error returns the text of an error: in the language if a [Message] is all there is to it, else the English one.
func (l Language) Error(err error) string {
	text := err.Error()
	for ; err != nil && err.Error() == text; err = errors.Unwrap(err) {
		if m, ok := err.(Localizer); ok { // one that is wrapped in more text must not stand for the whole
			return m.In(l)
		}
	}
	return text
}
