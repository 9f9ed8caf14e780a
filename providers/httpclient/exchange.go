package httpclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"wildcard/internal/system/failpoint"
	"wildcard/providers"
)

// LostError says that an exchange ended without a reply, or without a whole one: whether the service did what it was asked for is not
// known. Its code is CodeUnavailable (Temporary), or CodeService for a reply that is too large.
type LostError struct {
	Err  error // the context's, or text that can be shown
	Sent bool  // there was a connection; else the service has done nothing
}

func (e *LostError) Error() string { return e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// Exchange is a client's transport for a library that speaks HTTP by itself, gophercloud. It keeps what came over the wire last, so
// that nothing has to be read out of the library's errors, which carry bodies. It is for one call at a time.
type Exchange struct {
	Reply

	client *Client
	err    error // why there was no reply, or no whole one
}

// Exchange returns a new one.
func (c *Client) Exchange() *Exchange { return &Exchange{client: c} }

// RoundTrip makes one request and reads the whole reply.
func (e *Exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	c := e.client
	e.Reply, e.err = Reply{}, nil
	limited, cancel := context.WithTimeout(r.Context(), c.Timeout)
	defer cancel()
	var sent atomic.Bool
	request := r.Clone(httptrace.WithClientTrace(limited,
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}))
	if c.Agent != "" {
		request.Header.Set("User-Agent", c.Agent)
	}
	began := time.Now()
	response, err := c.send(request)
	if err == nil {
		defer response.Body.Close()
		e.Status, e.Header = response.StatusCode, response.Header
		e.Body, err = io.ReadAll(&weighed{Reader: &limitedBody{response.Body, c.MaxBody}})
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(e.Body)), int64(len(e.Body))
	}
	if err != nil {
		e.err = c.lost(r.Context(), limited, err, sent.Load())
	}
	c.Log.Debug(c.Service+": request", "method", r.Method, "path", r.URL.RequestURI(), "status", e.Status, "bytes",
		len(e.Body),
		"took", time.Since(began), "error", e.err)
	if e.err != nil {
		return nil, e.err
	}
	return response, nil
}

func (c *Client) send(r *http.Request) (*http.Response, error) {
	if err := failpoint.Hit("before request to service"); err != nil {
		return nil, err
	}
	response, err := c.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := failpoint.Hit("after request to service"); err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	return response, nil
}

// lost makes an error that says whose time was up, if it was. Others are masked, since some quote what came in place of a reply.
func (c *Client) lost(caller, limited context.Context, err error, sent bool) error {
	code, class := providers.CodeUnavailable, providers.Temporary
	switch {
	case caller.Err() != nil:
		err = context.Cause(caller)
	case errors.Is(err, ErrTooLarge):
		code, class = providers.CodeService, providers.Failed
	case limited.Err() != nil:
		err = errors.New("no reply within " + c.Timeout.String())
	case providers.CodeOf(err) != "": // Dial's own
		code, class = providers.CodeOf(err), providers.ClassOf(err)
	default:
		err = providers.Foreign(c.Mask.Shown(err.Error()))
	}
	return providers.Errorf(code, class, "%w", &LostError{err, sent})
}

// HTTPClient is the exchange as the library wants to have it.
func (e *Exchange) HTTPClient() http.Client {
	return http.Client{Transport: e,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// NoReply returns why there is no reply, given what the library made of that; nil if there is one.
func (e *Exchange) NoReply(ctx context.Context, err error) error {
	switch {
	case e.err != nil:
		return e.err
	case e.Status != 0:
		return nil
	case ctx.Err() != nil:
		return Unavailable(context.Cause(ctx))
	case err == nil:
		err = errors.New("nothing was sent")
	}
	return providers.Errorf(providers.CodeService, providers.Internal, "the request could not be made: %s",
		e.client.Mask.Shown(err.Error()))
}
