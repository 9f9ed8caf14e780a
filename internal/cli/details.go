package cli

import (
	"wildcard/internal/messages"
)

// details prints lines that are a word and what there is to say under it, the words in a column.
type details struct{ *program }

func (p *program) details() details { return details{p} }

// entry prints a line.
func (d details) entry(word string, value messages.Text) {
	d.say("  %s %s", messages.Pad(d.language.Translate(word), column(d.language)), value)
}

// column is as wide as the longest of the words.
func column(l messages.Language) int {
	if l == messages.Japanese {
		return 14
	}
	return 12
}

// value prints a line, unless there is nothing to say.
func (d details) value(word, value string) {
	if value != "" {
		d.entry(word, messages.New("%s", value))
	}
}
