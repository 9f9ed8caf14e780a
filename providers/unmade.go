package providers

import "errors"

// unmadeError is an error of Present after which there is nothing to clean up.
type unmadeError struct{ error }

func (e *unmadeError) Unwrap() error { return e.error }

// Unmade says of an error of [Provider.Present] that no record was made and none still can be: nothing was sent that makes one,
// or the service refused it. What called Present forgets the record then; a clean-up would fail for the same reason, and stay
// for ever. An error that leaves it open whether there is a record must not be marked so. A nil err stays nil.
func Unmade(err error) error {
	if err == nil {
		return nil
	}
	return &unmadeError{err}
}

// IsUnmade reports whether err says that no record was made.
func IsUnmade(err error) bool {
	_, unmade := errors.AsType[*unmadeError](err)
	return unmade
}
