package cli

import (
	"io"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// problem is an error as a user reads it: in an answer of --json, or in the lines of complain.
type problem struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Exit    int    `json:"exit_status"`
	Cause   string `json:"cause,omitempty"`
	Next    string `json:"next,omitempty"`
}

// errorOf returns err for users, with what its code explains; nil for nil.
func (p *program) errorOf(err error) *problem {
	if err == nil {
		return nil
	}
	said := &problem{Code: fault.CodeOf(err), Message: messages.OneLine(p.language.Error(err)), Exit: fault.ExitCode(err)}
	if known, ok := p.language.Explain(said.Code); ok {
		said.Cause, said.Next = known.Cause, known.Next
	}
	if said.Code == fault.CodeUsage {
		said.Next = p.typed + " --help"
	}
	return said
}

// complain prints a failure: what happened, with the code to look it up by, then the likely cause and what to do next. It
// does so with --quiet, too.
func (p *program) complain(err error) { p.complainOf("", p.errorOf(err)) }

// complainOf prints a failure of something, such as a lineage; "" if the message says of what.
func (p *program) complainOf(about string, said *problem) {
	if about != "" {
		about += ": "
	}
	text := "wildcard: " + about + said.Message
	if said.Code != "" {
		text += " [" + said.Code + "]"
	}
	if said.Cause != "" {
		text += "\n  " + p.language.Sprintf("cause: %s", said.Cause) + "\n  " + p.language.Sprintf("next:  %s", said.Next)
	}
	_, _ = io.WriteString(p.lines, text+"\n")
}

// texts puts messages into the user's language.
func (p *program) texts(all []messages.Message) []string {
	var texts []string
	for _, m := range all {
		texts = append(texts, m.In(p.language))
	}
	return texts
}
