package propagation

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"

	"github.com/miekg/dns"

	"wildcard/internal/fault"
	"wildcard/internal/system/failpoint"
)

const dnsMessage = "application/dns-message" // RFC 8484 §6

// newHTTPClient returns the client for DNS over HTTPS. It goes through the proxies of the environment, finds the resolver
// by the system's own means, and follows no redirect: the resolver that the user trusts is the one that answers.
func newHTTPClient(roots *x509.CertPool, mayAsk func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{}
	if mayAsk != nil {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			if to, err := netip.ParseAddrPort(address); err != nil || !mayAsk(to.Addr()) {
				return errors.New("it is at an address that may not be asked")
			}
			return nil
		}
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 2,
			MaxConnsPerHost:     8,

			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// askHTTPS sends q to the DNS over HTTPS resolver at address (RFC 8484 §4.1, POST).
func (s *session) askHTTPS(parent context.Context, address string, q question) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(parent, 3*s.settings.timeout())
	defer cancel()
	id, packet, err := q.query(true, true)
	if err != nil {
		return nil, &transportError{state: Unreachable, text: "cannot be asked: " + err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(packet))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", dnsMessage)
	request.Header.Set("Accept", dnsMessage)
	if err := failpoint.Hit("before question to resolver"); err != nil {
		return nil, &transportError{state: Unreachable, text: err.Error()}
	}
	response, err := s.http.Do(request)
	if err != nil {
		if parent.Err() != nil {
			return nil, context.Cause(parent)
		}
		if ctx.Err() != nil {
			return nil, &transportError{state: Silent, text: "no answer"}
		}
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err // without the address once more
		}
		return nil, &transportError{state: Unreachable, text: fault.Excerpt(err.Error())}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, dns.MaxMsgSize+1))
	if err == nil {
		err = failpoint.Hit("after question to resolver")
	}
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, &transportError{state: Silent, text: "the answer breaks off"}
	case response.StatusCode != http.StatusOK:
		return nil, &transportError{state: Lame, text: fmt.Sprintf("HTTP status %d", response.StatusCode)}
	case mediaType != dnsMessage || len(body) > dns.MaxMsgSize:
		return nil, &transportError{state: Lame, text: "the answer is no DNS message"}
	}
	msg, err := parseAnswer(body, id, q)
	if err != nil || msg.Truncated {
		return nil, &transportError{state: Lame, text: "the answer is no whole DNS message for the question"}
	}
	return msg, nil
}
