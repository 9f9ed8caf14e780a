// Package httpclient is HTTP as it is spoken to DNS services with secrets in hand: few connections, no wait without an end, no
// redirect followed, no body without a limit, and no secret in what is shown of a reply.
package httpclient

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"wildcard/internal/system/failpoint"
)

// ErrTooLarge ends the reading of a body that is larger than anything the service has reason to send.
var ErrTooLarge = errors.New("the reply is too large")

// NewTransport returns the connections of one account: few, reused, never without a limit of time.
func NewTransport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(timeout, 10*time.Second)}
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    min(timeout, 10*time.Second),
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        3, // with the one for the login no more than four
		MaxIdleConnsPerHost:    3,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// proxy is [http.ProxyFromEnvironment], but for errors that quote the proxy's password.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY cannot be used as it is")
	}
	return u, nil
}

// Capped limits the bodies of replies, as they are after decompression, to Most bytes; then reading them ends with
// [ErrTooLarge].
type Capped struct {
	http.RoundTripper

	Most int64
}

func (c Capped) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := failpoint.Hit("before request to service"); err != nil {
		return nil, err
	}
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &cappedBody{ReadCloser: resp.Body, left: c.Most}
	if err := failpoint.Hit("after request to service"); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return resp, nil
}

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Stay keeps a client from following redirects, which would carry X-Auth-Token, or a login's body, to another host.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
