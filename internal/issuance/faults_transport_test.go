package issuance_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// Fault #1: a directory that fails twice is read in the end.
func TestDirectoryFailsTwice(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	busy := acmetest.Is(func() *acmetest.Reply { return acmetest.Text(503, "text/plain", "busy") })
	w.ca.On(acmetest.Directory, acmetest.Once(busy, busy))
	w.issuer.CA = w.dialTo(issuance.Options{})
	w.succeeds()
}

// Fault #2: a log-in page of a hotel is no directory. Fault #3: nor is a document with parts missing.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	without := func(entry string) acmetest.Script {
		return func(r *acmetest.Request) *acmetest.Reply {
			return r.Next().Edit(func(d map[string]any) { delete(d, entry) })
		}
	}
	for name, script := range map[string]acmetest.Script{
		"captive portal": acmetest.Is(func() *acmetest.Reply { return acmetest.Text(200, "text/html", "<html>Please log in</html>") }),
		"as JSON":        acmetest.Is(func() *acmetest.Reply { return acmetest.Text(200, "application/json", "<html>Please log in</html>") }),
		"array":          acmetest.Is(func() *acmetest.Reply { return acmetest.JSON(200, []int{1}) }),
		"null":           acmetest.Is(func() *acmetest.Reply { return acmetest.Text(200, "application/json", "null") }),
		"no newNonce":    without("newNonce"),
		"no newOrder":    without("newOrder"),
		"no newAccount":  without("newAccount"),
		"other host": func(r *acmetest.Request) *acmetest.Reply {
			return r.Next().Edit(func(d map[string]any) { d["newOrder"] = "https://evil.example/new-order" })
		},
		"not https": func(r *acmetest.Request) *acmetest.Reply {
			return r.Next().Edit(func(d map[string]any) { d["newNonce"] = "http://" + w.ca.Host() + "/new-nonce" })
		},
	} {
		w.ca.On(acmetest.Directory, script)
		_, err := w.tryDial(issuance.Options{})
		t.Log(name, err)
		failedWith(t, err, issuance.CodeDirectory, fault.Failed, "")
	}
	w.untouched()
}

// Fault #4: an error body that is JSON, but no object, is an error like any other.
func TestErrorBodies(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{Deviations: acmetest.Deviations{NoLimits: true}})
	for _, endpoint := range []acmetest.Endpoint{acmetest.NewOrder, acmetest.Authorization, acmetest.Finalize, acmetest.Certificate} {
		for _, body := range []string{"null", "[]", `"x"`, "7", "", "{", `{"type":7,"detail":[]}`, `{"subproblems":[null]}`} {
			w.ca.On(endpoint, acmetest.Is(func() *acmetest.Reply {
				return w.ca.Nonce(acmetest.Text(403, "application/problem+json", body))
			}))
			w.fails(issuance.CodeRefused, fault.Failed, "403")
			w.ca.On(endpoint, nil)
		}
	}
}

// endless writes a reply without end and counts what is taken of it.
func endless(head, text string, taken *atomic.Int64) *acmetest.Reply {
	return &acmetest.Reply{Write: func(to io.Writer) error {
		if _, err := io.WriteString(to, head+"\r\n\r\n"); err != nil {
			return err
		}
		block := []byte(strings.Repeat(text, 64<<10/len(text)))
		for taken.Load() < 200<<20 {
			n, err := to.Write(block)
			taken.Add(int64(n))
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

// Fault #5: an error page of 10 MB and more is not read to its end, nor shown. Fault #6: nor a document.
func TestHugeBodies(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{HTTP1: true})
	for _, test := range []struct{ head, text string }{
		{"HTTP/1.1 500 Broken\r\nContent-Type: text/html", "<p>all is lost</p>"},
		{"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json", `{"detail":"` + strings.Repeat("x", 1000)},
		{"HTTP/1.1 201 Created\r\nContent-Type: application/json", `[[[["junk",`},
		{"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 209715200", `{"a":1}   `},
	} {
		var taken atomic.Int64
		w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply { return endless(test.head, test.text, &taken) })
		w.fails(issuance.CodeReply, fault.Failed, "more than 1048576 bytes")
		if n := taken.Load(); n > 20<<20 {
			t.Errorf("%s: %d bytes were taken", test.head, n)
		}
	}
	w.untouched()
}

// Fault #7: 200 MB in 200 kB of gzip. No encoding was asked for, so none is undone.
func TestGzipBomb(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 200 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("Accept-Encoding: %s", r.Header.Get("Accept-Encoding"))
		}
		return acmetest.Text(201, "application/json", bomb.String()).With("Content-Encoding", "gzip")
	})
	w.fails(issuance.CodeReply, fault.Failed, "gzip")
	w.untouched()
}

// Fault #8: headers that never come, and fault #9: a body that comes byte by byte, end after the time that a request may
// take, and are tried again once.
func TestSlowReplies(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{HTTP1: true})
	w.impatient(time.Second) // enough for a request to arrive where there is much else to do
	for name, reply := range map[string]*acmetest.Reply{
		"no headers": {Write: func(io.Writer) error { <-w.ca.Ended(); return nil }},
		"a byte at a time": {Write: func(to io.Writer) error {
			_, err := io.WriteString(to, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n")
			for err == nil {
				select {
				case <-time.After(50 * time.Millisecond):
				case <-w.ca.Ended():
					return nil
				}
				_, err = io.WriteString(to, " ")
			}
			return err
		}},
	} {
		w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply { return reply })
		w.fails(issuance.CodeUnreachable, fault.Temporary, "no complete answer in time")
		if n := w.ca.Count(acmetest.NewOrder); n != 2 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	w.untouched()
}

// Fault #10: a connection that is never accepted.
func TestConnectHangs(t *testing.T) {
	t.Parallel()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 { // fill the backlog
		if conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
			defer conn.Close()
		}
	}
	_, err = issuance.Dial(t.Context(), issuance.Options{Server: "https://" + address + "/dir", RequestTimeout: 300 * time.Millisecond})
	failedWith(t, err, issuance.CodeUnreachable, fault.Temporary, address)
}

// Fault #11: connections that break, or bring less than they said, on what may be asked again.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	broken := map[string]func(*acmetest.Request) *acmetest.Reply{
		"lost": acmetest.Lost,
		"short": func(r *acmetest.Request) *acmetest.Reply {
			r.Next()
			return &acmetest.Reply{Raw: []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{")}
		},
		"garbage": func(r *acmetest.Request) *acmetest.Reply {
			r.Next()
			return &acmetest.Reply{Raw: []byte("\x00\x01\x02 no HTTP\r\n\r\n")}
		},
	}
	for name, reply := range broken {
		for _, endpoint := range []acmetest.Endpoint{
			acmetest.NewNonce, acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate,
		} {
			if name == "short" && endpoint == acmetest.NewNonce {
				continue // HEAD has no body that could be short
			}
			t.Run(name+" "+string(endpoint), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{HTTP1: true})
				w.ca.On(endpoint, acmetest.Once(reply, reply))
				w.succeeds()
				if n := len(w.ca.Orders()); n != 1 {
					t.Errorf("%d orders", n)
				}
			})
		}
	}
}

// certificateOf makes a self-signed certificate for a listener.
func certificateOf(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Fault #12: a CA whose own certificate is self-signed, for another name or expired is not talked to. Fault #13: nor one
// that knows old TLS only.
func TestTLS(t *testing.T) {
	t.Parallel()
	dial := func(config *tls.Config, roots *x509.CertPool) error {
		ca, err := acmetest.Start(acmetest.Options{TLS: config})
		if err != nil {
			t.Fatal(err)
		}
		defer ca.Close()
		_, err = issuance.Dial(t.Context(), issuance.Options{Server: ca.DirectoryURL(), RootCAs: roots})
		if n := ca.Count(acmetest.Directory); n != 0 && err != nil {
			t.Errorf("%d requests were sent", n)
		}
		return err
	}
	good, trusted := certificateOf(t, func(*x509.Certificate) {})
	if err := dial(&tls.Config{Certificates: []tls.Certificate{good}}, trusted); err != nil {
		t.Fatal(err)
	}
	failedWith(t, dial(&tls.Config{Certificates: []tls.Certificate{good}}, x509.NewCertPool()), issuance.CodeTLS, fault.Failed, "unknown authority")
	other, pool := certificateOf(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} })
	failedWith(t, dial(&tls.Config{Certificates: []tls.Certificate{other}}, pool), issuance.CodeTLS, fault.Failed, "127.0.0.1")
	old, pool := certificateOf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	failedWith(t, dial(&tls.Config{Certificates: []tls.Certificate{old}}, pool), issuance.CodeTLS, fault.Failed, "expired")
	failedWith(t, dial(&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, trusted),
		issuance.CodeTLS, fault.Failed, "protocol version")
}

// Fault #14: redirects to http. Fault #15: redirects to another host; what a POST carries is not sent there.
func TestRedirects(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	var asked atomic.Int64
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer plain.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.RootPEM())
	roots.AddCert(other.Certificate())
	w.issuer.CA = w.dialTo(issuance.Options{RootCAs: roots})
	for _, target := range []string{other.URL, plain.URL, "http://" + w.ca.Host() + "/directory"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			away := acmetest.Is(func() *acmetest.Reply {
				return w.ca.Nonce(acmetest.Text(status, "text/plain", "gone")).With("Location", target)
			})
			w.ca.On(acmetest.Directory, away)
			_, err := w.tryDial(issuance.Options{RootCAs: roots})
			failedWith(t, err, issuance.CodeDirectory, fault.Failed, "refused")
			w.ca.On(acmetest.Directory, nil)
			for _, endpoint := range []acmetest.Endpoint{acmetest.NewNonce, acmetest.NewOrder, acmetest.Authorization} {
				w.issuer.CA = w.dialTo(issuance.Options{RootCAs: roots})
				w.ca.On(endpoint, away)
				w.fails(issuance.CodeReply, fault.Failed, "")
				w.ca.On(endpoint, nil)
			}
		}
	}
	// A POST is not even repeated on the CA's own host.
	w.ca.On(acmetest.NewOrder, func(*acmetest.Request) *acmetest.Reply {
		return w.ca.Nonce(acmetest.Text(307, "text/plain", "")).With("Location", "/new-order")
	})
	w.fails(issuance.CodeReply, fault.Failed, "redirect refused")
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// Fault #19: a CA that asks to come back in a second gets its second; one that asks for an hour ends the run, with the
// instant. Fault #20: dates in the past and the far future are kept within bounds.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	later := func(value string) func(*acmetest.Request) *acmetest.Reply {
		return func(r *acmetest.Request) *acmetest.Reply {
			return r.Next().With("Retry-After", value)
		}
	}
	limited := func(w *scripted, value string) func(*acmetest.Request) *acmetest.Reply {
		return acmetest.Is(func() *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(429, "rateLimited", "slowly")).With("Retry-After", value)
		})
	}
	for _, value := range []string{"1", "0", "-1", "Sat, 01 Jan 2000 00:00:00 GMT", "abc"} {
		t.Run("short "+value, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.NewOrder, acmetest.Once(limited(w, value)))
			w.ca.On(acmetest.Order, acmetest.Once(later(value)))
			w.succeeds()
			if n := w.ca.Count(acmetest.NewOrder); n != 2 {
				t.Errorf("%d requests for an order", n)
			}
		})
	}
	for _, value := range []string{"3600", "1000000000000000000", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		t.Run("long "+value, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.ca.On(acmetest.NewOrder, limited(w, value))
			err := w.fails(issuance.CodeRateLimited, fault.Temporary, "slowly")
			problem := problemIn(t, err)
			if left := time.Until(problem.RetryAfter); left < 30*time.Minute || left > 25*time.Hour {
				t.Errorf("come back in %v", left)
			}
			if n := w.ca.Count(acmetest.NewOrder); n != 1 {
				t.Errorf("%d requests for an order", n)
			}
			w.untouched()
		})
	}
}

// Fault #21: a limit on newNonce is a limit.
func TestNonceLimited(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.issuer.CA = w.dialTo(issuance.Options{}) // without nonces
	w.ca.On(acmetest.NewNonce, acmetest.Is(func() *acmetest.Reply {
		return acmetest.Problem(429, "rateLimited", "slowly").With("Retry-After", "7200")
	}))
	err := w.fails(issuance.CodeRateLimited, fault.Temporary, "429")
	if problemIn(t, err).RetryAfter.IsZero() {
		t.Error("the instant is lost")
	}
	w.untouched()
}

// Fault #22: a Retry-After on challenge, authorization or order that makes no sense neither floods the CA nor outlives the
// run's deadline.
func TestPollingStaysWithinBounds(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"-1", "0", "abc", "1000000000000000000"} {
		for _, endpoint := range []acmetest.Endpoint{acmetest.Challenge, acmetest.Authorization, acmetest.Order, acmetest.Finalize} {
			t.Run(value+" "+string(endpoint), func(t *testing.T) {
				t.Parallel()
				o := acmetest.Options{ValidationTime: acmetest.Takes(24 * time.Hour)}
				if endpoint == acmetest.Finalize {
					o.ValidationTime = acmetest.Takes(0)
				}
				w := newScripted(t, o)
				w.issuer.Limit = 10 * time.Minute
				w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply { return r.Next().With("Retry-After", value) })
				if endpoint == acmetest.Finalize {
					w.ca.On(acmetest.Finalize, processing(value))
					w.ca.On(acmetest.Order, processing(value))
				}
				w.fails(issuance.CodeDeadline, fault.Temporary, "", "*.example.com")
				if n := w.ca.Count(acmetest.Authorization) + w.ca.Count(acmetest.Order) + w.ca.Count(acmetest.Challenge); n > 220 || n < 20 {
					t.Errorf("%d requests in 10 minutes", n)
				}
			})
		}
	}
}

// processing keeps an order in processing.
func processing(retryAfter string) acmetest.Script {
	return func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next().Edit(func(d map[string]any) {
			if d["status"] == "valid" {
				d["status"] = "processing"
				delete(d, "certificate")
			}
		})
		if retryAfter != "" {
			reply.With("Retry-After", retryAfter)
		}
		return reply
	}
}

// Fault #23: polls that fail once, or three times, cost an order nothing. Fault #24: nor does newOrder that fails twice.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	busy := acmetest.Is(func() *acmetest.Reply { return acmetest.Text(503, "text/plain", "busy") })
	for name, on := range map[string]struct {
		endpoint acmetest.Endpoint
		times    int
	}{
		"authorization once": {acmetest.Authorization, 1}, "authorization three times": {acmetest.Authorization, 3},
		"new order twice": {acmetest.NewOrder, 2}, "order twice": {acmetest.Order, 2}, "certificate three times": {acmetest.Certificate, 3},
		"nonce twice": {acmetest.NewNonce, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			w.issuer.CA = w.dialTo(issuance.Options{})
			var script []func(*acmetest.Request) *acmetest.Reply
			for range on.times {
				script = append(script, busy)
			}
			w.ca.On(on.endpoint, acmetest.Once(script...))
			w.succeeds("*.example.com")
			if n := len(w.ca.Orders()); n != 1 {
				t.Errorf("%d orders", n)
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{})
		w.ca.On(acmetest.NewOrder, busy)
		w.fails(issuance.CodeUnavailable, fault.Temporary, "503: busy")
		w.untouched()
	})
}

// Fault #25: a CA that rejects every fifth, or every second, good nonce.
func TestNonceRejected(t *testing.T) {
	t.Parallel()
	for _, every := range []int{5, 2} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			var n atomic.Int64
			for _, endpoint := range []acmetest.Endpoint{
				acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate,
			} {
				w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply {
					if n.Add(1)%int64(every) == 0 {
						return w.ca.Nonce(acmetest.Problem(400, "badNonce", "no"))
					}
					return r.Next()
				})
			}
			w.succeeds("*.example.com", "example.com", "a.example.net", "b.example.net", "example.net")
			if len(w.ca.Orders()) != 1 || n.Load() < 15 {
				t.Errorf("%d orders, %d requests", len(w.ca.Orders()), n.Load())
			}
		})
	}
}

// A CA that restarts, as Boulder does: one 500 with "Retry-After: 60", and when it is back it knows the nonces from before no
// more, and its replica not yet what was made just now. The minute that was waited does not count for the patience with those.
func TestAttempt_RestartOfTheCA(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []acmetest.Endpoint{
		acmetest.NewOrder, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Order, acmetest.Certificate,
	} {
		for _, missing := range []bool{false, true} {
			if missing && !slices.Contains([]acmetest.Endpoint{acmetest.Authorization, acmetest.Order, acmetest.Certificate}, endpoint) {
				continue
			}
			t.Run(fmt.Sprint(endpoint, missing), func(t *testing.T) {
				t.Parallel()
				w := newScripted(t, acmetest.Options{ValidationTime: acmetest.Takes(5 * time.Minute)})
				var n atomic.Int64
				w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply {
					switch n.Add(1) {
					case 1:
						return w.ca.Nonce(acmetest.Problem(500, "serverInternal", "Unable to validate JWS").With("Retry-After", "60"))
					case 2, 3:
						if missing {
							return w.ca.Nonce(acmetest.Problem(404, "malformed", "not found"))
						}
						return w.ca.Nonce(acmetest.Problem(400, "badNonce", "no"))
					}
					return r.Next()
				})
				w.succeeds("*.example.com")
				if n.Load() < 2 {
					t.Errorf("%d requests", n.Load())
				}
			})
		}
	}
}

// Fault #26: a CA that rejects every nonce is given up.
func TestNonceRejectedForEver(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply { return w.ca.Nonce(acmetest.Problem(400, "badNonce", "no")) }))
	w.fails(issuance.CodeUnavailable, fault.Temporary, "badNonce")
	if n := w.ca.Count(acmetest.NewOrder); n > 11 {
		t.Errorf("%d requests", n)
	}
	w.untouched()
}

// Fault #27: replies without a nonce cost a request for one each. Fault #28: a nonce that is none is not used.
func TestNonces(t *testing.T) {
	t.Parallel()
	for name, nonce := range map[string]string{"none": "", "not base64url": "a+/=", "a space": "a b", "too long": strings.Repeat("a", 10000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			for _, endpoint := range []acmetest.Endpoint{
				acmetest.NewOrder, acmetest.Order, acmetest.Authorization, acmetest.Challenge, acmetest.Finalize, acmetest.Certificate,
			} {
				w.ca.On(endpoint, func(r *acmetest.Request) *acmetest.Reply {
					reply := r.Next()
					reply.Header.Del("Replay-Nonce")
					if nonce != "" {
						reply.With("Replay-Nonce", nonce)
					}
					return reply
				})
			}
			w.succeeds()
		})
	}
	t.Run("line breaks", func(t *testing.T) {
		t.Parallel()
		w := newScripted(t, acmetest.Options{HTTP1: true})
		w.issuer.CA = w.dialTo(issuance.Options{})
		w.ca.On(acmetest.NewNonce, acmetest.Is(func() *acmetest.Reply {
			return &acmetest.Reply{Raw: []byte("HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\n def\r\nContent-Length: 0\r\n\r\n")}
		}))
		w.fails(issuance.CodeReply, fault.Failed, "Replay-Nonce")
		w.untouched()
	})
}

// Fault #29: a resource of another type is refused, a problem is shown whatever it says it is. Fault #30: JSON that is
// nested without end, or has a member twice.
func TestOddReplies(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply { return r.Next().With("Content-Type", "text/html") })
	w.fails(issuance.CodeReply, fault.Failed, "text/html")
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Text(403, "", `{"detail":"because I say so"}`))
	}))
	w.fails(issuance.CodeRefused, fault.Failed, "because I say so")
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
		return w.ca.Nonce(acmetest.Text(201, "application/json", strings.Repeat(`{"a":`, 200_000))).With("Location", "https://"+w.ca.Host()+"/order/1")
	}))
	w.fails(issuance.CodeReply, fault.Failed, "")
	w.ca.On(acmetest.NewOrder, func(r *acmetest.Request) *acmetest.Reply {
		reply := r.Next()
		reply.Body = append([]byte(`{"status":"valid","status":"ready",`), reply.Body[1:]...)
		return reply
	})
	w.untouched()
	w.succeeds() // the last one counts, as encoding/json has it; what is obtained is checked all the same
}

// Fault #31: what a CA says is printed in one short line, and nothing that a terminal obeys.
func TestHostileProblem(t *testing.T) {
	t.Parallel()
	w := newScripted(t, acmetest.Options{})
	for _, detail := range []string{
		"\x1b[2J\x1b]0;owned\x07red\r\nfake line\u202e", strings.Repeat("long ", 200_000), "\u2028\u200b\ufeff\x00\x7f\u0085",
	} {
		w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
			return w.ca.Nonce(acmetest.Problem(403, "unauth\x1borized", detail))
		}))
		err := w.fails(issuance.CodeRefused, fault.Failed, "403 unauth orized")
		if strings.ContainsAny(err.Error(), "\n\u202e\u200b") {
			t.Errorf("%q", err)
		}
	}
	w.ca.On(acmetest.NewOrder, acmetest.Is(func() *acmetest.Reply {
		var names []any
		for i := range 2000 {
			names = append(names, map[string]any{"type": "x", "detail": "\x1bno\n", "identifier": map[string]any{"type": "dns", "value": fmt.Sprintf("n%d\n", i)}})
		}
		return w.ca.Nonce(acmetest.JSON(403, map[string]any{"type": "compound", "subproblems": names}))
	}))
	w.fails(issuance.CodeRefused, fault.Failed, "n0")
	w.untouched()
}

func problemIn(t testing.TB, err error) *issuance.Problem {
	t.Helper()
	p, ok := errors.AsType[*issuance.Problem](err)
	if !ok {
		t.Fatalf("no problem of the CA's in %v", err)
	}
	return p
}
