package boulder

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Exchange is a request that came to the CA, and its reply.
type Exchange struct {
	At       time.Time     // when it came
	Took     time.Duration // until the reply was sent
	Method   string
	Path     string // with the query
	Agent    string
	Nonce    string          // of the JWS
	Account  string          // URL of the account that signed, "" for a key
	Payload  json.RawMessage // of the JWS; empty of POST-as-GET
	Status   int
	Header   http.Header // of the reply
	Reply    []byte
	Protocol string // HTTP/1.1 or HTTP/2.0
}

// Problem is the type of a reply that is an error, without "urn:ietf:params:acme:error:"; "" of others.
func (e Exchange) Problem() string {
	var problem struct{ Type string }
	if e.Status < 400 || json.Unmarshal(e.Reply, &problem) != nil {
		return ""
	}
	return strings.TrimPrefix(problem.Type, "urn:ietf:params:acme:error:")
}

// front is the reverse proxy before wfe2.
type front struct {
	proxy *httputil.ReverseProxy

	mu        sync.Mutex
	exchanges []Exchange
	before    []*trap
}

// trap is something that happens once, before a request is passed on.
type trap struct {
	match func(Exchange) bool
	do    func()
	done  bool
	alone chan struct{} // closed when do has returned, if other requests wait for it
}

func newFront(wfe string) *front {
	upstream := &url.URL{Scheme: "http", Host: wfe}
	return &front{proxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "https")
			r.Out.Header.Set("X-Real-IP", clientOf(r.In.RemoteAddr))
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { // as nginx does, which is before Let's Encrypt's
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>")
		},
	}}
}

// clientOf is the address that Boulder counts accounts by: one for each connection, as if it came from a network of its own
// (RFC 2544), since an address may have no more than ten accounts in three hours.
func clientOf(remote string) string {
	_, port, _ := net.SplitHostPort(remote)
	n, _ := strconv.Atoi(port)
	return fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff)
}

// ServeHTTP passes a request on, and writes it down with its reply.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e := Exchange{At: time.Now(), Method: r.Method, Path: r.URL.RequestURI(), Agent: r.UserAgent(), Protocol: r.Proto}
	e.decode(body)
	f.spring(e)
	recorder := &recorder{ResponseWriter: w}
	f.proxy.ServeHTTP(recorder, r)
	e.Took, e.Status, e.Header, e.Reply = time.Since(e.At), recorder.status, w.Header().Clone(), recorder.body.Bytes()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exchanges = append(f.exchanges, e)
}

// decode reads a JWS (RFC 7515 §7.2.2), without a look at the signature: that is Boulder's business.
func (e *Exchange) decode(body []byte) {
	var jws struct{ Protected, Payload string }
	if json.Unmarshal(body, &jws) != nil {
		return
	}
	var protected struct{ Nonce, Kid string }
	if text, err := base64.RawURLEncoding.DecodeString(jws.Protected); err == nil &&
		json.Unmarshal(text, &protected) == nil {
		e.Nonce, e.Account = protected.Nonce, protected.Kid
	}
	if text, err := base64.RawURLEncoding.DecodeString(jws.Payload); err == nil {
		e.Payload = text
	}
}

// spring does what is to happen before a request.
func (f *front) spring(e Exchange) {
	f.mu.Lock()
	var due []func()
	for _, t := range f.before {
		switch {
		case !t.done && t.match(e):
			t.done = true
			due = append(due, t.run)
		case t.done && t.alone != nil:
			due = append(due, func() { <-t.alone })
		}
	}
	f.mu.Unlock()
	for _, do := range due {
		do()
	}
}

func (t *trap) run() {
	t.do()
	if t.alone != nil {
		close(t.alone)
	}
}

// recorder keeps a copy of a reply.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(text []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(text)
	return r.ResponseWriter.Write(text)
}

// Exchanges are all so far, in the order in which their replies were sent.
func (c *CA) Exchanges() []Exchange {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	return append([]Exchange(nil), c.front.exchanges...)
}

// Before has something done once, before the first request that matches is passed on.
func (c *CA) Before(match func(Exchange) bool, do func()) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	c.front.before = append(c.front.before, &trap{match: match, do: do})
}

// BeforeAlone is Before with something that all requests wait for which come meanwhile.
func (c *CA) BeforeAlone(match func(Exchange) bool, do func()) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	c.front.before = append(c.front.before, &trap{match: match, do: do, alone: make(chan struct{})})
}

// Challenge is what came to the CA for one challenge of a name.
type Challenge struct {
	URL     string
	Name    string     // with "*." of a wildcard
	Type    string     // dns-01 and others
	Answers []Exchange // that the CA took or refused; those whose nonce was refused were none
}

// Taken is how many answers the CA took.
func (c *Challenge) Taken() (n int) {
	for _, e := range c.Answers {
		if e.Status < 400 {
			n++
		}
	}
	return n
}

// Challenges are all of the names of a zone that a client has seen.
func (c *CA) Challenges(zone string) (all []*Challenge) {
	byURL := map[string]*Challenge{}
	for _, e := range c.Exchanges() {
		var a struct {
			Identifier struct{ Value string }
			Wildcard   bool
			Challenges []struct{ Type, URL string }
		}
		if !strings.HasPrefix(e.Path, "/acme/authz/") || json.Unmarshal(e.Reply, &a) != nil {
			continue
		}
		if name := a.Identifier.Value; name != zone && !strings.HasSuffix(name, "."+zone) {
			continue
		}
		name := a.Identifier.Value
		if a.Wildcard {
			name = "*." + name
		}
		for _, challenge := range a.Challenges {
			if byURL[challenge.URL] == nil {
				byURL[challenge.URL] = &Challenge{URL: challenge.URL, Name: name, Type: challenge.Type}
				all = append(all, byURL[challenge.URL])
			}
		}
	}
	for _, e := range c.Exchanges() {
		challenge := byURL[c.url()+e.Path]
		if challenge != nil && e.Method == http.MethodPost && len(e.Payload) > 0 && e.Problem() != "badNonce" {
			challenge.Answers = append(challenge.Answers, e)
		}
	}
	return all
}
