package conohatest

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options say what a Service is like. The zero value is one without any delay.
type Options struct {
	// Latency is how long every HTTP call takes at least. SetLatency changes it.
	Latency time.Duration
	// PublicationDelay is, for each name server of a generation in turn and then from the start again, how long after a
	// change made over HTTP it serves it. NameServer.SetPublicationDelay changes it.
	PublicationDelay []time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// CommonPort gives every name server a loopback address of its own (127.0.0.11 and so on) and all of them one port,
	// so that a program finds them by look-ups and needs only to be told the port. It needs a system where all of
	// 127.0.0.0/8 is local, as on Linux.
	CommonPort bool
	// Switches choose among behaviours of the real service that are not known for sure.
	Switches Switches
}

// Service is a running fake. Its methods may be called concurrently.
type Service struct {
	now  func() time.Time
	done chan struct{} // closed by Close

	endpoints  map[string]*endpoint // by service and version: "identity2"
	servers    []*NameServer        // Ver.2.0's, Ver.3.0's, the outside one
	resolver   *recursor
	validation *recursor
	closed     sync.Once

	mu          sync.Mutex // guards all below, and everything reachable from it
	latency     time.Duration
	switches    Switches
	serial      int // last number given out by unique
	accounts    []*Account
	tokens      map[string]*token
	zones       []*zone
	published   map[string][]time.Time // by name, value and generation: when each server began to serve it
	delegations map[string]*delegation // by zone
	addresses   map[string][]string    // of host names, where they differ from the default
	faults      []*ActiveFault
	requests    []*Request
	questions   []Question
	connections int
}

// Start starts a Service. All its ports are open when it returns.
func Start(o Options) (*Service, error) {
	s := &Service{
		now:         o.Now,
		done:        make(chan struct{}),
		endpoints:   map[string]*endpoint{},
		latency:     o.Latency,
		switches:    o.Switches,
		tokens:      map[string]*token{},
		published:   map[string][]time.Time{},
		delegations: map[string]*delegation{},
		addresses:   map[string][]string{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.start(o); err != nil {
		s.Close()
		return nil, fmt.Errorf("conohatest: start: %w", err)
	}
	return s, nil
}

func (s *Service) start(o Options) error {
	for _, version := range []int{2, 3} {
		for _, service := range []string{ServiceIdentity, ServiceDNS} {
			e, err := listenHTTP(s, service, version)
			if err != nil {
				return err
			}
			s.endpoints[e.key()] = e
		}
	}
	if err := s.startNameServers(o); err != nil {
		return err
	}
	s.resolver = &recursor{service: s, name: ResolverName, negative: map[cacheKey]negativeAnswer{}, turn: map[string]int{}}
	s.validation = &recursor{service: s, name: ValidationResolverName, turn: map[string]int{}}
	for _, r := range []*recursor{s.resolver, s.validation} {
		sockets, err := listenDNS([]string{"127.0.0.1"})
		if err != nil {
			return err
		}
		r.socket = sockets[0]
		if err := r.socket.serve(r); err != nil {
			return err
		}
	}
	return nil
}

// Close ends everything at once: calls that hang are dropped, and no goroutine is left. It may be called twice.
func (s *Service) Close() error {
	var errs []error
	s.closed.Do(func() {
		close(s.done)
		for _, e := range s.endpoints {
			errs = append(errs, e.close())
		}
		for _, server := range s.servers {
			errs = append(errs, server.socket.close())
		}
		for _, r := range []*recursor{s.resolver, s.validation} {
			if r != nil && r.socket != nil {
				errs = append(errs, r.socket.close())
			}
		}
	})
	return errors.Join(errs...)
}

// SetLatency changes Options.Latency, from the next call on.
func (s *Service) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// IdentityURL is the base URL of the identity service of a generation (2 or 3): http://127.0.0.1:PORT/v2.0 or /v3.
func (s *Service) IdentityURL(version int) string {
	url := s.endpoint(ServiceIdentity, version).url
	if version == 3 {
		return url + "/v3"
	}
	return url + "/v2.0"
}

// DNSURL is the base URL of the DNS service of a generation (2 or 3): http://127.0.0.1:PORT, without /v1.
func (s *Service) DNSURL(version int) string { return s.endpoint(ServiceDNS, version).url }

func (s *Service) endpoint(service string, version int) *endpoint {
	e := s.endpoints[endpointKey(service, version)]
	if e == nil {
		panic(fmt.Sprintf("conohatest: there is no version %d", version))
	}
	return e
}

// Resolver is the address, 127.0.0.1:PORT for UDP and TCP, of a recursive resolver that remembers for an hour that a name
// does not exist (RFC 2308; the SOA's minimum is 3600 s).
func (s *Service) Resolver() string { return s.resolver.socket.addr }

// ValidationResolver is the address of a resolver for a CA: it remembers nothing, and asks the servers of a zone in turn.
func (s *Service) ValidationResolver() string { return s.validation.socket.addr }

// FlushResolver makes Resolver forget what it remembers.
func (s *Service) FlushResolver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.resolver.negative)
}
