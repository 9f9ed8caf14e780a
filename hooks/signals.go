package hooks

import (
	"errors"

	"wildcard/internal/messages"
)

// errClientEnded is the cause of a context that ended because certbot did.
var errClientEnded = errors.New("certbot ended before the challenge was done")

// failureLines are the lines a user reads of a failure.
func failureLines(l messages.Language, program string, err error) string {
	return l.Failure(err, program).Lines(l, program)
}
