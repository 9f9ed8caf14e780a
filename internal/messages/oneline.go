package messages

import (
	"strings"
	"unicode"
)

// OneLine is text of others, such as of a CA, a name server, a plugin or joined errors, on one line and without what a terminal would
// obey or not show: it is the one cleaner of all that comes from peers. Blanks take the place of the control characters of ECMA-48, those
// of eight bits (C1) too, and of Unicode's line and paragraph separators. Format characters, which turn text around (UAX #9) or hide in
// it, others without a picture (UAX #44, Default_Ignorable_Code_Point) and those of no meaning that is known here are left out.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case !unicode.IsGraphic(r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return -1
		}
		return r
	}, s)
}

// Short is [OneLine], without blanks at its ends and cut after so many bytes.
func Short(s string, most int) string {
	s = strings.TrimSpace(OneLine(s[:min(len(s), 4*most)]))
	if len(s) <= most {
		return s
	}
	return strings.TrimSpace(strings.ToValidUTF8(s[:most], "")) + "…"
}
