// Package acmednstest is acme-dns (https://github.com/joohoi/acme-dns, v1.0) on loopback, made anew for tests: its HTTP API
// and the DNS that serves what came over it. It refuses what the real one refuses, with the same statuses and bodies, and
// has its ways: two values for each name, an update takes the place of the one with the older time in whole seconds, and of
// the first one if the times are equal; what is not there at all is NXDOMAIN, and names of others are answered without
// authority.
//
// It is not acme-dns itself, since that is no module that can be installed as one.
package acmednstest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Server is a running server. Its methods may be called concurrently.
type Server struct {
	domain string // with a trailing dot
	web    *http.Server
	url    string
	dns    []*dns.Server
	addr   string
	now    func() time.Time

	mu       sync.Mutex
	accounts []*account
	requests []string // "POST /update"
	closed   bool     // to registrations
	meet     func(path string) *Fault
}

type account struct {
	username, password, subdomain string
	allow                         []*net.IPNet
	rows                          [2]row
}

type row struct {
	value   string
	updated int64 // Unix time
}

// Fault is what happens to a request in place of an answer, or after it was carried out.
type Fault struct {
	Status int           // this status and no effect; 0 carries it out
	Body   string        // with Status
	Header http.Header   // with Status
	Drop   bool          // the connection is closed: with Status before the request was carried out, else after it
	Hang   chan struct{} // the request waits until it is closed, and is then not carried out
}

// Start starts a server for the zone domain. All its ports are open when it returns.
func Start(domain string) (*Server, error) {
	s := &Server{domain: strings.TrimSuffix(domain, ".") + ".", now: time.Now}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("acmednstest: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	s.web = &http.Server{Handler: s.routes(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.web.Serve(listener) }()
	if err := s.serveDNS(); err != nil {
		s.Close()
		return nil, fmt.Errorf("acmednstest: %w", err)
	}
	return s, nil
}

// Close ends the server.
func (s *Server) Close() error {
	errs := []error{s.web.Close()}
	for _, server := range s.dns {
		errs = append(errs, server.Shutdown())
	}
	return errors.Join(errs...)
}

// URL is the base URL of the API.
func (s *Server) URL() string { return s.url }

// Addr is the address of the DNS server, UDP and TCP.
func (s *Server) Addr() string { return s.addr }

// Texts returns the values at a name that are not empty.
func (s *Server) Texts(fqdn string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var values []string
	for _, a := range s.accounts {
		if strings.EqualFold(strings.TrimSuffix(fqdn, "."), strings.TrimSuffix(a.subdomain+"."+s.domain, ".")) {
			for _, r := range a.rows {
				if r.value != "" {
					values = append(values, r.value)
				}
			}
		}
	}
	return values
}

// Names returns the registered names, in the order of registration, with trailing dots.
func (s *Server) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, a := range s.accounts {
		names = append(names, a.subdomain+"."+s.domain)
	}
	return names
}

// Requests returns the method and path of every request.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Meet has the requests meet with faults: f is asked at each, under its path, and returns nil for none. A nil f ends it.
func (s *Server) Meet(f func(path string) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet = f
}

// CloseRegistration is disable_registration of the configuration.
func (s *Server) CloseRegistration() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// SetClock sets the server's clock.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// uuid returns a random UUID (RFC 9562 §5.4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
