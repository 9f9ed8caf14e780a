package main

import (
	"github.com/jedib0t/go-pretty/v6/text"

	"wildcard/messages"
)

// details prints lines that are a word and what there is to say under it, the words in a column.
type details struct{ *program }

func (p *program) details() details { return details{p} }

// entry prints a line.
func (d details) entry(word string, value messages.Text) {
	d.say("  %s %s", text.Pad(d.language.Translate(word), 12, ' '), value)
}

// value prints a line, unless there is nothing to say.
func (d details) value(word, value string) {
	if value != "" {
		d.entry(word, messages.New("%s", value))
	}
}
