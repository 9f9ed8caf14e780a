//go:build !linux

package safepath

import (
	"errors"
	"net"
)

// Listener cannot be answered elsewhere than on Linux, where no certificates are kept.
func Listener(*net.UnixConn) (uid int, err error) { return 0, errors.ErrUnsupported }
