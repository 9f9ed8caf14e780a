package hooks

import (
	"errors"
	"fmt"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// errClientGone is the cause of a context that ended because certbot did.
var errClientGone = errors.New("certbot ended before the challenge was done")

// failureLines are the lines a user reads, in a terminal, in certbot's log or in a mail: what happened, with the code to look
// it up by; then, if the code says so much, the likely cause and what to do next.
func failureLines(l messages.Language, program string, err error) string {
	line := fmt.Sprintf("%s: %s", program, messages.OneLine(l.Error(err)))
	code := fault.CodeOf(err)
	if code != "" {
		line += " [" + code + "]"
	}
	if known, ok := l.Explain(code); ok {
		if code == fault.CodeUsage {
			known.Next = program + " --help"
		}
		line += "\n  " + l.Sprintf("cause: %s", known.Cause) + "\n  " + l.Sprintf("next:  %s", known.Next)
	}
	return line
}
