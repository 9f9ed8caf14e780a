package boulder

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports of a CA's address.
const (
	portFront = 4431 + iota
	portWFE
	portSA
	portRA
	portSCT // the registration authority that only collects SCTs
	portCA
	portVA
	portPublisher
	portNonceA
	portNonceB
	portDatabase
	portRedis
	portNames         // the name server for SRV records
	portLogA          // the logs for certificate transparency; what Boulder knows are the proxies before them
	portLogB          //
	portProxyA        //
	portProxyB        //
	portRemote = 4460 // the remote validation authorities, one after the other
	portDoH    = 4470 // the primary's resolver, and those of the others after it
)

// address is a loopback address that no other CA has. The listener of its front keeps it.
func address() (ip string, front net.Listener, err error) {
	for range 100 {
		ip = fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(63), rand.IntN(256), 1+rand.IntN(254))
		if front, err = net.Listen("tcp", at(ip, portFront)); err == nil {
			return ip, front, nil
		}
	}
	return "", nil, errors.Join(errors.New("no loopback address is free"), err)
}

func at(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }
