package acmetest

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Endpoint is one kind of resource (RFC 8555 §7.1).
type Endpoint string

// The endpoints.
const (
	Directory     Endpoint = "directory"
	NewNonce      Endpoint = "new-nonce"
	NewAccount    Endpoint = "new-account"
	Account       Endpoint = "account"
	NewOrder      Endpoint = "new-order"
	Order         Endpoint = "order"
	Authorization Endpoint = "authorization"
	Challenge     Endpoint = "challenge"
	Finalize      Endpoint = "finalize"
	Certificate   Endpoint = "certificate"
	RevokeCert    Endpoint = "revoke-cert"
	KeyChange     Endpoint = "key-change"
	RenewalInfo   Endpoint = "renewal-info"
)

// Request is one request, before it is carried out.
type Request struct {
	Endpoint Endpoint
	Count    int // how many requests for the endpoint there were, this one included
	Method   string
	Path     string
	Header   http.Header
	Payload  []byte // of the JWS, unverified; nil for GET and HEAD
	OrderID  int    // that the request is about; 0 if about none
	Number   int    // of the order or authorization in the path; 0 if there is none

	server *Server
	body   []byte
	rest   []string // of the path, behind the endpoint's
}

// Next carries the request out and returns the reply that is due.
func (r *Request) Next() *Reply { return r.server.carryOut(r) }

// Reply is what is answered.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte

	Drop  bool                    // the connection is closed without an answer
	Raw   []byte                  // these bytes are sent in place of an answer, and the connection is closed
	Write func(w io.Writer) error // writes in place of Raw; the connection is closed when it returns
}

// Script decides on the reply to a request.
type Script func(r *Request) *Reply

// Server is a running CA.
type Server struct {
	options    Options
	realTime   bool // validations go on by themselves
	http       *httptest.Server
	resolver   Resolver
	hierarchy  *hierarchy
	started    time.Time
	ended      chan struct{}
	background sync.WaitGroup
	settling   sync.Mutex   // one at a time carries validations out; before mu
	asking     atomic.Int32 // requests for renewal information under way

	mu           sync.Mutex
	scripts      map[Endpoint]Script
	counts       map[Endpoint]int
	nonces       *nonces
	accounts     []*account
	bindings     map[string]bool // external account keys that were used
	orders       []*OrderState
	authz        []*authorization
	certificates []*certificate
	memory       map[question]remembered
	shares       map[Endpoint]*bucket // of the load balancer
	allowances   map[string]*bucket   // of the rate limits
	failed       map[failure]int
	paused       map[string]bool
	persist      Persist
	troubles     int // validations that will fail by the CA's own fault
	posts, looks int
	requests     int
	busy         int
	violations   []string
	notFound     map[string]int // replies of 404, by path
	refusals     []refusal
	log          []Arrival
	connections  map[string]bool // that are open, by the client's address
}

// Start starts a CA on 127.0.0.1.
func Start(o Options) (*Server, error) {
	s := &Server{
		realTime: o.Now == nil || o.RealTimer, ended: make(chan struct{}),
		scripts: map[Endpoint]Script{}, counts: map[Endpoint]int{}, nonces: newNonces(o.Deviations.NonceLength),
		bindings: map[string]bool{}, memory: map[question]remembered{}, shares: map[Endpoint]*bucket{},
		allowances: map[string]*bucket{}, failed: map[failure]int{}, paused: map[string]bool{}, notFound: map[string]int{},
		connections: map[string]bool{},
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s.options, s.started, s.resolver = o, o.Now(), o.Resolver
	if s.persist = o.Persist; o.Staging && s.persist == NoPersist {
		s.persist = PersistPlain
	}
	if s.resolver == nil && o.Look != nil {
		s.resolver = lookWithTTL{LookFunc(o.Look), o.LookTTL}
	}
	var err error
	if s.hierarchy, err = newHierarchy(); err != nil {
		return nil, err
	}
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.Config.ConnState = s.connection
	s.http.TLS = o.TLS
	s.http.EnableHTTP2 = !o.HTTP1
	s.http.StartTLS()
	return s, nil
}

// connection keeps in mind which clients are there.
func (s *Server) connection(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.connections[c.RemoteAddr().String()] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.connections, c.RemoteAddr().String())
	case http.StateActive, http.StateIdle:
	}
}

// timer is the time that validations, the resolvers' memory and the load balancer go by.
func (s *Server) timer() time.Time {
	if s.realTime {
		return time.Now()
	}
	return s.options.Now()
}

// Close ends the CA. Replies that hang are dropped.
func (s *Server) Close() {
	close(s.ended)
	s.http.CloseClientConnections()
	s.http.Close()
	s.background.Wait()
}

// Ended is closed by [Server.Close], for scripts that hang.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// DirectoryURL is the URL of the directory.
func (s *Server) DirectoryURL() string { return s.http.URL + "/directory" }

// Host is the host and port.
func (s *Server) Host() string { return s.http.Listener.Addr().String() }

// RootPEM is what a client has to trust for the CA's own TLS.
func (s *Server) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// On lets a script decide on the replies of an endpoint from now on; nil ends it.
func (s *Server) On(e Endpoint, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[e] = script
	s.counts[e] = 0
}

// Count is how many requests an endpoint has had since its script was set.
func (s *Server) Count(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[e]
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	request := &Request{Method: r.Method, Path: r.URL.Path, Header: r.Header, Payload: payload(body), server: s,
		body: body}
	request.Endpoint, request.rest = route(r.URL.Path)
	_, request.Number, _ = request.numbers()
	s.mu.Lock()
	s.counts[request.Endpoint]++
	request.Count = s.counts[request.Endpoint]
	request.OrderID = s.orderOf(request)
	script := s.scripts[request.Endpoint]
	s.log = append(s.log, Arrival{request.Endpoint, r.Method, r.URL.Path, len(request.Payload) > 0, s.timer()})
	s.mu.Unlock()
	reply := (*Reply)(nil)
	if script != nil {
		reply = script(request)
	} else {
		reply = request.Next()
	}
	s.noteReply(request, reply, r.RemoteAddr)
	s.send(w, r, reply)
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, reply *Reply) {
	if reply.Drop && r.ProtoMajor > 1 {
		panic(http.ErrAbortHandler) // ends the stream
	}
	if reply.Drop || reply.Raw != nil || reply.Write != nil {
		s.sendRaw(w, reply)
		return
	}
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if reply.Header.Get("Content-Type") == "application/pem-certificate-chain" {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body))) // the rest is as net/http does it
	}
	w.WriteHeader(reply.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(reply.Body)
	}
}

// sendRaw takes the connection over. It can only with HTTP/1.1.
func (s *Server) sendRaw(w http.ResponseWriter, reply *Reply) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.violate("a script sends raw bytes over HTTP/2: it needs Options.HTTP1")
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	stop := make(chan struct{})
	defer close(stop)
	go closeAt(conn, s.ended, stop)
	switch {
	case reply.Write != nil:
		_ = reply.Write(conn)
	case reply.Raw != nil:
		_, _ = conn.Write(reply.Raw)
	}
}

func closeAt(conn net.Conn, ended, stop <-chan struct{}) {
	select {
	case <-ended:
		_ = conn.Close()
	case <-stop:
	}
}
