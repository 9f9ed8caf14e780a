package acmeserver

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"wildcard/internal/fault"
)

const (
	mostConnections = 2000
	mostOfAddress   = 256 // many machines may be behind one
	mostStreams     = 16  // at once on a connection of HTTP/2
	stopWithin      = 20 * time.Second
)

// Serve answers on a listener until ctx ends, and then lets the requests under way come to their end.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, config *tls.Config) error {
	server := &http.Server{
		Handler: handler, TLSConfig: config,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: mostStreams},
		ErrorLog: log.New(io.Discard, "", 0), // handshakes that fail are nothing to tell of
	}
	limited := &limitedListener{Listener: listener, of: map[netip.Addr]int{}}
	ended := make(chan error, 1)
	go func() {
		if config != nil {
			ended <- server.ServeTLS(limited, "", "")
			return
		}
		ended <- server.Serve(limited)
	}()
	select {
	case err := <-ended:
		return fault.Errorf(CodeListen, fault.Failed, "serve: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		_ = server.Close() // who reads that slowly comes again
	}
	return nil
}

// limitedListener refuses connections beyond what there may be in all and from one address.
type limitedListener struct {
	net.Listener

	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := network(addressOf(conn.RemoteAddr().String()))
		l.mu.Lock()
		ok := l.all < mostConnections && l.of[address] < mostOfAddress
		if ok {
			l.all++
			l.of[address]++
		}
		l.mu.Unlock()
		if !ok {
			_ = conn.Close()
			continue
		}
		return &limitedConn{Conn: conn, closed: sync.OnceFunc(func() { l.ended(address) })}, nil
	}
}

func (l *limitedListener) ended(address netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.of[address]--; l.of[address] <= 0 {
		delete(l.of, address)
	}
}

type limitedConn struct {
	net.Conn

	closed func()
}

func (c *limitedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
