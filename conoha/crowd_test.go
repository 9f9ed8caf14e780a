package conoha

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"wildcard/providers"
)

// presentAll presents n challenges at names of their own, side by side.
func presentAll(t testing.TB, p *Provider, n int) ([]providers.Challenge, []providers.Handle) {
	t.Helper()
	cs, handles := make([]providers.Challenge, n), make([]providers.Handle, n)
	var all sync.WaitGroup
	for i := range n {
		cs[i] = challenge(fmt.Sprintf("host%d.example.com", i), i)
		all.Go(func() {
			var err error
			if handles[i], err = p.Present(t.Context(), cs[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return cs, handles
}

func cleanUpAll(t testing.TB, p *Provider, cs []providers.Challenge, handles []providers.Handle) {
	t.Helper()
	var all sync.WaitGroup
	for i, c := range cs {
		all.Go(func() {
			if err := p.CleanUp(t.Context(), c, handles[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// openConns counts connections that are open.
type openConns struct{ n atomic.Int32 }

func (o *openConns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	o.n.Add(1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { o.n.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn

	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// An account has four connections when many records are made: that of the login is closed.
func TestConnections_TwentyAtOnce(t *testing.T) {
	t.Parallel()
	eachGeneration(t, func(t *testing.T, w *world) {
		open := &openConns{}
		p := w.openDialing(open.dial, w.environ(), "")
		cs, handles := presentAll(t, p, 20)
		for open.n.Load() > 4 { // a connection goes some time after its last reply, or this test does not end
			runtime.Gosched()
		}
		cleanUpAll(t, p, cs, handles)
	})
}
