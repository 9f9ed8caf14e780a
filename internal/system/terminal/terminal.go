// Package terminal tells whether a person may sit at a file, and how large the screen is.
package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// Is reports whether a file is a terminal: one has a size, on Linux and macOS alike, be it zero (tty_ioctl(4)).
func Is(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// Size is that of a terminal, or of one that says nothing about it.
func Size(f *os.File) (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col < 20 || size.Row < 5 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}
