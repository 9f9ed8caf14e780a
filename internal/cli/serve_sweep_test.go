//go:build failpoint

package cli

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"wildcard/internal/system/failpoint/sweep"
)

// serving is "wildcard serve" with one machine, over several runs at one address.
type serving struct {
	*world

	address  string
	child    *child
	said     chan string // stderr, once it has ended
	kid, key string
	client   *acme.Client
	account  acme.Account
	order    string // URL of the last order that the machine has heard of
}

func newServing(w *world) *serving {
	w.t.Helper()
	w.issue("acme.example.com")
	s := &serving{world: w}
	// No other test has this address, so that the port is still free when the server takes it.
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+mathrand.IntN(250), mathrand.IntN(250), 1+mathrand.IntN(250)))
	if err != nil {
		w.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		w.t.Fatal(err)
	}
	made := answerOf[clientLine](w.run("client", "add", "--json", "web1", "web1.example.com", "*.web1.example.com").exits(0))
	s.kid, s.key = made.KeyID, made.Key
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.IssuerPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		}}
	_, port, _ := net.SplitHostPort(s.address)
	s.client = &acme.Client{Directory: "https://acme.example.com:" + port + "/directory", HTTPClient: &http.Client{Transport: transport},
		PollTimeout: 2 * time.Minute}
	s.account = acme.Account{TermsOfServiceAgreed: true, PrivateKey: sweepKey(w.t)}
	return s
}

func sweepKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// begins starts the server, and returns when it serves or has ended.
func (s *serving) begins(environ ...string) {
	s.t.Helper()
	s.child = s.command("serve", "--name", "acme.example.com", "--tls-lineage", "acme.example.com", "--listen", s.address, "--agree-tos")
	s.child.Env = slices.Concat(s.environ, environ)
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.child.Stderr, s.said = w, make(chan string, 1)
	err = s.child.Start()
	w.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	serves := make(chan struct{})
	go func() {
		defer r.Close()
		var all strings.Builder
		lines := bufio.NewScanner(io.TeeReader(r, &all))
		for begun := false; lines.Scan(); {
			if !begun && strings.Contains(lines.Text(), "serving at ") {
				begun = true
				close(serves)
			}
		}
		if s.said <- all.String(); !strings.Contains(all.String(), "serving at ") {
			close(serves)
		}
	}()
	<-serves
}

// ends tells the server to end, if it has not, and returns what it says.
func (s *serving) ends() said {
	s.t.Helper()
	_ = s.child.Process.Signal(syscall.SIGTERM) // it may have ended
	got := s.child.end()
	got.stderr = <-s.said
	return got
}

// asks has the machine get a certificate with a new key, from its account on.
func (s *serving) asks() error {
	ctx := s.t.Context()
	if s.account.Location == "" {
		account := s.account
		if err := account.SetExternalAccountBinding(ctx, s.client, acme.EAB{KeyID: s.kid, MACKey: s.key}); err != nil {
			return err
		}
		made, err := s.client.NewAccount(ctx, account)
		if err != nil {
			return err
		}
		s.account = made
	}
	names := []string{"*.web1.example.com", "web1.example.com"}
	order, err := s.client.NewOrder(ctx, s.account, acme.Order{Identifiers: []acme.Identifier{{Type: "dns", Value: names[0]}, {Type: "dns", Value: names[1]}}})
	if err != nil {
		return err
	}
	s.order = order.Location
	var key crypto.Signer = sweepKey(s.t)
	csr, err := acmez.NewCSR(key, names)
	if err != nil {
		return err
	}
	if order, err = s.client.FinalizeOrder(ctx, s.account, order, csr.Raw); err != nil {
		return err
	}
	_, err = s.client.GetCertificateChain(ctx, s.account, order.Certificate)
	return err
}

// final fails the test unless an order becomes valid or invalid by itself.
func (s *serving) final(order string) {
	s.t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; {
		got, err := s.client.GetOrder(s.t.Context(), s.account, acme.Order{Location: order})
		if err != nil {
			s.t.Errorf("the order %s: %v", order, err)
		}
		if err != nil || got.Status == acme.StatusValid || got.Status == acme.StatusInvalid {
			return
		}
		if time.Now().After(end) {
			s.t.Errorf("the order is %s", got.Status)
			return
		}
	}
}

// TestSweepServe has whatever happens to the server at a step of a machine's order: the order is valid or invalid in the end, the machine
// that repeats its request gets its certificate, nothing is left in the DNS, and the CA is asked for no more than was asked for here.
func TestSweepServe(t *testing.T) {
	t.Parallel()
	walk := sweep.Walk{Program: "wildcard serve", Least: 100, Every: map[sweep.Action]int{sweep.Kill: 12, sweep.Term: 60, sweep.ENOSPC: 30, sweep.EIO: 60}}
	walk.Run(t, func(t *testing.T, p sweep.Point) {
		s := newServing(newWorld(t))
		own := len(s.ca.Orders())
		s.begins(p.Environ()...)
		err := s.asks()
		got := s.ends()
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the machine: %v; the server: %d %s%s", err, got.code, got.stdout, got.stderr)
			}
		})
		if !p.Reached() && (err != nil || got.code != 0) {
			t.Fatalf("untouched: %v, exit status %d", err, got.code)
		}
		first := s.order
		s.begins()
		if first != "" {
			order, err := s.client.GetOrder(t.Context(), s.account, acme.Order{Location: first})
			if err != nil || order.Status != acme.StatusReady { // which waits for the machine
				s.final(first)
			}
		}
		if err := s.asks(); err != nil {
			t.Errorf("the machine repeats its request: %v", err)
		}
		if s.final(s.order); first != "" {
			s.final(first)
		}
		s.ends().exits(0)
		s.nothingLeft()
		s.finished(own + 2)
		issued := 0
		for _, order := range s.ca.Orders()[own:] {
			if order.Status == "valid" {
				issued++
			}
		}
		if n := len(s.ca.Orders()) - own; n != issued {
			t.Errorf("%d orders at the CA for %d certificates", n, issued)
		}
	})
}
