package display

import "github.com/jedib0t/go-pretty/v6/text"

// Terminal is what there is to know of a terminal that a live view is shown on.
type Terminal struct {
	Size   func() (columns, rows int) // which may change
	Colour bool
	ASCII  bool // it shows no other letters
}

// NarrowAmbiguous has the process show letters whose width is ambiguous, such as "…", in one cell, as terminals do whatever the
// locale ([messages.Width]).
func NarrowAmbiguous() { text.OverrideRuneWidthEastAsianWidth(false) }
