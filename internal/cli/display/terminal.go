package display

import (
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/sys/unix"
)

// Terminal is what there is to know of a terminal that a live view is shown on.
type Terminal struct {
	Size   func() (columns, rows int) // which may change
	Colour bool
	ASCII  bool // it shows no other letters
}

// IsTerminal reports whether a person may sit there.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// SizeOf is that of a terminal, or of one that says nothing about it.
func SizeOf(f *os.File) (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col < 20 || size.Row < 5 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// NarrowAmbiguous has the process show letters whose width is ambiguous, such as "…", in one cell, as terminals do whatever the
// locale ([messages.Width]).
func NarrowAmbiguous() { text.OverrideRuneWidthEastAsianWidth(false) }
