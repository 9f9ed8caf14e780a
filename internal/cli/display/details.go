package display

import (
	"fmt"
	"io"

	"wildcard/internal/messages"
)

// Details are lines that are a word and what there is to say under it, the words in a column.
type Details struct {
	Out      io.Writer
	Language messages.Language
}

// Entry prints a line.
func (d Details) Entry(word messages.Text, value messages.Localizer) {
	fmt.Fprintf(d.Out, "  %s %s\n", messages.Pad(d.Language.Translate(word), d.Language.Column()), value.In(d.Language))
}

// Value prints a line, unless there is nothing to say.
func (d Details) Value(word messages.Text, value string) {
	if value != "" {
		d.Entry(word, messages.New("%s", value))
	}
}
