package hooks

import (
	"errors"

	"wildcard/internal/messages"
)

// errClientGone is the cause of a context that ended because certbot did.
var errClientGone = errors.New("certbot ended before the challenge was done")

// failureLines are the lines a user reads of a failure.
func failureLines(l messages.Language, program string, err error) string {
	return l.Failure(err, program).Lines(l, program)
}
