package fault

import "strings"

// Foreign is what a peer said: a DNS service, a plugin, whatever answers at an address. Its words stand in an error's text for the person
// at the terminal, and can be taken out of it where a stranger reads it ([WithoutForeign]).
type Foreign struct{ Text string }

func (e *Foreign) Error() string { return e.Text }

// Foreign returns the words.
func (e *Foreign) Foreign() string { return e.Text }

// WithoutForeign returns err's text without the words of peers: those of every error in its tree that has a method Foreign, and what is
// quoted ([Excerpt]).
func WithoutForeign(err error) string {
	text := err.Error()
	for _, words := range foreign(err) {
		if words != "" {
			text = strings.ReplaceAll(text, words, "…")
		}
	}
	var b strings.Builder
	for {
		before, rest, quoted := strings.Cut(text, `"`)
		b.WriteString(before)
		if !quoted {
			return b.String()
		}
		b.WriteString(`"…"`)
		text = afterQuote(rest)
	}
}

// afterQuote returns what follows a quotation, of which the rest begins behind its first quote.
func afterQuote(rest string) string {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return strings.TrimPrefix(rest[i+1:], "…")
		}
	}
	return ""
}

func foreign(err error) (words []string) {
	if peer, ok := err.(interface{ Foreign() string }); ok {
		words = append(words, peer.Foreign())
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			words = append(words, foreign(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			words = append(words, foreign(inner)...)
		}
	}
	return words
}
