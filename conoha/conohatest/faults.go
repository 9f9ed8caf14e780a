package conohatest

import (
	"bytes"
	"cmp"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Match says which calls a Fault is for. Empty fields match every call.
type Match struct {
	Service    string // ServiceIdentity or ServiceDNS
	Version    int
	Method     string
	PathSuffix string             // such as "/records"
	Func       func(Request) bool // it must not call the Service
}

func (m Match) matches(r Request) bool {
	return (m.Service == "" || m.Service == r.Service) &&
		(m.Version == 0 || m.Version == r.Version) &&
		(m.Method == "" || m.Method == r.Method) &&
		strings.HasSuffix(r.Path, m.PathSuffix) &&
		(m.Func == nil || m.Func(r))
}

// Fault is something that goes wrong with calls. Without After, nothing is checked or written before it strikes; with it,
// the call is first carried out as always, and its reply is lost. A fault with only a Delay or Truncated lets the call be
// carried out as always.
type Fault struct {
	Match Match
	Nth   int // the first of the matching calls to be struck; 0 and 1: the first of all
	Times int // how many calls are struck; 0: one; negative: all

	After bool          // the write takes effect
	Delay time.Duration // real time, before anything below
	Hang  bool          // no reply, until the client goes away or the Service is closed
	Drop  bool          // the connection is closed without a reply

	// Any of these makes a reply of its own.

	Status   int         // default 502 with HTML, 302 with Redirect, else 200
	Header   http.Header // added; with Retry-After a 429 or 503 is complete
	Body     string      // default: an error body in the words of the service, if Status is one of 400 and more
	HTML     bool        // the body is a proxy's error page
	Huge     int         // the body is JSON of that many bytes
	Echo     bool        // the body repeats the request's body and token
	NoBody   bool        // the body is empty
	Redirect string      // Location

	Truncated bool // Content-Length is longer than what is sent
}

// ActiveFault is a Fault that was given to a Service.
type ActiveFault struct {
	service    *Service
	fault      Fault
	seen, hits int
}

// Fault makes calls fail from now on. A call that several faults match is struck by the first of them.
func (s *Service) Fault(f Fault) *ActiveFault {
	active := &ActiveFault{service: s, fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, active)
	return active
}

// ClearFaults ends all faults. Calls that hang stay so.
func (s *Service) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Hits is how many calls the fault has struck.
func (a *ActiveFault) Hits() int {
	a.service.mu.Lock()
	defer a.service.mu.Unlock()
	return a.hits
}

// Remove ends the fault.
func (a *ActiveFault) Remove() {
	a.service.mu.Lock()
	defer a.service.mu.Unlock()
	a.service.faults = slices.DeleteFunc(a.service.faults, func(other *ActiveFault) bool { return other == a })
}

// strike returns the fault that strikes a call, or nil.
func (s *Service) strike(r *Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var struck *Fault
	for _, a := range s.faults {
		if !a.fault.Match.matches(*r) {
			continue
		}
		a.seen++
		first, times := max(a.fault.Nth, 1), cmp.Or(a.fault.Times, 1)
		if struck == nil && a.seen >= first && (times < 0 || a.hits < times) {
			a.hits++
			struck = &a.fault
			r.Faulted = true
		}
	}
	return struck
}

// answerWithFaults answers a call as the fault that strikes it wants.
func (e *endpoint) answerWithFaults(c call, entry *Request) (answer reply, truncated bool) {
	f := e.Service.strike(entry)
	if f == nil {
		return e.answer(c), false
	}
	if f.After {
		answer = e.answer(c)
	}
	if !e.Service.sleep(c.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Hang {
		select {
		case <-c.Context().Done():
		case <-e.Service.done:
		}
		panic(http.ErrAbortHandler)
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 || f.Body != "" || f.HTML || f.Huge > 0 || f.Echo || f.NoBody || f.Redirect != "" {
		answer = e.faultReply(f, c)
	} else if !f.After {
		answer = e.answer(c)
	}
	if answer.header == nil {
		answer.header = http.Header{}
	}
	for name, values := range f.Header {
		answer.header[name] = values
	}
	if f.Truncated && answer.status == http.StatusNoContent {
		answer.status = http.StatusOK
	}
	return answer, f.Truncated
}

func (e *endpoint) faultReply(f *Fault, c call) reply {
	answer := reply{status: f.Status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(f.Body)}
	switch {
	case f.HTML:
		answer.status = cmp.Or(answer.status, http.StatusBadGateway)
		answer.header.Set("Content-Type", "text/html")
		title := html.EscapeString(http.StatusText(answer.status))
		answer.body = []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n" +
			"<body><h1>" + title + "</h1></body>\r\n</html>\r\n")
	case f.Redirect != "":
		answer.status = cmp.Or(answer.status, http.StatusFound)
		answer.header.Set("Location", f.Redirect)
	case f.Huge > 0:
		const start, end = `{"error":"`, `"}`
		filler := bytes.Repeat([]byte("x"), max(f.Huge-len(start)-len(end), 0))
		answer.body = slices.Concat([]byte(start), filler, []byte(end))
	case f.Echo:
		answer.body = encode(map[string]any{
			"code": f.Status, "error": "cannot handle " + string(c.body) + " of " + c.Header.Get("X-Auth-Token"),
		})
	case f.NoBody:
		answer.body = nil
		answer.header.Del("Content-Type")
	case f.Body == "" && f.Status >= 400:
		e.Service.mu.Lock()
		answer.body = e.trouble(f.Status)
		e.Service.mu.Unlock()
	}
	answer.status = cmp.Or(answer.status, http.StatusOK)
	return answer
}
