package boulder

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Found waits until a service that was restarted has as many clients again as it had before. A client of gRPC whose connection was
// refused waits 1 s before it connects again, then 1.6 times as long (grpc/doc/connection-backoff.md), and until then Boulder's
// services take the other for ended, although it listens. Where several are restarted, a client must come before its server, for
// a client that is new connects only with its first call.
func (c *CA) Found(ctx context.Context, service string) error {
	p := c.processes[service]
	if p == nil {
		return fmt.Errorf("there is no service %s", service)
	}
	for {
		n, err := connections(p.address)
		p.mu.Lock()
		want := p.clients
		p.mu.Unlock()
		if err != nil || n >= want {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has %d of %d clients: %w; it said:\n%s", service, n, want, ctx.Err(), p.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// connections counts those that an IPv4 address and port has accepted and that are open.
func connections(address string) (n int, err error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, err
	}
	ip := at.Addr().As4()
	local := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), at.Port()) // proc_pid_net(5)
	const established = "01"
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 3 && fields[1] == local && fields[3] == established {
			n++
		}
	}
	return n, nil
}
