package conoha

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	mostBody  = 8 << 20 // a list of some ten thousand zones
	mostToken = 1 << 20 // a token with its service catalogue
)

// errTooLarge ends the reading of a body that is larger than anything the service has reason to send.
var errTooLarge = errors.New("the reply is too large")

// newTransport returns the connections of one account: few, reused, never without a limit of time.
func newTransport(timeout time.Duration) *http.Transport {
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

// capped limits the bodies of replies, as they are after decompression.
type capped struct {
	http.RoundTripper
	most int64
}

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &cappedBody{ReadCloser: resp.Body, left: c.most}
	}
	return resp, err
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
		return 0, errTooLarge
	}
	return n, err
}

// stay keeps a client from following redirects, which would carry X-Auth-Token, or a login's body, to another host.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
