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
	fmt.Fprintf(d.Out, "  %s %s\n", messages.Pad(d.Language.Translate(word), column(d.Language)), value.In(d.Language))
}

// column is as wide as the longest of the words.
func column(l messages.Language) int {
	if l == messages.Japanese {
		return 14
	}
	return 12
}

// Value prints a line, unless there is nothing to say.
func (d Details) Value(word messages.Text, value string) {
	if value != "" {
		d.Entry(word, messages.New("%s", value))
	}
}
