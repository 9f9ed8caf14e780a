package conohatest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one HTTP call, as received.
type Request struct {
	Service string // ServiceIdentity or ServiceDNS
	Version int    // generation, 2 or 3
	Method  string
	Path    string // escaped, as received
	Query   string // raw
	Header  http.Header
	Body    []byte
	Conn    int // number of the connection, counted from 1 through the life of the Service
	At      time.Time

	Status  int    // 0: no reply yet, or never
	Refused string // why the call was refused, in words
	Faulted bool   // a Fault struck it
}

// Create reports whether the request creates a record.
func (r Request) Create() bool {
	return r.Service == ServiceDNS && r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/records")
}

// Delete reports whether the request deletes something.
func (r Request) Delete() bool { return r.Service == ServiceDNS && r.Method == http.MethodDelete }

// Login reports whether the request asks for a token.
func (r Request) Login() bool { return r.Service == ServiceIdentity && r.Method == http.MethodPost }

// ZoneList reports whether the request lists domains.
func (r Request) ZoneList() bool {
	return r.Service == ServiceDNS && r.Method == http.MethodGet && strings.HasSuffix(r.Path, "/domains")
}

// RecordList reports whether the request lists the records of a zone.
func (r Request) RecordList() bool {
	return r.Service == ServiceDNS && r.Method == http.MethodGet && strings.HasSuffix(r.Path, "/records")
}

// Calls counts requests by what they ask, whatever came of them.
type Calls struct {
	Logins, ZoneLists, RecordLists, Gets, Creates, Deletes, Other int
	Connections                                                   int // over which they came
}

// arrive logs a call that has just come.
func (e *endpoint) arrive(c call) (*Request, time.Duration) {
	conn, _ := c.Context().Value(connKey{}).(int)
	r := &Request{
		Service: e.service, Version: e.version,
		Method: c.Method, Path: c.URL.EscapedPath(), Query: c.URL.RawQuery,
		Header: c.Header.Clone(), Body: c.body, Conn: conn, At: e.Service.now(),
	}
	e.Service.mu.Lock()
	defer e.Service.mu.Unlock()
	e.Service.requests = append(e.Service.requests, r)
	return r, e.Service.latency
}

// finish logs what came of a call.
func (s *Service) finish(r *Request, answer reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Status, r.Refused = answer.status, answer.refused
}

// Log is every HTTP call since the start or the last ResetLog, in the order of arrival.
func (s *Service) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.requests))
	for i, r := range s.requests {
		out[i] = *r
	}
	return out
}

// ResetLog empties Log and Questions.
func (s *Service) ResetLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.questions = nil, nil
}

// Count is the number of requests in the log that match.
func (s *Service) Count(match func(Request) bool) int {
	n := 0
	for _, r := range s.Log() {
		if match(r) {
			n++
		}
	}
	return n
}

// Calls is a summary of the log.
func (s *Service) Calls() Calls {
	var c Calls
	conns := map[int]bool{}
	for _, r := range s.Log() {
		conns[r.Conn] = true
		switch {
		case r.Login():
			c.Logins++
		case r.ZoneList():
			c.ZoneLists++
		case r.RecordList():
			c.RecordLists++
		case r.Create():
			c.Creates++
		case r.Delete():
			c.Deletes++
		case r.Service == ServiceDNS && r.Method == http.MethodGet:
			c.Gets++
		default:
			c.Other++
		}
	}
	c.Connections = len(conns)
	return c
}

// Question is one DNS question, as received.
type Question struct {
	Server  string // host name of the name server, ResolverName or ValidationResolverName
	Name    string // as asked, with a trailing dot
	Type    string // "TXT"
	Network string // "udp" or "tcp"
	At      time.Time
}

// Questions is every DNS question since the start or the last ResetLog, in the order of arrival.
func (s *Service) Questions() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.questions)
}
