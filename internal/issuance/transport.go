package issuance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"wildcard/internal/system/failpoint"
)

const (
	maxBody       = 1 << 20 // bytes of a reply, as large as a certificate chain may be
	minRetryAfter = time.Second
	maxRetryAfter = 24 * time.Hour
	keptBody      = 64 << 10

	// Let's Encrypt's load balancer takes 20 requests for a nonce a second from one address, and 10 at once; of others many
	// more. HTTP/2 carries any number of requests on one connection, so it is these that are counted.
	requestsAtOnce = 8 // to one CA
	noncesInTime   = 10
	nonceSpan      = time.Second
)

// errTimeout is the cause of a request that took longer than one may.
var errTimeout = errors.New("no complete answer in time")

// errNotNeeded is the cause of a request that the run ended itself, since it knows by now what it asked for. It is no failure.
var errNotNeeded = errors.New("no longer needed")

// replyError is an answer that breaks the protocol.
type replyError struct{ text string }

func (e *replyError) Error() string { return e.text }

// newBase returns the connections to a CA. Proxies are those of HTTPS_PROXY and NO_PROXY.
func newBase(roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        requestsAtOnce,
		MaxIdleConnsPerHost:    requestsAtOnce,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // an encoding that was not asked for is refused, and so is every bomb
	}
}

// transport carries lego's requests to one CA and judges the replies (package comment). One belongs to one session.
type transport struct {
	ctx       context.Context //nolint:containedctx // lego's calls have none; this is how a session ends them
	base      http.RoundTripper
	directory *url.URL
	document  []byte // the directory as it was read, so that lego need not read it again; nil before that
	newNonce  string // URL
	nonces    *nonces
	agent     string
	timeout   time.Duration
	now       func() time.Time
	log       *slog.Logger
	slots     chan struct{} // of the CA
	asking    *pace         // of the CA

	mu     sync.Mutex
	last   map[string]reply // by URL, what lego drops
	nonced nonceFailure
	// spell puts a reply into the words that lego compares, see spelled; nil leaves it as it is.
	spell func(url string, body []byte) []byte
}

// nonceFailure is the last request for a nonce that failed. The JOSE library asks for nonces while it signs, and makes plain
// text of the error.
type nonceFailure struct {
	count int
	err   error
}

func (t *transport) nonceFailed() nonceFailure {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nonced
}

// reply is what the headers of a reply say.
type reply struct {
	retryAfter time.Duration // 0 if there was none
	alternates []string      // Link rel="alternate" (RFC 8555 §7.4.2)
	body       []byte        // of a good reply that is not large
}

// client returns an HTTP client of this transport. Redirects stay on the CA's host, and never repeat a POST.
func (t *transport) client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 || via[0].Method == http.MethodPost {
			return &replyError{"redirect refused"}
		}
		return nil // RoundTrip checks the host
	}}
}

// RoundTrip implements [http.RoundTripper]. The reply's body has been read when it returns.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.roundTrip(r)
	if err != nil && r.Method == http.MethodHead {
		t.mu.Lock()
		t.nonced = nonceFailure{t.nonced.count + 1, &url.Error{Op: "Head", URL: r.URL.String(), Err: err}}
		t.mu.Unlock()
	}
	return response, err
}

func (t *transport) roundTrip(r *http.Request) (*http.Response, error) {
	if err := t.check(r.URL); err != nil {
		return nil, err
	}
	asks := r.Method == http.MethodHead && r.URL.String() == t.newNonce
	if asks {
		if value, ok := t.nonces.take(); ok {
			return answer(r, http.Header{"Replay-Nonce": {value}}, nil), nil
		}
	}
	if t.document != nil && r.Method == http.MethodGet && *r.URL == *t.directory {
		return answer(r, http.Header{"Content-Type": {"application/json"}}, t.document), nil
	}
	if err := t.turn(asks); err != nil {
		return nil, err
	}
	defer func() { <-t.slots }()
	response, body, err := t.exchange(r)
	if err != nil {
		return nil, err
	}
	fresh := response.Header.Get("Replay-Nonce")
	response.Header.Del("Replay-Nonce")
	if !asks {
		t.nonces.put(fresh)
	}
	seen := t.keep(r.URL, response, body)
	switch {
	case response.StatusCode >= 400:
		return nil, t.problem(response, body, seen)
	case asks:
		if !isNonce(fresh) {
			return nil, &replyError{"no usable Replay-Nonce in the reply to newNonce"}
		}
		response.Header.Set("Replay-Nonce", fresh)
	case response.StatusCode < 300 && len(body) > 0 && !acceptable(response.Header.Get("Content-Type"), body):
		return nil, &replyError{fmt.Sprintf("unexpected content type %s: %s",
			printable(response.Header.Get("Content-Type"), 60), printable(string(body), 120))}
	}
	if t.spell != nil && r.Method == http.MethodPost {
		body = t.spell(r.URL.String(), body)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}

// exchange sends a request and reads the whole reply, within the time for one.
func (t *transport) exchange(r *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(t.ctx, t.timeout, errTimeout)
	defer cancel()
	r = r.Clone(ctx)
	r.Header.Set("User-Agent", t.agent)
	began := t.now()
	response, body, err := t.send(r)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	values := []any{"method", r.Method, "url", r.URL.String(), "took", t.now().Sub(began)}
	switch {
	case errors.Is(err, errNotNeeded):
		values = append(values, "status", errNotNeeded.Error())
	case err != nil:
		values = append(values, "error", err)
	default:
		values = append(values, "status", response.StatusCode)
	}
	t.log.Debug("acme", values...)
	return response, body, err
}

// keep remembers what a reply says besides what lego reads.
func (t *transport) keep(from *url.URL, response *http.Response, body []byte) reply {
	seen := reply{retryAfter: t.retryAfter(response.Header), alternates: alternates(from, response.Header)}
	if response.StatusCode < 300 && len(body) <= keptBody {
		seen.body = body
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[from.String()] = seen
	return seen
}

// problem is the error that a reply is.
func (t *transport) problem(response *http.Response, body []byte, seen reply) *Problem {
	problem := parseProblem(response.StatusCode, body)
	if seen.retryAfter > 0 {
		problem.after = seen.retryAfter
		at := t.now().Add(seen.retryAfter + time.Second - 1).Truncate(time.Second)
		if seen.retryAfter < maxRetryAfter || problem.RetryAfter.Before(at) { // else the text has what was cut off
			problem.RetryAfter = at
		}
	}
	if problem.Type == "userActionRequired" {
		problem.Terms = printable(link(response.Header, "terms-of-service"), 200)
	}
	return problem
}

// check refuses every URL that is not the CA's own: a CA's replies must not lead us anywhere else.
func (t *transport) check(u *url.URL) error {
	if u.Scheme != "https" {
		return &replyError{"refused to follow " + printable(u.Redacted(), 200) + ": not https"}
	}
	if authority(u) != authority(t.directory) {
		return &replyError{"refused to follow " + printable(u.Redacted(), 200) + ": not on " + t.directory.Host}
	}
	return nil
}

// authority is host and port of a URL in one form: the port may be written out or not, and the host's case or a dot at its
// end say nothing (RFC 3986 §6.2).
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// turn waits until there may be one more request. Who gets a turn gives back a slot.
func (t *transport) turn(forNonce bool) error {
	if forNonce {
		if err := t.asking.wait(t.ctx); err != nil {
			return err
		}
	}
	select {
	case t.slots <- struct{}{}:
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

// send sends a request and reads the reply whole.
func (t *transport) send(r *http.Request) (*http.Response, []byte, error) {
	if err := failpoint.Hit("before request to CA"); err != nil {
		return nil, nil, err
	}
	response, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, nil, &replyError{"unexpected content encoding " + printable(encoding, 40)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err == nil {
		err = failpoint.Hit("after request to CA")
	}
	if err != nil {
		return nil, nil, err
	}
	if len(body) > maxBody {
		return nil, nil, &replyError{fmt.Sprintf("%d reply of more than %d bytes: %s", response.StatusCode, maxBody,
			printable(string(body[:200]), 120))}
	}
	return response, body, nil
}

// answer makes a reply without the network.
func answer(r *http.Request, header http.Header, body []byte) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// acceptable reports whether a body can be what was asked for. A page for people (text/html) cannot; other types that say
// neither JSON nor PEM, or nothing, are common enough that the contents decide: a document, or a certificate.
func acceptable(contentType string, body []byte) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json") ||
		media == "application/pem-certificate-chain") {
		return true
	}
	if err == nil && (media == "text/html" || media == "application/xhtml+xml") {
		return false
	}
	trimmed := bytes.TrimSpace(body)
	return contentType == "" || bytes.HasPrefix(trimmed, []byte("{")) ||
		bytes.Contains(trimmed, []byte("-----BEGIN CERTIFICATE-----"))
}

// seen returns what the headers of the last reply from a URL said.
func (t *transport) seen(u string) reply {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[u]
}

// forget drops what the last reply from a URL said.
func (t *transport) forget(u string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, u)
}

// retryAfter reads a Retry-After header, seconds or a date (RFC 9110 §10.2.3), within bounds; 0 if there is none that makes
// sense.
func (t *transport) retryAfter(h http.Header) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	if strings.Trim(s, "0123456789") == "" {
		seconds, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return maxRetryAfter // more digits than that
		}
		return min(max(time.Duration(seconds)*time.Second, minRetryAfter), maxRetryAfter)
	}
	if at, err := http.ParseTime(s); err == nil {
		now := t.now()
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date // by the clock that it was said by
		}
		return min(max(at.Sub(now), minRetryAfter), maxRetryAfter)
	}
	return minRetryAfter
}

// alternates returns the links to other chains of a certificate, ten at most.
func alternates(base *url.URL, h http.Header) []string {
	var found []string
	for _, target := range links(h, "alternate") {
		if u, err := base.Parse(target); err == nil && len(found) < 10 {
			found = append(found, u.String())
		}
	}
	return found
}

// link returns the first link of a relation (RFC 8288), or "".
func link(h http.Header, relation string) string {
	if found := links(h, relation); len(found) > 0 {
		return found[0]
	}
	return ""
}

func links(h http.Header, relation string) []string {
	form := regexp.MustCompile(`<([^<>]*)>\s*;[^<]*?\brel\s*=\s*"?` + relation + `\b"?`)
	var found []string
	for _, header := range h.Values("Link") {
		for _, m := range form.FindAllStringSubmatch(header, 20) {
			found = append(found, m[1])
		}
	}
	return found
}
