package acmedns

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

const mostBody = 64 << 10

// client calls one acme-dns server.
type client struct {
	base    string
	timeout time.Duration
	agent   string
	allow   []string
	http    *http.Client
	mask    *httpclient.Mask
	log     *slog.Logger
}

func newClient(a account, o Options, log *slog.Logger) *client {
	return &client{
		base: a.base, timeout: a.timeout, agent: o.UserAgent, allow: a.allow, mask: &httpclient.Mask{}, log: log,
		http: &http.Client{
			Transport:     httpclient.Capped{RoundTripper: httpclient.NewTransport(a.timeout), Most: mostBody},
			CheckRedirect: httpclient.Stay, Timeout: a.timeout,
		},
	}
}

// openError is a failure that leaves open whether the server has done what was asked for.
type openError struct{ error }

func (e *openError) Unwrap() error { return e.error }

// register makes an account.
func (c *client) register(ctx context.Context) (entry, error) {
	request := struct {
		AllowFrom []string `json:"allowfrom"`
	}{c.allow}
	if request.AllowFrom == nil {
		request.AllowFrom = []string{}
	}
	status, body, err := c.post(ctx, "register", request, nil)
	if err == nil && status != http.StatusCreated && status != http.StatusOK {
		err = c.refusal(status, body, "it takes no registrations (disable_registration): ask who runs it for an account and put it into the file")
	}
	var e entry
	if err == nil && json.Unmarshal(body, &e) != nil {
		err = providers.Errorf(providers.CodeService, providers.Failed, "%d with a reply that is not of this API", status)
	}
	if err != nil {
		return entry{}, failed(err, "register at %s", c.base)
	}
	c.mask.Add(e.Password)
	return e, nil
}

// update makes a value the newer one of a registration's two. Of an error that is no [openError], nothing has come.
func (c *client) update(ctx context.Context, r registration, value string) error {
	c.mask.Add(r.password.Reveal())
	request := struct {
		Subdomain string `json:"subdomain"`
		TXT       string `json:"txt"`
	}{r.subdomain, value}
	status, body, err := c.post(ctx, "update", request, http.Header{
		"X-Api-User": {r.username}, "X-Api-Key": {r.password.Reveal()},
	})
	var reply struct {
		TXT string `json:"txt"`
	}
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return c.refusal(status, body, "there is no acme-dns at this URL ("+apiBase+")")
	case json.Unmarshal(body, &reply) != nil || reply.TXT != value:
		return &openError{providers.Errorf(providers.CodeService, providers.Failed, "%d with a reply that is not of this API", status)}
	}
	return nil
}

// post makes one request.
func (c *client) post(ctx context.Context, path string, body any, header http.Header) (status int, reply []byte, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/"+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/json")
	if c.agent != "" {
		request.Header.Set("User-Agent", c.agent)
	}
	begin := time.Now()
	response, err := c.http.Do(request)
	if err == nil {
		defer response.Body.Close()
		status = response.StatusCode
		reply, err = io.ReadAll(response.Body)
	}
	c.log.Debug("acmedns: "+path, "status", status, "after", time.Since(begin))
	switch {
	case err == nil:
		return status, reply, nil
	case errors.Is(err, httpclient.ErrTooLarge):
		err = providers.Errorf(providers.CodeService, providers.Failed, "%w", httpclient.ErrTooLarge)
	case ctx.Err() != nil:
		err = unavailable("%w", ctx.Err())
	case os.IsTimeout(err):
		err = unavailable("no reply within %v", c.timeout)
	default:
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		err = unavailable("%s", c.mask.Shown(err.Error()))
	}
	if sent.Load() {
		err = &openError{err}
	}
	return 0, nil, err
}

// refusal is the error for a status that is no success; absent is what 404 means.
func (c *client) refusal(status int, body []byte, absent string) error {
	text := cmp.Or(c.mask.Shown(httpclient.ErrorText(body)), strings.ToLower(http.StatusText(status)))
	no := func(code string, class providers.Class, why string) error {
		return providers.Errorf(code, class, "%d %s%s", status, text, why)
	}
	switch {
	case status >= 300 && status < 400:
		return no(providers.CodeBadSettings, providers.Misconfigured, ": redirects are not followed: set "+apiBase+" to where it leads")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return no(providers.CodeCredentials, providers.Refused, ": the server does not know the account, or not from this machine's address (allowfrom)")
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return no(providers.CodeBadSettings, providers.Misconfigured, ": "+absent)
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout, status == http.StatusRequestTimeout: // a proxy's
		return &openError{no(providers.CodeUnavailable, providers.Temporary, "")}
	case status == http.StatusTooManyRequests, status >= 500:
		return no(providers.CodeUnavailable, providers.Temporary, "")
	}
	return no(providers.CodeService, providers.Failed, "")
}

func unavailable(format string, args ...any) error {
	return providers.Errorf(providers.CodeUnavailable, providers.Temporary, format, args...)
}
