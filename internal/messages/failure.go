package messages

import (
	"errors"

	"wildcard/internal/fault"
)

// Failure is an error as a user reads it, in a language: what happened, the code to look it up by, and, if the code says so
// much, the likely cause and what to do next.
type Failure struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Exit    int    `json:"exit_status"`
	Cause   string `json:"cause,omitempty"`
	Next    string `json:"next,omitempty"`
}

// Failure puts an error into a language. After a wrong command line, what to do next is the --help of command.
func (l Language) Failure(err error, command string) Failure {
	f := Failure{Code: fault.CodeOf(err), Message: OneLine(l.Error(err)), Exit: fault.ExitCode(err)}
	if known, ok := l.Explain(f.Code); ok {
		f.Cause, f.Next = known.Cause, l.next(err, known.Next)
	}
	if f.Code == fault.CodeUsage { // the message is the cause
		f.Cause, f.Next = "", command+" --help"
	}
	return f
}

// next is what to do about an error: what it says itself, else what is known of its code.
func (l Language) next(err error, known string) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Next != "" {
		return OneLine(l.Sprintf(e.Next, e.Args...))
	}
	return known
}

// Lines are a failure in a terminal, in certbot's log or in a mail: one line or three, without a line break at the end. The
// first begins with who says so, and of what.
func (f Failure) Lines(l Language, who string) string {
	text := who + ": " + f.Message
	if f.Code != "" {
		text += " [" + f.Code + "]"
	}
	if f.Cause != "" {
		text += "\n  " + l.Sprintf("cause: %s", f.Cause)
	}
	if f.Next != "" {
		text += "\n  " + l.Sprintf("next:  %s", f.Next)
	}
	return text
}
