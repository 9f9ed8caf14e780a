package conoha

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// client calls the DNS API of one account (§3). Both generations have the same calls.
type client struct {
	base    string // DNS URL without /v1, no trailing slash
	paged   bool   // lists come in pages (Ver.3.0)
	http    *httpclient.Client
	session *session
	log     *slog.Logger
}

// loginError is why there is no token. A login has repetitions of its own.
type loginError struct{ error }

func (e *loginError) Unwrap() error { return e.error }

// repeat makes a request that may be made again without harm.
func (c *client) repeat(ctx context.Context, method, path string) (r httpclient.Reply, err error) {
	var noToken *loginError
	err = c.http.Repeat(ctx, func() (err error) {
		r, err = c.send(ctx, method, path, nil)
		switch {
		case errors.As(err, &noToken):
			return nil
		case err != nil:
			return err
		case httpclient.Transient(r.Status):
			return c.http.Refusal(r)
		case method == http.MethodGet && r.Status == http.StatusOK && !errors.Is(r.Cut, httpclient.ErrTooLarge):
			return r.Cut
		}
		return nil
	})
	if noToken != nil {
		err = noToken
	}
	return r, err
}

// send makes one request. A 401 buys one new token and one repetition (§7.C.4): the service has done nothing yet then. So
// does a 403, as it is not known what an expired token gets.
func (c *client) send(ctx context.Context, method, path string, payload any) (httpclient.Reply, error) {
	token, err := c.session.token(ctx, "")
	if err != nil {
		return httpclient.Reply{}, &loginError{err}
	}
	r, err := c.exchange(ctx, token, method, path, payload)
	if err != nil || !refusesToken(r.Status) {
		return r, err
	}
	c.log.Debug("conoha: the token is not accepted any more")
	if token, err = c.session.token(ctx, token); err != nil {
		return httpclient.Reply{}, &loginError{err}
	}
	return c.exchange(ctx, token, method, path, payload)
}

func (c *client) exchange(ctx context.Context, token, method, path string, payload any) (httpclient.Reply, error) {
	header := http.Header{"X-Auth-Token": {token}, "Accept": {"application/json"}}
	return c.http.Do(ctx, method, c.base+path, header, payload)
}

// refusesContent reports whether a status says that what was asked for cannot be: every 4xx but those about the asker.
func refusesContent(status int) bool {
	return status >= 400 && status < 500 && !httpclient.Transient(status) && !refusesToken(status)
}

// refusesToken reports whether a status may mean that a token is not good any more.
func refusesToken(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// failedService is a reply, or a part of one, that the service should not have sent.
func failedService(format string, args ...any) error {
	return providers.Errorf(providers.CodeService, providers.Failed, format, args...)
}
