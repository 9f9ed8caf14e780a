package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ErrTooLarge ends the reading of a body that is larger, or has more in it, than anything the service has reason to send.
var ErrTooLarge = errors.New("the reply is too large")

// Dial makes a connection, as [net.Dialer.DialContext] does; nil makes every one.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

const connections = 4 // to one host: what many names' records cost is their number over this

// NewTransport returns the connections of one account: few, reused, never without a limit of time.
func NewTransport(timeout time.Duration, dial Dial) *http.Transport {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	limit := min(timeout, 10*time.Second)
	return &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return dial(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    min(timeout, 10*time.Second),
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
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

// limitedBody ends with [ErrTooLarge] after so many bytes.
type limitedBody struct {
	io.Reader
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
