package cli

import (
	"io"

	"wildcard/internal/messages"
)

// errorOf returns err for users, with what its code explains; nil for nil.
func (p *program) errorOf(err error) *messages.Failure {
	if err == nil {
		return nil
	}
	said := p.language.Failure(err, p.typed)
	return &said
}

// complain prints a failure, if all else is quiet, too.
func (p *program) complain(err error) { p.complainOf("", p.errorOf(err)) }

// complainOf prints a failure of something, such as a lineage; "" if the message says of what.
func (p *program) complainOf(about string, said *messages.Failure) {
	who := "wildcard"
	if about != "" {
		who += ": " + about
	}
	_, _ = io.WriteString(p.lines, said.Lines(p.language, who)+"\n")
}

// texts puts messages into the user's language.
func (p *program) texts(all []messages.Message) []string {
	var texts []string
	for _, m := range all {
		texts = append(texts, m.In(p.language))
	}
	return texts
}
