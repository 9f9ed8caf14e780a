package settings

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is a value that is never printed: every way of formatting, logging or encoding it yields "***", also when there is
// no value, so that not even this shows. Two Secrets are equal if their values are.
//
// The value stands behind a pointer, for the methods alone would not do: fmt does not call them on what stands in an
// unexported field, nor for %p, and prints what it finds there instead.
type Secret struct {
	value unique.Handle[string] // the zero Handle if there is no value
}

const hidden = "***"

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{unique.Make(s)}
}

// Reveal returns the value. It is the only way to it.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.value.Value()
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s == Secret{} }

// Format implements [fmt.Formatter] for every verb that fmt asks it for.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

func (s Secret) String() string               { return hidden }
func (s Secret) GoString() string             { return hidden }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText takes what a decoder, such as that of a YAML file, has read.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// variables are the values of variables by name: a process's environment, an env file, a credential. They are Secrets so
// that nothing which holds them shows them when it is printed.
type variables map[string]Secret

func (v variables) get(name string) string { return v[name].Reveal() }
