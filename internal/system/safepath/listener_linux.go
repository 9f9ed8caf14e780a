package safepath

import (
	"net"

	"golang.org/x/sys/unix"
)

// Listener returns the user that began to listen at the other end of a socket (unix(7), SO_PEERCRED). The path of a socket says less:
// servers keep them in directories of their own users.
func Listener(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) {
		peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = asked
	}
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}
