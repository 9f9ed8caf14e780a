package messages

import (
	"strings"
	"unicode"
)

// OneLine is text of others, such as of a CA, a name server or joined errors, on one line and without what a terminal would
// obey: the control characters of ECMA-48, those of eight bits (C1) too, and Unicode's line and paragraph separators.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
