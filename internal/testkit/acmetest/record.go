package acmetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// most404 is how often a client may ask for what is not found: a look that meets a lagging replica deserves a few more.
const most404 = 10

// violate notes what a client does that no ACME client may, or that Boulder counts against it.
func (s *Server) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// Violations are the requests that no ACME client may send: forged, malformed, against RFC 8555. And those that Let's Encrypt's rate
// limits count against their sender: a second answer to a challenge that was taken, an authorization given up while it was pending,
// asking on and on for what is not found, a new order before the refusal of the last has ended.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// noteAnswer notes an answer to a challenge that was answered already, while the connection is there over which the CA has said that
// it took it: a program that was killed, or never heard of it, is free to. So is one that the CA has told an error.
func (s *Server) noteAnswer(a *authorization) {
	if s.connections[a.told] && a.Status == "pending" && a.Problem == nil {
		s.violate("answers the challenge of %s again while it is validated: %d answers", a.name(), a.posts+1)
	}
}

// noteReply notes what was told of a request: whether an answer was taken, and what was not found.
func (s *Server) noteReply(r *Request, reply *Reply, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := !reply.Drop && reply.Raw == nil && reply.Write == nil
	if r.Endpoint == Challenge && len(r.Payload) > 0 && told && (reply.Status < 400 || reply.Status == 409) {
		if _, n, ok := r.numbers(); ok && n >= 1 && n <= len(s.authz) {
			s.authz[n-1].told = from
		}
	}
	if told && reply.Status == 404 && (r.Endpoint == Order || r.Endpoint == Authorization) {
		if s.notFound[r.Path]++; s.notFound[r.Path] == most404+1 {
			s.violate("%s %s: has been answered 404 %d times", r.Method, r.Path, most404)
		}
	}
}

// refusal is a new order that was refused until some time.
type refusal struct {
	names string
	until time.Time
	by    *account
}

// refusedUntil notes a new order for the same names before the time that the last refusal has named.
func (s *Server) refusedUntil(by *account, names []string, reply *Reply) {
	seconds, err := strconv.Atoi(reply.Header.Get("Retry-After"))
	if err != nil {
		return
	}
	now, list := s.options.Now(), strings.Join(names, " ")
	if slices.ContainsFunc(s.refusals, func(r refusal) bool {
		return r.by == by && r.names == list && now.Before(r.until)
	}) {
		s.violate("orders %s again before the Retry-After of the refusal is over", list)
	}
	s.refusals = append(s.refusals, refusal{list, now.Add(time.Duration(seconds) * time.Second), by})
}

// Arrival is a request and when it came, by the timer.
type Arrival struct {
	Endpoint Endpoint
	Method   string
	Path     string
	Post     bool // with a payload: no POST-as-GET
	At       time.Time
}

// Log is every request, in the order of arrival.
func (s *Server) Log() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Busiest is the largest number of requests that came within a second, of all endpoints or of those given.
func (s *Server) Busiest(endpoints ...Endpoint) int {
	most := 0
	var times []time.Time
	for _, r := range s.Log() {
		if len(endpoints) > 0 && !slices.Contains(endpoints, r.Endpoint) {
			continue
		}
		times = append(times, r.At)
		for times[0].Before(r.At.Add(-time.Second)) {
			times = times[1:]
		}
		most = max(most, len(times))
	}
	return most
}

// Busy is how many requests the load balancer has refused.
func (s *Server) Busy() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}
