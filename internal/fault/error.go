// Package fault is what a failure is to its user: a stable code, a class that decides the exit status, and a text that nothing of
// a peer can forge or flood (Excerpt).
package fault

import (
	"errors"
	"fmt"
)

// Error is a failure that a user can meet: a stable code, a class, and the error that says what happened. Text comes from
// Err alone, in the form "conoha: create TXT _acme-challenge.example.com. in example.com.: 409 duplicate_record".
type Error struct {
	Code  string
	Class Class
	Err   error
	Next  Text  // format: what to try next, where it is not what is said of all errors with the code; else ""
	Args  []any // for Next
}

// Errorf returns an [Error] whose text is made as by [fmt.Errorf], %w included.
func Errorf(code string, class Class, format string, args ...any) *Error {
	return &Error{Code: code, Class: class, Err: fmt.Errorf(format, args...)}
}

// Advise says what to try next ([Error.Next]) and returns the error.
func (e *Error) Advise(next Text, args ...any) *Error {
	e.Next, e.Args = next, args
	return e
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the outermost [Error] in err's chain, or Failed if there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Failed
}

// CodeOf returns the code of the outermost [Error] in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
