package conoha

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// client calls the DNS API of one account (§3). Both generations have the same calls.
type client struct {
	base    string // DNS URL without /v1, no trailing slash
	paged   bool   // lists come in pages (Ver.3.0)
	agent   string
	http    *http.Client
	session *session
	mask    *httpclient.Mask
	patience
	log *slog.Logger
}

// patience is how long to wait for what.
type patience struct {
	call    time.Duration // one HTTP exchange
	pause   time.Duration // before the first repetition; doubles with each
	longest time.Duration // most that a Retry-After is worth
}

// retries is how often a call is repeated after a failure that may pass.
const retries = 3

// reply is what came back from one exchange.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    error // why body is not whole, if it is not
}

// brokenError is an exchange that ended without a status: nobody knows whether the service did what it was asked. The
// text is masked: some errors quote what came in place of a reply.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

// refusedError is a reply with a status that is no success.
type refusedError struct {
	status int
	text   string // masked and shortened
}

func (e *refusedError) Error() string {
	if e.text == "" {
		return strconv.Itoa(e.status) + " " + http.StatusText(e.status)
	}
	return strconv.Itoa(e.status) + " " + e.text
}

// repeat makes a request that may be made again without harm, up to 1+retries times.
func (c *client) repeat(ctx context.Context, method, path string) (reply, error) {
	for try := 0; ; try++ {
		r, err := c.send(ctx, method, path, nil)
		if !c.passing(method, r, err) {
			return r, err
		}
		if try == retries || !c.wait(ctx, try, r.header) {
			if ctx.Err() != nil {
				return r, ended(ctx)
			}
			if err == nil && r.cut != nil && r.status == http.StatusOK {
				err = unavailable(&brokenError{c.mask.Shown(r.cut.Error())})
			}
			return r, err
		}
	}
}

// passing reports whether a failure may be over at the next try.
func (c *client) passing(method string, r reply, err error) bool {
	if err != nil {
		_, broken := errors.AsType[*brokenError](err)
		return broken
	}
	if r.cut != nil && method == http.MethodGet && !errors.Is(r.cut, httpclient.ErrTooLarge) {
		return true
	}
	return passingStatus(r.status)
}

func passingStatus(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// send makes one request. A 401 buys one new token and one repetition (§7.C.4): the service has done nothing yet then. So
// does a 403, as nobody has seen what an expired token gets.
func (c *client) send(ctx context.Context, method, path string, payload any) (reply, error) {
	var body []byte
	if payload != nil {
		var err error
		if body, err = json.Marshal(payload); err != nil {
			return reply{}, providers.Errorf(providers.CodeService, providers.Internal, "%w", err)
		}
	}
	token, err := c.session.token(ctx, "")
	if err != nil {
		return reply{}, err
	}
	r, err := c.exchange(ctx, token, method, path, body)
	if err != nil || !refusesToken(r.status) {
		return r, err
	}
	c.log.Debug("conoha: the token is not accepted any more")
	if token, err = c.session.token(ctx, token); err != nil {
		return reply{}, err
	}
	return c.exchange(ctx, token, method, path, body)
}

func (c *client) exchange(ctx context.Context, token, method, path string, body []byte) (reply, error) {
	callCtx, cancel := context.WithTimeout(ctx, c.call)
	defer cancel()
	req, err := http.NewRequestWithContext(callCtx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, providers.Errorf(providers.CodeService, providers.Internal, "%w", err)
	}
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		err = c.noReply(ctx, callCtx, err, c.mask)
		c.log.Debug("conoha: no reply", "method", method, "path", path, "took", time.Since(start), "error", err)
		return reply{}, err
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	r.body, r.cut = io.ReadAll(resp.Body)
	if r.cut != nil && ctx.Err() != nil {
		return reply{}, ended(ctx)
	}
	c.log.Debug("conoha: reply", "method", method, "path", path, "status", r.status, "bytes", len(r.body), "took", time.Since(start))
	return r, nil
}

// noReply turns an error of an HTTP client into one that says whose time was up. The URL that such errors repeat is in the
// caller's message already, as far as it helps.
func (p patience) noReply(ctx, callCtx context.Context, err error, hidden *httpclient.Mask) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := hidden.Shown(err.Error())
	if callCtx.Err() != nil {
		text = "no reply within " + p.call.String()
	}
	return unavailable(&brokenError{text})
}

func unavailable(err error) error {
	return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", err)
}

// ended is the error of work that was broken off because ctx ended.
func ended(ctx context.Context) error {
	return unavailable(ctx.Err())
}

// wait waits before repetition number try+1: longer each time, never all clients at the same instant, and as long as the
// service asks for within reason. It returns false, at once, if ctx ends before the wait would.
func (p patience) wait(ctx context.Context, try int, header http.Header) bool {
	pause := p.pause << try
	pause = pause/2 + rand.N(pause/2+1)
	pause = max(pause, min(retryAfter(header), p.longest))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter reads the header of RFC 9110 §10.2.3, in both of its forms.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// refusal makes an error of a reply that is no success.
func (c *client) refusal(r reply) error {
	err := &refusedError{status: r.status}
	if r.cut == nil {
		err.text = c.mask.Shown(httpclient.ErrorText(r.body))
	}
	code, class := providers.CodeService, providers.Failed
	switch {
	case r.status >= 300 && r.status < 400:
		err.text = "redirect, which is not followed"
	case refusesToken(r.status):
		code, class = providers.CodeCredentials, providers.Refused
	case r.status == http.StatusRequestEntityTooLarge:
		class = providers.Misconfigured // over_quota (§3.7)
	case passingStatus(r.status):
		code, class = providers.CodeUnavailable, providers.Temporary
	}
	return providers.Errorf(code, class, "%w", err)
}

// statusOf returns the status that err is about, or 0.
func statusOf(err error) int {
	if e, ok := errors.AsType[*refusedError](err); ok {
		return e.status
	}
	return 0
}
