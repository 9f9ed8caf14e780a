package acmetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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
	RenewalInfo   Endpoint = "renewal-info"
)

// Options are how the CA is from the start.
type Options struct {
	// Look returns the values of the TXT records at a name, as the CA finds them; nil finds what it looks for.
	Look func(fqdn string) []string
	// Meta is the directory's "meta"; nil has none.
	Meta map[string]any
	// NoRenewalInfo leaves renewal information out of the directory.
	NoRenewalInfo bool
	// EABKeys are the HMAC keys that accounts must be bound with, by key identifier; nil wants no binding.
	EABKeys map[string][]byte
	// TLS replaces the configuration of the listener; nil has a certificate for 127.0.0.1, see [Server.RootPEM].
	TLS *tls.Config
	// ReuseAuthorizations takes valid authorizations of earlier orders for new ones, as Let's Encrypt does.
	ReuseAuthorizations bool
	// Validity of certificates; 0 is 90 days.
	Validity time.Duration
	// Now is the CA's clock, also in the Date of its replies; nil is time.Now.
	Now func() time.Time
	// Boulder makes the CA behave as Let's Encrypt's, apart from the Deviations; false validates inside the POST.
	Boulder bool
	// Deviations are the habits of other CAs. Only for Boulder.
	Deviations Deviations
	// ValidationTime is how long a validation takes by Now; nil is a time between 2 s and 7 s. Only for Boulder.
	ValidationTime func(name string) time.Duration
}

// Request is one request, before it is carried out.
type Request struct {
	Endpoint Endpoint
	Count    int // how many requests for the endpoint there were, this one included
	Method   string
	Path     string
	Header   http.Header
	Payload  []byte // of the JWS, unverified; nil for GET and HEAD
	OrderID  int    // that the request is about; 0 if about none

	server *Server
	body   []byte
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
	options  Options
	realTime bool
	http     *httptest.Server
	ended    chan struct{}

	root, intermediate *x509.Certificate
	signer             *ecdsa.PrivateKey
	issuerPEM          []byte

	mu         sync.Mutex
	scripts    map[Endpoint]Script
	counts     map[Endpoint]int
	nonces     map[string]bool
	accounts   []*account
	orders     []*OrderState
	authz      []*authorization
	violations []string
	failed     int // validations
	serial     int64
}

// Start starts a CA on 127.0.0.1.
func Start(o Options) (*Server, error) {
	if o.Validity == 0 {
		o.Validity = 90 * 24 * time.Hour
	}
	realTime := o.Now == nil
	if realTime {
		o.Now = time.Now
	}
	s := &Server{options: o, realTime: realTime, ended: make(chan struct{}), scripts: map[Endpoint]Script{}, counts: map[Endpoint]int{}, nonces: map[string]bool{}}
	if err := s.makeIssuers(); err != nil {
		return nil, err
	}
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.TLS = o.TLS
	s.http.StartTLS()
	return s, nil
}

// Close ends the CA. Replies that hang are dropped.
func (s *Server) Close() {
	close(s.ended)
	s.mu.Lock()
	for _, a := range s.authz {
		a.running = nil
	}
	s.mu.Unlock()
	s.http.CloseClientConnections()
	s.http.Close()
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

// IssuerPEM is the root of the certificates that the CA issues.
func (s *Server) IssuerPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.root.Raw})
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

// Violations are the requests that no ACME client may send.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// Orders are all orders, oldest first; [Server.Change] changes one.
func (s *Server) Orders() []*OrderState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*OrderState(nil), s.orders...)
}

// Accounts is how many accounts were made.
func (s *Server) Accounts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accounts)
}

// Failed is how many validations have failed.
func (s *Server) Failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s.failed
}

// Answered is how many challenges were answered.
func (s *Server) Answered() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.authz {
		if a.posts > 0 {
			n++
		}
	}
	return n
}

// Answers are how many POSTs each challenge has had that answered it, by the name of the certificate.
func (s *Server) Answers() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	answers := map[string][]int{}
	for _, a := range s.authz {
		name := a.Name
		if a.Wildcard {
			name = "*." + name
		}
		answers[name] = append(answers[name], a.posts)
	}
	return answers
}

// Deactivated is how many authorizations a client has given up.
func (s *Server) Deactivated() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.authz {
		if a.Status == "deactivated" {
			n++
		}
	}
	return n
}

// Change has f change the order with an ID while nobody else does.
func (s *Server) Change(id int, f func(o *OrderState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.orders[id-1])
}

// ForgetAccounts makes the CA forget all accounts, as one that has lost its database.
func (s *Server) ForgetAccounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		a.gone = true
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	endpoint, order := s.endpoint(r.URL.Path)
	request := &Request{Endpoint: endpoint, Method: r.Method, Path: r.URL.Path, Header: r.Header, OrderID: order, Payload: payload(body), server: s, body: body}
	s.mu.Lock()
	s.counts[endpoint]++
	request.Count = s.counts[endpoint]
	script := s.scripts[endpoint]
	s.mu.Unlock()
	reply := (*Reply)(nil)
	if script != nil {
		reply = script(request)
	} else {
		reply = request.Next()
	}
	s.send(w, r, reply)
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, reply *Reply) {
	if reply.Drop || reply.Raw != nil || reply.Write != nil {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
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
		return
	}
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(reply.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(reply.Body)
	}
}

func closeAt(conn net.Conn, ended, stop <-chan struct{}) {
	select {
	case <-ended:
		_ = conn.Close()
	case <-stop:
	}
}

// endpoint tells an endpoint by its path, and the order that it belongs to.
func (s *Server) endpoint(path string) (Endpoint, int) {
	var n int
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	_, _ = fmt.Sscanf(rest, "%d", &n)
	switch Endpoint(kind) {
	case Order, Finalize, Certificate:
		return Endpoint(kind), n
	case Authorization, Challenge:
		s.mu.Lock()
		defer s.mu.Unlock()
		if n < 1 || n > len(s.authz) {
			return Endpoint(kind), 0
		}
		return Endpoint(kind), s.authz[n-1].order
	}
	return Endpoint(kind), 0
}

func (s *Server) url(e Endpoint, n int) string { return fmt.Sprintf("%s/%s/%d", s.http.URL, e, n) }

// sameKey reports whether two public keys are the same.
func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
