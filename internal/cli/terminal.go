package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// ioctlTermios reads a terminal's settings; files that are no terminal have none.
func ioctlTermios(f *os.File) (*unix.Termios, error) {
	return unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
}
