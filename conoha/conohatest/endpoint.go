package conohatest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The services of ConoHa that are emulated: values of Request.Service and Match.Service.
const (
	ServiceIdentity = "identity"
	ServiceDNS      = "dns"
)

// mostBody is how long a request body may be, in bytes.
const mostBody = 1 << 20

// endpoint is one host of ConoHa's: the identity or DNS service of one generation.
type endpoint struct {
	Service *Service
	service string
	version int
	url     string
	server  *http.Server
	ended   chan error
	open    sync.WaitGroup // connections
}

func endpointKey(service string, version int) string { return service + strconv.Itoa(version) }

func (e *endpoint) key() string { return endpointKey(e.service, e.version) }

// connKey is the context key of the number of the connection.
type connKey struct{}

func listenHTTP(s *Service, service string, version int) (*endpoint, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{
		Service: s, service: service, version: version,
		url:   "http://" + listener.Addr().String(),
		ended: make(chan error, 1),
	}
	e.server = &http.Server{
		Handler:  e,
		ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.connections++
			return context.WithValue(ctx, connKey{}, s.connections)
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				e.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				e.open.Done()
			}
		},
	}
	go func() { e.ended <- e.server.Serve(listener) }()
	return e, nil
}

func (e *endpoint) close() error {
	err := e.server.Close()
	if served := <-e.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	e.open.Wait()
	return err
}

// reply is what goes back to the client.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	refused string // why, if it is a refusal
}

// call is one HTTP call under way.
type call struct {
	*http.Request
	body []byte
}

// ServeHTTP logs a call, lets a fault strike it, and else answers it. What the log says of a call is complete before the
// client hears of it.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c := call{r, body}
	entry, latency := e.arrive(c)
	if !e.Service.sleep(r.Context(), latency) {
		panic(http.ErrAbortHandler)
	}
	answer, truncated := e.answerWithFaults(c, entry)
	e.Service.finish(entry, answer)
	header := w.Header()
	for name, values := range answer.header {
		header[name] = values
	}
	header.Set("Date", e.Service.now().UTC().Format(http.TimeFormat))
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // or else net/http guesses one
	}
	if truncated {
		header.Set("Content-Length", strconv.Itoa(len(answer.body)+100))
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body[:len(answer.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if answer.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(answer.body))
	}
}

// sleep waits, and reports whether the call is to go on: not if the client or the Service has ended.
func (s *Service) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

// answer does what the call asks, unless it is to be refused.
func (e *endpoint) answer(c call) reply {
	e.Service.mu.Lock()
	defer e.Service.mu.Unlock()
	var (
		answer reply
		err    *refusal
	)
	if e.service == ServiceIdentity {
		answer, err = e.identity(c)
	} else {
		answer, err = e.dns(c)
	}
	if err != nil {
		answer = e.refuse(err)
	}
	if answer.header == nil {
		answer.header = http.Header{}
	}
	if e.version == 2 {
		answer.header.Set("Server", "openresty/1.7.10.1")
		answer.header.Set("X-Openstack-Request-Id", "req-"+e.Service.unique())
	}
	return answer
}
