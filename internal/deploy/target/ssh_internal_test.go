package target

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// wire is an end of a [net.Pipe] whose writer does not wait for the reader, as with TCP: both ends of SSH write first.
type wire struct {
	net.Conn
	queue chan []byte
	done  chan struct{}
	once  sync.Once
}

func newWire(conn net.Conn) *wire {
	w := &wire{Conn: conn, queue: make(chan []byte, 100), done: make(chan struct{})}
	go func() {
		for {
			select {
			case text := <-w.queue:
				_, _ = w.Conn.Write(text)
			case <-w.done:
				return
			}
		}
	}()
	return w
}

func (w *wire) Write(text []byte) (int, error) {
	select {
	case w.queue <- slices.Clone(text):
		return len(text), nil
	case <-w.done:
		return 0, net.ErrClosed
	}
}

// RemoteAddr is one as TCP has it.
func (w *wire) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22} }

func (w *wire) Close() error {
	w.once.Do(func() { close(w.done) })
	return w.Conn.Close()
}

// hung is a machine that lets all in and opens a session, and answers nothing else.
func hung(t *testing.T) *machine {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(knownhosts.Line([]string{"a.example:22", "b.example:22"}, signer.PublicKey())), 0o600); err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			conn := newWire(far)
			defer conn.Close()
			_, channels, requests, err := ssh.NewServerConn(conn, config)
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			for fresh := range channels {
				if fresh.ChannelType() == "session" {
					_, requests, err := fresh.Accept()
					if err != nil {
						return
					}
					go func() {
						for range requests { // no answer
						}
					}()
				}
			}
		}()
		return newWire(near), nil
	}
	return &machine{o: &Opener{}, user: "tls", address: "a.example:22", dir: "/tls", knownFile: []string{known}, dial: dial}
}

// TestMachine_Hung ends when the time is over that each part may take, not that of commands.
func TestMachine_Hung(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		jump bool
		do   func(ctx context.Context, m *machine) error
		want time.Duration
	}{
		"no SFTP":        {false, func(ctx context.Context, m *machine) error { return m.Deploy(ctx, Certificate{}) }, limit},
		"no SFTP, check": {false, func(ctx context.Context, m *machine) error { return m.Check(ctx) }, limit},
		"jump":           {true, func(ctx context.Context, m *machine) error { return m.Deploy(ctx, Certificate{}) }, handshakeLimit},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := hung(t)
				if test.jump {
					jump := *m
					jump.address, m.jump = "b.example:22", &jump
				}
				began := time.Now()
				if err := test.do(t.Context(), m); err == nil || time.Since(began) != test.want {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// TestBounded_PeerWithoutEnd takes so much and no more.
func TestBounded_PeerWithoutEnd(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer near.Close()
	var group sync.WaitGroup
	group.Go(func() {
		for _, err := far.Write(make([]byte, 7)); err == nil; {
			_, err = far.Write(make([]byte, 7))
		}
	})
	b, got := &bounded{Conn: near, left: 20}, 0
	for {
		n, err := b.Read(make([]byte, 6))
		if got += n; err != nil {
			if got != 20 || !strings.Contains(err.Error(), "too much") {
				t.Errorf("%v after %d", err, got)
			}
			break
		}
	}
	_ = near.Close()
	group.Wait()
}

// TestUsualPlaces_NoHome has the home directory of the user whom it runs as, and never a relative path.
func TestUsualPlaces_NoHome(t *testing.T) {
	t.Parallel()
	const all = "/etc/ssh/ssh_known_hosts"
	for _, test := range []struct {
		home, passwd string
		err          error
		want         []string
	}{
		{"/home/u", "/root", nil, []string{"/home/u/.ssh/known_hosts", all}},
		{"", "/root", nil, []string{"/root/.ssh/known_hosts", all}},
		{".", "/root", nil, []string{"/root/.ssh/known_hosts", all}},
		{"", "", nil, []string{all}},
		{"home", "/root", errors.New("unknown userid"), []string{all}},
	} {
		got := usualPlaces(test.home, func(string) (*user.User, error) { return &user.User{HomeDir: test.passwd}, test.err })
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
